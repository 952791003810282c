package mps.device;

import java.util.Collections;
import java.util.Set;
import java.util.WeakHashMap;

/** A clock that goes on when it is told to. */
final class ManualClock implements Clock {
    private final Set<Object> waiting = Collections.newSetFromMap(new WeakHashMap<>());
    private long wall;
    private long elapsed = 1_000;

    ManualClock(long wallMillis) {
        wall = wallMillis;
    }

    @Override
    public synchronized long wallMillis() {
        return wall;
    }

    @Override
    public synchronized long elapsedMillis() {
        return elapsed;
    }

    @Override
    public void waitOn(Object monitor, long millis) throws InterruptedException {
        synchronized (this) {
            waiting.add(monitor);
        }
        monitor.wait(50); // or `advance` came between the caller's look at the clock and this
    }

    /** Lets time pass. */
    void advance(double seconds) {
        Object[] monitors;
        synchronized (this) {
            wall += (long) (seconds * 1_000);
            elapsed += (long) (seconds * 1_000);
            monitors = waiting.toArray();
        }
        for (Object monitor : monitors) {
            synchronized (monitor) {
                monitor.notifyAll();
            }
        }
    }

    /** Sets the wall clock, as a user does; no time passes. */
    synchronized void setWall(long millis) {
        wall = millis;
    }
}
