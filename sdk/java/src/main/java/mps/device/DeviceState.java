package mps.device;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.math.BigInteger;
import java.security.SecureRandom;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.UUID;
import org.json.JSONException;
import org.json.JSONObject;

/** What a device is and wants, in its store: identity, binding, the vendor's token, reports and handled messages. */
final class DeviceState {
    /** A registered device. */
    static final class Identity {
        final String adToken;
        final String secret;

        Identity(String adToken, String secret) {
            this.adToken = adToken;
            this.secret = secret;
        }
    }

    /** What the app wants the service to know, and whether the service does. */
    static final class Wish {
        final JSONObject value;
        final boolean confirmed;

        Wish(JSONObject value, boolean confirmed) {
            this.value = value;
            this.confirmed = confirmed;
        }
    }

    static final String BINDING = "binding";
    static final String VENDOR_TOKEN = "vendorToken";
    private static final String STATE = "state.json";
    private static final SecureRandom RANDOM = new SecureRandom();

    final Outbox outbox;
    final Seen seen;
    private final Store store;
    private JSONObject credentials;
    private JSONObject state;

    /** Reads an open store. */
    DeviceState(Store store) throws IOException {
        this.store = store;
        credentials = parse(store.readCredentials());
        state = parse(store.read(STATE));
        outbox = new Outbox(store);
        seen = new Seen(store);
        if (!credentials.has("adToken") && state.has("adToken")) {
            // A backup was restored, which has no credentials: this is another device, and another installation.
            forgetIdentity();
        }
    }

    private static JSONObject parse(String text) {
        try {
            return text == null ? new JSONObject() : new JSONObject(text);
        } catch (JSONException broken) {
            return new JSONObject();
        }
    }

    private void saveCredentials() {
        try {
            store.writeCredentials(credentials.isEmpty() ? null : credentials.toString());
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    private void saveState() {
        try {
            store.write(STATE, state.toString());
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    /** Returns the registered device; null before the first registration. */
    synchronized Identity identity() {
        return credentials.has("adToken")
            ? new Identity(credentials.getString("adToken"), credentials.getString("secret"))
            : null;
    }

    /** Empties the store if it belongs to another app or workspace. */
    synchronized void useFor(String username) {
        if (!state.optString("username", username).equals(username)) {
            clear();
        }
        if (!state.has("username")) {
            state.put("username", username);
            saveState();
        }
    }

    /** Returns the user properties that make a repeated registration the same device; stored before they are used. */
    synchronized Map<String, String> proofOfRegistration() {
        if (!credentials.has("installationId") || !credentials.has("registrationNonce")) {
            if (!credentials.has("installationId")) {
                credentials.put("installationId", UUID.randomUUID().toString());
            }
            credentials.put("registrationNonce", new BigInteger(192, RANDOM).setBit(192).toString(36));
            saveCredentials();
        }
        Map<String, String> proof = new LinkedHashMap<>();
        proof.put("installationId", credentials.getString("installationId"));
        proof.put("registrationNonce", credentials.getString("registrationNonce"));
        if (credentials.has("secret")) {
            proof.put("deviceSecret", credentials.getString("secret"));
        }
        return proof;
    }

    /** Ends a registration: the device has connected with what it was given, or begins another registration. */
    synchronized void endRegistration() {
        if (credentials.remove("registrationNonce") != null) {
            saveCredentials();
        }
    }

    /** Keeps what the service has assigned. Of a new device nothing of the former one is true any more. */
    synchronized void keepIdentity(Identity issued) {
        boolean isAnother = !issued.adToken.equals(state.optString("adToken"));
        credentials.put("adToken", issued.adToken).put("secret", issued.secret);
        saveCredentials();
        if (isAnother) {
            state.put("adToken", issued.adToken);
            unconfirm(BINDING);
            unconfirm(VENDOR_TOKEN);
            saveState();
            seen.clear();
        }
    }

    private void unconfirm(String name) {
        JSONObject wish = state.optJSONObject(name);
        if (wish != null) {
            wish.put("confirmed", false);
        }
    }

    /** Forgets device and installation. What the app wants stays, for the next device. */
    synchronized void forgetIdentity() {
        credentials = new JSONObject();
        saveCredentials();
        state.remove("adToken");
        unconfirm(BINDING);
        unconfirm(VENDOR_TOKEN);
        saveState();
        seen.clear();
    }

    /** Forgets everything. */
    synchronized void clear() {
        credentials = new JSONObject();
        saveCredentials();
        state = new JSONObject();
        saveState();
        outbox.clear();
        seen.clear();
    }

    /** Returns a wish; null where the app has none. */
    synchronized Wish wish(String name) {
        JSONObject wish = state.optJSONObject(name);
        return wish == null ? null : new Wish(wish.getJSONObject("value"), wish.getBoolean("confirmed"));
    }

    /** Stores a wish; a null value drops it. */
    synchronized void setWish(String name, JSONObject value, boolean confirmed) {
        state.put(name, value == null ? null : new JSONObject().put("value", value).put("confirmed", confirmed));
        saveState();
    }
}
