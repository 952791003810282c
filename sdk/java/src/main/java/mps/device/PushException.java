package mps.device;

/** Base of what the client's requests fail with. */
public class PushException extends Exception {
    private static final long serialVersionUID = 1L;

    PushException(String message) {
        super(message);
    }

    /** The request needs a running client: it was not started, was stopped, or makes no more attempts. */
    public static final class NotRunning extends PushException {
        private static final long serialVersionUID = 1L;

        NotRunning(String message) {
            super(message);
        }
    }

    /** The service refused a request. */
    public static final class Refused extends PushException {
        private static final long serialVersionUID = 1L;
        private final String code;
        private final String name;

        Refused(String code, String name, String message) {
            super(name + " (" + code + "): " + message);
            this.code = code;
            this.name = name;
        }

        /** Returns the service's result code, such as {@code -1}. */
        public String code() {
            return code;
        }

        /** Returns the code's name, such as {@code SIGNATURE_MISMATCH}. */
        public String codeName() {
            return name;
        }
    }
}
