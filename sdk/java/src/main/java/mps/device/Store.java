package mps.device;

import java.io.IOException;
import java.util.List;

/**
 * Where a device keeps its state: named texts that are replaced as a whole, and named lists of lines that are added to.
 * What a call has written is on the disk when it returns. One store is one device.
 */
public interface Store {
    /**
     * Locks the store for this client until {@link #close}.
     *
     * @throws InUseException another client has it open, maybe of another process
     */
    void open() throws IOException;

    /** Unlocks the store. Idempotent. */
    void close();

    /** Returns the device's credentials, or null. They lie in the platform's safe place, which no backup holds. */
    String readCredentials() throws IOException;

    /** Replaces the credentials; null removes them. */
    void writeCredentials(String text) throws IOException;

    /** Returns a text, or null. */
    String read(String name) throws IOException;

    /** Replaces a text at once: whatever happens, either the old or the new one is there. Null removes it. */
    void write(String name, String text) throws IOException;

    /** Returns the lines of a list; empty where there is none. The last one may be cut off after a crash. */
    List<String> readLines(String name) throws IOException;

    /** Adds a line to a list. */
    void append(String name, String line) throws IOException;

    /** Replaces a list at once. */
    void writeLines(String name, List<String> lines) throws IOException;

    /** Another client has the store open: two clients with one identity would take the connection from each other. */
    final class InUseException extends IOException {
        private static final long serialVersionUID = 1L;

        /** Names the store. */
        public InUseException(String message) {
            super(message);
        }
    }
}
