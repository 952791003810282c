package mps.device.android;

import android.content.Context;
import android.content.Intent;
import java.util.Map;

/** A vendor's push SDK, which the app wires: this library does not contain them. docs/clients/android.md has the code. */
public interface VendorBridge {
    /** Returns the vendor's number: 4 Xiaomi, 5 Huawei, 6 FCM, 7 OPPO, 8 vivo, 11 HONOR. */
    int channel();

    /** Tells whether the vendor's service is on this phone. */
    boolean isAvailable(Context context);

    /** Asks the vendor for a token; when it has come, and whenever it changes, the bridge calls {@link Push#vendorToken}. */
    void requestToken(Context context);

    /** Returns the names and texts that a tapped notification of the vendor left in an intent; null where there are none. */
    default Map<String, String> readTap(Intent intent) {
        return VendorData.of(intent);
    }
}
