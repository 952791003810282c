package mps.device.android;

import android.app.Activity;
import android.content.Intent;
import android.os.Bundle;

/** What a tap on a notification of this library opens: reports it, opens the message's address or the app, and is gone. */
public final class TrampolineActivity extends Activity {
    @Override
    protected void onCreate(Bundle state) {
        super.onCreate(state);
        Intent intent = getIntent();
        String k = intent.getStringExtra(Notifications.K);
        Push push = Push.get();
        if (push != null && k != null) {
            push.opened(k);
        }
        Links.open(
            this,
            intent.getStringExtra(Notifications.URL),
            intent.getBooleanExtra(Notifications.OPENS_PAGE, false),
            true,
            intent.getStringExtra(Notifications.DATA));
        finish();
    }
}
