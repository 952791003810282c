package mps.device;

import java.util.Locale;
import java.util.Objects;

/** What a client is doing, and why. */
public final class State {
    /** What a client is doing. {@code REFUSED} and {@code REPLACED} make no more attempts until the app starts it again. */
    public enum Status {
        /** It was not started, or was stopped. */
        STOPPED,
        /** It connects, or waits for the service to accept. */
        CONNECTING,
        /** It receives. */
        CONNECTED,
        /** It waits before the next attempt. */
        WAITING,
        /** Credentials, app or client are wrong: something that time does not mend. */
        REFUSED,
        /** Another program with this device's identity took the connection over. */
        REPLACED
    }

    private final Status status;
    private final String reason;
    private final double seconds;

    State(Status status, String reason, double seconds) {
        this.status = status;
        this.reason = reason;
        this.seconds = seconds;
    }

    State(Status status) {
        this(status, "", 0);
    }

    /** Returns what the client is doing. */
    public Status status() {
        return status;
    }

    /** Returns why, in words; empty where nothing went wrong. */
    public String reason() {
        return reason;
    }

    /** Returns how many seconds the client waits before the next attempt; 0 if it does not wait. */
    public double seconds() {
        return seconds;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof State
            && ((State) other).status == status
            && ((State) other).reason.equals(reason)
            && ((State) other).seconds == seconds;
    }

    @Override
    public int hashCode() {
        return Objects.hash(status, reason, seconds);
    }

    @Override
    public String toString() {
        String text = status.name().toLowerCase(Locale.ROOT) + (reason.isEmpty() ? "" : ": " + reason);
        return status == Status.WAITING ? String.format(Locale.ROOT, "%s, again in %.1f s", text, seconds) : text;
    }
}
