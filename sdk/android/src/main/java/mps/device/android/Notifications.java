package mps.device.android;

import android.app.Notification;
import android.app.NotificationChannel;
import android.app.NotificationManager;
import android.app.PendingIntent;
import android.content.Context;
import android.content.Intent;
import android.graphics.Bitmap;
import android.net.Uri;
import android.service.notification.StatusBarNotification;
import mps.device.Message;

/**
 * Shows messages as the source of the service's notifications does: IDs begin at 10,000, the message's {@code k} is the tag, big
 * text and pictures as the message says. A tap goes through {@link TrampolineActivity}, a wipe through {@link DismissReceiver}.
 */
final class Notifications {
    static final int FIRST_ID = 10_000;
    static final String K = "k";
    static final String URL = "url";
    static final String OPENS_PAGE = "opensPage";
    /** The message's values as JSON text, for the page that is opened (the cloud product's name). */
    static final String DATA = "data";
    private static final int BIG_TEXT = 1;

    private final Context context;
    private final PushOptions options;
    private final NotificationManager manager;

    Notifications(Context context, PushOptions options) {
        this.context = context;
        this.options = options;
        manager = (NotificationManager) context.getSystemService(Context.NOTIFICATION_SERVICE);
    }

    void createChannel() {
        manager.createNotificationChannel(
            new NotificationChannel(options.channelId, options.channelName, NotificationManager.IMPORTANCE_HIGH));
    }

    /** Returns the message's channel, if the app has made it. */
    private String channelOf(Message message) {
        String named = message.channelId();
        return !named.isEmpty() && manager.getNotificationChannel(named) != null ? named : options.channelId;
    }

    /** Returns the ID of a message: the same for the same {@code k}. */
    static int idOf(String k) {
        return FIRST_ID + (int) (Long.parseLong(k) & 0xFFFFF);
    }

    void show(Message message) {
        Notification.Builder builder = new Notification.Builder(context, channelOf(message))
            .setSmallIcon(options.smallIcon)
            .setContentTitle(message.title())
            .setContentText(message.content())
            .setAutoCancel(true)
            .setShowWhen(true)
            .setContentIntent(tap(message))
            .setDeleteIntent(wipe(message));
        Bitmap icon = Pictures.load(Pictures.addressOf(message.icon()));
        if (icon != null) {
            builder.setLargeIcon(icon);
        }
        Bitmap image = Pictures.load(Pictures.addressOf(message.image()));
        if (image != null) {
            builder.setStyle(new Notification.BigPictureStyle().bigPicture(image).setSummaryText(message.content()));
        } else if (message.style() == BIG_TEXT || "1".equals(message.params().get("big_text"))) {
            builder.setStyle(new Notification.BigTextStyle().bigText(message.content()));
        }
        int badge = Badges.current(context);
        if (badge > 0) {
            builder.setNumber(badge);
        }
        Notification notification = builder.build();
        Badges.applyToXiaomi(notification, badge);
        manager.notify(message.k(), idOf(message.k()), notification);
    }

    private PendingIntent tap(Message message) {
        Intent intent = new Intent(context, TrampolineActivity.class)
            .setData(Uri.parse("mps:" + message.k())) // two messages are two intents
            .putExtra(K, message.k())
            .putExtra(URL, message.url())
            .putExtra(OPENS_PAGE, message.opensPage())
            .putExtra(DATA, message.json())
            .addFlags(Intent.FLAG_ACTIVITY_NEW_TASK);
        return PendingIntent.getActivity(
            context, idOf(message.k()), intent, PendingIntent.FLAG_IMMUTABLE | PendingIntent.FLAG_UPDATE_CURRENT);
    }

    private PendingIntent wipe(Message message) {
        Intent intent = new Intent(context, DismissReceiver.class)
            .setData(Uri.parse("mps:" + message.k()))
            .putExtra(K, message.k());
        return PendingIntent.getBroadcast(
            context, idOf(message.k()), intent, PendingIntent.FLAG_IMMUTABLE | PendingIntent.FLAG_UPDATE_CURRENT);
    }

    void cancel(String k) {
        manager.cancel(k, idOf(k));
    }

    /** Takes the messages' notifications away, and leaves the app's own. */
    void cancelAll() {
        for (StatusBarNotification shown : manager.getActiveNotifications()) {
            if (shown.getTag() != null && shown.getId() >= FIRST_ID && shown.getTag().matches("[0-9]+")) {
                manager.cancel(shown.getTag(), shown.getId());
            }
        }
    }

    /** Makes the notification of the foreground service. */
    Notification ofService() {
        String id = options.channelId + "-connection";
        manager.createNotificationChannel(
            new NotificationChannel(id, options.channelName, NotificationManager.IMPORTANCE_MIN));
        return new Notification.Builder(context, id)
            .setSmallIcon(options.smallIcon)
            .setContentText(options.foregroundText)
            .setOngoing(true)
            .build();
    }
}
