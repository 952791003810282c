package mps.device;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.json.JSONArray;
import org.json.JSONObject;

/** A page of the inbox, newest first. */
public final class InboxPage {
    private final List<Entry> messages;
    private final String next;
    private final int unread;

    /** A message of the inbox. */
    public static final class Entry {
        private final JSONObject values;

        private Entry(JSONObject values) {
            this.values = values;
        }

        /** Returns what names it in {@link PushClient#markRead} and {@link PushClient#deleteFromInbox}. */
        public String k() {
            return values.getString("k");
        }

        /** Returns the backend's own ID. */
        public String msgKey() {
            return values.getString("msgKey");
        }

        /** Returns when it was pushed, in milliseconds since 1970. */
        public long at() {
            return values.getLong("at");
        }

        /** Tells whether it was read, of a user's on any device. */
        public boolean isRead() {
            return values.getBoolean("read");
        }

        /** Tells whether it is the bound user's, else it is the device's own. */
        public boolean isUsers() {
            return values.getString("of").equals("user");
        }

        /** Returns what it is delivered with, as JSON text. */
        public String json() {
            return values.getJSONObject("bData").toString();
        }
    }

    InboxPage(JSONObject data) {
        List<Entry> read = new ArrayList<>();
        JSONArray given = data.getJSONArray("messages");
        for (int index = 0; index < given.length(); index++) {
            read.add(new Entry(given.getJSONObject(index)));
        }
        messages = Collections.unmodifiableList(read);
        next = data.getString("next");
        unread = data.getInt("unread");
    }

    /** Returns at most as many messages as were asked for; fewer where they are large. */
    public List<Entry> messages() {
        return messages;
    }

    /** Returns the cursor of the following page; empty on the last. */
    public String next() {
        return next;
    }

    /** Returns how many messages of the inbox are unread, 1,000 at most. */
    public int unread() {
        return unread;
    }
}
