package mps.device.android;

import android.content.Context;
import android.content.SharedPreferences;
import android.util.Base64;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import mps.device.FileStore;

/**
 * The device's state on a phone: files in the folder that no backup holds, and the credentials in SharedPreferences, encrypted
 * with a key that does not leave the phone. Credentials that cannot be decrypted are none: this is another phone.
 */
public class AndroidStore extends FileStore {
    static final String PREFERENCES = "mps-device";
    private static final String CREDENTIALS = "credentials";

    private final SharedPreferences preferences;
    private final Sealer sealer;

    /** Encrypts and decrypts with a key of this phone. */
    interface Sealer {
        byte[] seal(byte[] plain) throws GeneralSecurityException;

        byte[] open(byte[] sealed) throws GeneralSecurityException;
    }

    /** Makes the app's store. */
    public AndroidStore(Context context) {
        this(context, new KeystoreSealer());
    }

    AndroidStore(Context context, Sealer sealer) {
        super(new File(context.getNoBackupFilesDir(), "mps-device"));
        this.preferences = context.getSharedPreferences(PREFERENCES, Context.MODE_PRIVATE);
        this.sealer = sealer;
    }

    @Override
    public String readCredentials() {
        String sealed = preferences.getString(CREDENTIALS, null);
        if (sealed == null) {
            return null;
        }
        try {
            return new String(sealer.open(Base64.decode(sealed, Base64.NO_WRAP)), StandardCharsets.UTF_8);
        } catch (GeneralSecurityException | IllegalArgumentException anotherPhone) {
            return null;
        }
    }

    @Override
    public void writeCredentials(String text) throws IOException {
        SharedPreferences.Editor editor = preferences.edit();
        if (text == null) {
            editor.remove(CREDENTIALS);
        } else {
            try {
                byte[] sealed = sealer.seal(text.getBytes(StandardCharsets.UTF_8));
                editor.putString(CREDENTIALS, Base64.encodeToString(sealed, Base64.NO_WRAP));
            } catch (GeneralSecurityException error) {
                throw new IOException("the credentials cannot be encrypted", error);
            }
        }
        if (!editor.commit()) {
            throw new IOException("the credentials cannot be stored");
        }
    }
}
