package mps.device.android;

import java.util.ArrayList;
import java.util.List;
import mps.device.PushListener;

/** How an app uses the library. */
public final class PushOptions {
    String configAsset = "mps-device.json";
    int smallIcon = android.R.drawable.ic_dialog_info;
    String channelId = "push";
    CharSequence channelName = "Notifications";
    boolean foreground;
    CharSequence foregroundText = "";
    boolean showsNotifications = true;
    PushListener listener = new PushListener() {};
    final List<VendorBridge> bridges = new ArrayList<>();

    /** Sets the asset with the configuration; {@code mps-device.json}. */
    public PushOptions configAsset(String name) {
        configAsset = name;
        return this;
    }

    /** Sets the icon of notifications: a drawable of the app, white on transparent. */
    public PushOptions smallIcon(int drawable) {
        smallIcon = drawable;
        return this;
    }

    /** Sets the notification channel of messages that name none, or one that the app did not create. */
    public PushOptions channel(String id, CharSequence name) {
        channelId = id;
        channelName = name;
        return this;
    }

    /** Keeps the connection while the app is not used, by a foreground service with a notification that shows this text. */
    public PushOptions foreground(CharSequence text) {
        foreground = true;
        foregroundText = text;
        return this;
    }

    /** Shows no notifications: every message goes to the listener, which shows them itself. */
    public PushOptions withoutNotifications() {
        showsNotifications = false;
        return this;
    }

    /**
     * Sets who is told. {@code onMessage} gets silent messages; others are shown, unless {@link #withoutNotifications}. It is
     * called in a thread of the library.
     */
    public PushOptions listener(PushListener appListener) {
        listener = appListener;
        return this;
    }

    /** Adds a vendor's SDK. The first that is available on the phone is used. */
    public PushOptions bridge(VendorBridge bridge) {
        bridges.add(bridge);
        return this;
    }
}
