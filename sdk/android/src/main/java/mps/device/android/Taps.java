package mps.device.android;

import android.app.Activity;
import android.app.Application;
import android.os.Bundle;

/** Looks at the intent of each activity that is made: a vendor's notification opens the app with the message's data in it. */
final class Taps implements Application.ActivityLifecycleCallbacks {
    private final Push push;

    Taps(Push push) {
        this.push = push;
    }

    @Override
    public void onActivityCreated(Activity activity, Bundle state) {
        if (state == null && !(activity instanceof TrampolineActivity)) {
            push.tapped(activity, activity.getIntent());
        }
    }

    @Override
    public void onActivityStarted(Activity activity) {}

    @Override
    public void onActivityResumed(Activity activity) {}

    @Override
    public void onActivityPaused(Activity activity) {}

    @Override
    public void onActivityStopped(Activity activity) {}

    @Override
    public void onActivitySaveInstanceState(Activity activity, Bundle state) {}

    @Override
    public void onActivityDestroyed(Activity activity) {}
}
