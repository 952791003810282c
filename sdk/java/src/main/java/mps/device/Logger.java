package mps.device;

/** Takes the lines that {@link PushClient#diagnostics} keeps too. They hold no secrets and no contents of messages. */
public interface Logger {
    /** Writes a line. */
    void log(String line);
}
