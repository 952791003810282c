package mps.device;

import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import org.json.JSONException;
import org.json.JSONObject;

/** A message, from the connection or from a vendor. sdk/PROTOCOL.md says what each value means. */
public final class Message {
    /** The longest validity a message has by default; what a vendor brought does not say its own. */
    static final long LONGEST_VALIDITY_MILLIS = 8 * 86_400_000L;

    private final String k;
    private final JSONObject data;
    private final boolean repeat;

    private Message(String k, JSONObject data, boolean repeat) {
        this.k = k;
        this.data = data;
        this.repeat = repeat;
    }

    /**
     * Reads the payload of a PUBLISH on the inbox.
     *
     * @throws IllegalArgumentException if it is no message
     */
    static Message decode(byte[] payload) {
        try {
            JSONObject all = new JSONObject(new String(payload, StandardCharsets.UTF_8));
            return new Message(all.getString("k"), all.getJSONObject("bData"), false);
        } catch (JSONException error) {
            throw new IllegalArgumentException("no message", error);
        }
    }

    /** Reads the names and texts of a vendor's notification; null where they have no {@code k}: they are not ours. */
    static Message ofVendor(Map<String, String> values) {
        String k = values.get("k");
        if (k == null || !k.matches("[0-9]{1,19}")) {
            return null;
        }
        JSONObject data = new JSONObject();
        JSONObject params = new JSONObject();
        for (Map.Entry<String, String> value : values.entrySet()) {
            switch (value.getKey()) {
                case "k":
                    break;
                case "params":
                    addAll(params, value.getValue());
                    break;
                case "action":
                case "silent":
                case "style":
                    data.put(value.getKey(), "1".equals(value.getValue()) ? 1 : "2".equals(value.getValue()) ? 2 : 0);
                    break;
                case "msgKey":
                case "taskId":
                case "pushType":
                case "url":
                case "templateCode":
                case "notifyType":
                case "title":
                case "content":
                case "channelId":
                    data.put(value.getKey(), value.getValue());
                    break;
                case "image":
                    data.put("image", new JSONObject().put("defaultUrl", value.getValue()));
                    break;
                default:
                    params.put(value.getKey(), value.getValue());
            }
        }
        data.put("params", params);
        return new Message(k, data, false);
    }

    private static void addAll(JSONObject params, String text) {
        try {
            JSONObject more = new JSONObject(text);
            more.keySet().forEach(name -> params.put(name, more.optString(name)));
        } catch (JSONException notOurs) {
            params.put("params", text);
        }
    }

    Message repeated() {
        return new Message(k, data, true);
    }

    /** Returns the message's ID, with which it is reported. What a vendor brought may carry its task's. */
    public String k() {
        return k;
    }

    /** Returns the title. */
    public String title() {
        return text("title");
    }

    /** Returns the text below the title. */
    public String content() {
        return text("content");
    }

    /** Returns what a tap opens; empty: the app. */
    public String url() {
        return text("url");
    }

    /** Tells whether {@link #url} is a page of the app (intent URI, deep link, activity), not a web address. */
    public boolean opensPage() {
        return data.optInt("action") == 1;
    }

    /** Tells whether nothing is to be shown: the message is for the app. */
    public boolean isSilent() {
        return data.optInt("silent") == 1;
    }

    /** Returns how to show it: 0 as usual, 1 with big text, 2 with a picture. */
    public int style() {
        return data.optInt("style");
    }

    /** Returns the addresses of icons: {@code defaultUrl}, and one by vendor. */
    public Map<String, String> icon() {
        return map("icon");
    }

    /** Returns the addresses of pictures, likewise. */
    public Map<String, String> image() {
        return map("image");
    }

    /** Returns the caller's extension parameters. */
    public Map<String, String> params() {
        return map("params");
    }

    /** Returns the number on the app's icon, in digits; empty leaves it. */
    public String badge() {
        return text("badge");
    }

    /** Returns the name of a sound of the app; empty: the default. */
    public String sound() {
        return text("sound");
    }

    /** Returns the Android notification channel that the push names; empty without one. */
    public String channelId() {
        return text("channelId");
    }

    /** Returns the template's name; empty without one. */
    public String templateCode() {
        return text("templateCode");
    }

    /** Returns the caller's own ID of the message; empty where a vendor's call was shared by devices. */
    public String msgKey() {
        return text("msgKey");
    }

    /** Returns the push task. */
    public String taskId() {
        return text("taskId");
    }

    /** Returns simple, template, multiple or broadcast. */
    public String pushType() {
        return text("pushType");
    }

    /** Returns when the message was made, in milliseconds since 1970 by the service's clock; 0 where a vendor brought it. */
    public long createdAt() {
        return data.optLong("createdAt");
    }

    /** Returns when its validity ends, likewise. */
    public long expireAt() {
        return data.optLong("expireAt");
    }

    /** Tells whether the listener may have had this message before: it failed, or the program ended while it ran. */
    public boolean isRepeat() {
        return repeat;
    }

    /** Returns all values as the JSON text that they came in ({@code bData}). */
    public String json() {
        return data.toString();
    }

    /** Returns the {@code k} of the message that this notice revokes; null for a message. */
    String revokes() {
        return "revoke".equals(pushType()) ? text("revokes") : null;
    }

    long validityMillis() {
        long validity = expireAt() - createdAt();
        return createdAt() > 0 && validity > 0 ? validity : LONGEST_VALIDITY_MILLIS;
    }

    private String text(String name) {
        return data.isNull(name) ? "" : data.optString(name);
    }

    private Map<String, String> map(String name) {
        JSONObject values = data.optJSONObject(name);
        if (values == null) {
            return Collections.emptyMap();
        }
        Map<String, String> all = new LinkedHashMap<>();
        values.keySet().forEach(key -> all.put(key, values.optString(key)));
        return Collections.unmodifiableMap(all);
    }
}
