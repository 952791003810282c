package mps.device.android;

import android.app.Service;
import android.content.Intent;
import android.content.pm.ServiceInfo;
import android.os.Build;
import android.os.IBinder;

/** Keeps the process, and so the connection, while the app is not used. Only with {@link PushOptions#foreground}. */
public final class PushService extends Service {
    private static final int ID = Notifications.FIRST_ID - 1;

    @Override
    public int onStartCommand(Intent intent, int flags, int startId) {
        Push push = Push.get();
        if (push == null || !push.hasConsent()) {
            stopSelf();
            return START_NOT_STICKY;
        }
        Notifications notifications = new Notifications(this, push.options);
        if (Build.VERSION.SDK_INT >= 34) {
            startForeground(ID, notifications.ofService(), ServiceInfo.FOREGROUND_SERVICE_TYPE_REMOTE_MESSAGING);
        } else {
            startForeground(ID, notifications.ofService());
        }
        return START_STICKY;
    }

    @Override
    public IBinder onBind(Intent intent) {
        return null;
    }
}
