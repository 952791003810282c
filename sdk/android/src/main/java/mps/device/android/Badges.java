package mps.device.android;

import android.app.Notification;
import android.content.ComponentName;
import android.content.Context;
import android.content.Intent;
import android.content.SharedPreferences;
import android.net.Uri;
import android.os.Build;
import android.os.Bundle;
import java.util.Locale;
import mps.device.Message;

/** The number on the app's icon. Each vendor has its own way; launchers without one show what their notifications say. */
public final class Badges {
    private static final String COUNT = "badge";
    private static final int MAX = 99_999;

    private Badges() {}

    /** Sets the number; 0 takes it away. */
    public static void set(Context context, int count) {
        set(context, count, null);
    }

    /** Applies what a message says: {@code badge} sets, {@code badge_add_num} adds. */
    static void apply(Context context, Message message) {
        String added = message.params().get("badge_add_num");
        String launcher = message.params().get("badge_class");
        if (!message.badge().isEmpty()) {
            set(context, Integer.parseInt(message.badge()), launcher);
        } else if (added != null && added.matches("[0-9]{1,5}")) {
            set(context, current(context) + Integer.parseInt(added), launcher);
        }
    }

    /** Returns the number that was set last. */
    static int current(Context context) {
        return preferences(context).getInt(COUNT, 0);
    }

    private static void set(Context context, int wanted, String launcher) {
        int count = Math.max(0, Math.min(MAX, wanted));
        preferences(context).edit().putInt(COUNT, count).apply();
        String activity = launcher != null ? launcher : launcherOf(context);
        try {
            show(context, Build.MANUFACTURER.toLowerCase(Locale.ROOT), count, activity);
        } catch (RuntimeException notOnThisPhone) {
            // The launcher has no such provider, or does not let this app use it.
        }
    }

    private static void show(Context context, String manufacturer, int count, String activity) {
        switch (manufacturer) {
            case "huawei":
                call(context, "content://com.huawei.android.launcher.settings/badge/", "change_badge", bundle(context, count, activity));
                break;
            case "honor":
                call(context, "content://com.hihonor.android.launcher.settings/badge/", "change_badge", bundle(context, count, activity));
                break;
            case "vivo":
                context.sendBroadcast(new Intent("launcher.action.CHANGE_APPLICATION_NOTIFICATION_NUM")
                    .putExtra("packageName", context.getPackageName())
                    .putExtra("className", activity)
                    .putExtra("notificationNum", count)
                    .addFlags(0x01000000)); // FLAG_RECEIVER_INCLUDE_BACKGROUND, which is hidden
                break;
            case "oppo":
            case "oneplus":
            case "realme":
                Bundle values = new Bundle();
                values.putInt("app_badge_count", count);
                call(context, "content://com.android.badge/badge", "setAppBadgeCount", values);
                break;
            default:
                // Xiaomi and others count by notifications.
        }
    }

    private static void call(Context context, String provider, String method, Bundle values) {
        context.getContentResolver().call(Uri.parse(provider), method, null, values);
    }

    private static Bundle bundle(Context context, int count, String activity) {
        Bundle values = new Bundle();
        values.putString("package", context.getPackageName());
        values.putString("class", activity);
        values.putInt("badgenumber", count);
        return values;
    }

    /** Sets the number that Xiaomi's launcher takes from a notification. */
    static void applyToXiaomi(Notification notification, int count) {
        if (!"xiaomi".equals(Build.MANUFACTURER.toLowerCase(Locale.ROOT))) {
            return;
        }
        try {
            Object extra = notification.getClass().getDeclaredField("extraNotification").get(notification);
            extra.getClass().getDeclaredMethod("setMessageCount", int.class).invoke(extra, count);
        } catch (ReflectiveOperationException notOnThisPhone) {
            // A Xiaomi phone with another system.
        }
    }

    private static String launcherOf(Context context) {
        Intent launch = context.getPackageManager().getLaunchIntentForPackage(context.getPackageName());
        ComponentName component = launch == null ? null : launch.getComponent();
        return component == null ? "" : component.getClassName();
    }

    private static SharedPreferences preferences(Context context) {
        return context.getSharedPreferences(AndroidStore.PREFERENCES + "-app", Context.MODE_PRIVATE);
    }
}
