package mps.device.android;

import android.content.Intent;
import android.os.BadParcelableException;
import android.os.Bundle;
import java.util.HashMap;
import java.util.Iterator;
import java.util.Map;
import org.json.JSONException;
import org.json.JSONObject;

/** Finds the service's names and texts in what a vendor hands to the app (sdk/PROTOCOL.md, "What a vendor carries"). */
public final class VendorData {
    private VendorData() {}

    /**
     * Reads the extras of an intent: by name (FCM, Huawei, HONOR, OPPO), or a JSON object in {@code data} (vivo) or
     * {@code payload} (Xiaomi).
     *
     * @return null where there is no {@code k}: it is not the service's
     */
    public static Map<String, String> of(Intent intent) {
        Map<String, String> values = new HashMap<>();
        try {
            Bundle extras = intent == null ? null : intent.getExtras();
            if (extras == null) {
                return null;
            }
            for (String name : extras.keySet()) {
                String text = extras.getString(name);
                if (text != null) {
                    values.put(name, text);
                }
            }
        } catch (BadParcelableException foreign) {
            return null;
        }
        if (values.containsKey("k")) {
            return values;
        }
        Map<String, String> nested = ofJson(values.get("data"));
        return nested != null ? nested : ofJson(values.get("payload"));
    }

    /** Reads a JSON object, as Huawei's, HONOR's and Xiaomi's SDKs hand it over; null where it is none of the service's. */
    public static Map<String, String> ofJson(String text) {
        if (text == null) {
            return null;
        }
        try {
            JSONObject object = new JSONObject(text);
            Map<String, String> values = new HashMap<>();
            for (Iterator<String> names = object.keys(); names.hasNext(); ) {
                String name = names.next();
                values.put(name, object.getString(name));
            }
            return values.containsKey("k") ? values : null;
        } catch (JSONException notOurs) {
            return null;
        }
    }
}
