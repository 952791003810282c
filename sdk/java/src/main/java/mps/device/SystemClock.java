package mps.device;

/** The clock of this machine. */
public final class SystemClock implements Clock {
    @Override
    public long wallMillis() {
        return System.currentTimeMillis();
    }

    @Override
    public long elapsedMillis() {
        return System.nanoTime() / 1_000_000;
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
