package mps.device.android;

import android.content.BroadcastReceiver;
import android.content.Context;
import android.content.Intent;

/** Has the app's process started with the phone, and after an update; {@link Push#install} in it starts the device. */
public final class BootReceiver extends BroadcastReceiver {
    @Override
    public void onReceive(Context context, Intent intent) {
        String action = intent.getAction();
        Push push = Push.get();
        boolean isExpected = Intent.ACTION_BOOT_COMPLETED.equals(action) || Intent.ACTION_MY_PACKAGE_REPLACED.equals(action);
        if (isExpected && push != null && push.hasConsent()) {
            push.start();
        }
    }
}
