package mps.device.android;

import android.os.SystemClock;
import mps.device.Clock;

/** A clock that goes on while the phone sleeps. */
final class ElapsedClock implements Clock {
    @Override
    public long wallMillis() {
        return System.currentTimeMillis();
    }

    @Override
    public long elapsedMillis() {
        return SystemClock.elapsedRealtime();
    }

    @Override
    public void waitOn(Object monitor, long millis) throws InterruptedException {
        if (millis < 0) {
            monitor.wait();
        } else if (millis > 0) {
            monitor.wait(millis);
        }
    }
}
