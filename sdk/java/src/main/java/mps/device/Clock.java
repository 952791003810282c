package mps.device;

/** Tells time, and waits for it to pass. Tests give a clock of their own. */
public interface Clock {
    /** Returns the wall clock in milliseconds since 1970. A user may set it at any time. */
    long wallMillis();

    /** Returns the milliseconds since some fixed time, which nobody sets. On phones it goes on while they sleep. */
    long elapsedMillis();

    /**
     * Waits until the monitor is notified or the time has passed. Waking earlier does no harm.
     *
     * @param monitor an object whose monitor the caller holds
     * @param millis how long to wait; negative: until it is notified
     */
    void waitOn(Object monitor, long millis) throws InterruptedException;
}
