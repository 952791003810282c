package mps.device;

import java.util.HashMap;
import java.util.Locale;
import java.util.Map;

/** What a device does after each reason code with which the service refuses or ends a connection (sdk/PROTOCOL.md). */
final class Reasons {
    /** What to do about a connection that was refused or has ended. */
    enum Action {
        RETRY,
        SLOW,
        REGISTER_AGAIN,
        REGISTER_ANEW,
        REFUSED,
        REPLACED
    }

    /** What to do, and the reason in words. */
    static final class Verdict {
        final Action action;
        final String reason;

        Verdict(Action action, String reason) {
            this.action = action;
            this.reason = reason;
        }
    }

    private static final Map<Integer, Verdict> CONNACK = new HashMap<>();
    private static final Map<Integer, Verdict> DISCONNECT = new HashMap<>();
    private static final Verdict UNKNOWN_DEVICE =
        new Verdict(Action.REGISTER_AGAIN, "the device's secret is wrong, or the device has ended");

    static {
        put(CONNACK, 0x81, Action.REFUSED, "the CONNECT is malformed");
        put(CONNACK, 0x82, Action.REFUSED, "the CONNECT breaks the protocol");
        put(CONNACK, 0x83, Action.REFUSED, "the registration's platform, token or installation is not valid");
        put(CONNACK, 0x84, Action.REFUSED, "the service does not speak MQTT 5");
        put(CONNACK, 0x85, Action.REFUSED, "the client ID is not valid");
        put(CONNACK, 0x86, Action.REFUSED, "the client key is wrong");
        put(CONNACK, 0x87, Action.REFUSED, "the app or workspace is unknown or disabled");
        put(CONNACK, 0x88, Action.RETRY, "the service is not available");
        put(CONNACK, 0x89, Action.RETRY, "the service is busy");
        put(CONNACK, 0x8C, Action.REFUSED, "bad authentication method");
        put(CONNACK, 0x97, Action.SLOW, "too many connections or registrations");
        put(CONNACK, 0x9A, Action.REFUSED, "retained wills are not supported");
        put(CONNACK, 0x9B, Action.REFUSED, "QoS 2 is not supported");
        put(CONNACK, 0x9F, Action.SLOW, "connections or registrations too fast");
        put(DISCONNECT, 0x8B, Action.RETRY, "the service is stopping");
        put(DISCONNECT, 0x8D, Action.RETRY, "nothing came within the keep alive");
        put(DISCONNECT, 0x8E, Action.REPLACED, "another connection of this device took over");
        put(DISCONNECT, 0x95, Action.RETRY, "a packet was too large");
        put(DISCONNECT, 0x98, Action.REGISTER_ANEW, "the device was removed");
    }

    private Reasons() {}

    private static void put(Map<Integer, Verdict> table, int code, Action action, String reason) {
        table.put(code, new Verdict(action, reason));
    }

    /** Returns what to do after a CONNACK that refuses; {@code registering}: the CONNECT asked for a registration. */
    static Verdict ofConnack(int code, boolean registering) {
        if (code == 0x86 && !registering) {
            return UNKNOWN_DEVICE;
        }
        Verdict verdict = CONNACK.get(code);
        return verdict != null ? verdict : new Verdict(Action.SLOW, String.format(Locale.ROOT, "refused with 0x%02X", code));
    }

    /** Returns what to do after the service's DISCONNECT. */
    static Verdict ofDisconnect(int code) {
        Verdict verdict = DISCONNECT.get(code);
        return verdict != null
            ? verdict
            : new Verdict(Action.SLOW, String.format(Locale.ROOT, "disconnected with 0x%02X", code));
    }
}
