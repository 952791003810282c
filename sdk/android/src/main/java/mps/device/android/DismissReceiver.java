package mps.device.android;

import android.content.BroadcastReceiver;
import android.content.Context;
import android.content.Intent;

/** Reports that a notification was wiped away. */
public final class DismissReceiver extends BroadcastReceiver {
    @Override
    public void onReceive(Context context, Intent intent) {
        String k = intent.getStringExtra(Notifications.K);
        Push push = Push.get();
        if (push != null && k != null) {
            push.ignored(k);
        }
    }
}
