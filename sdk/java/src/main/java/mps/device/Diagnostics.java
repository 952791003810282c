package mps.device;

import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;

/** A bounded log of what the client did. Whoever adds a line leaves keys, secrets and contents of messages out. */
final class Diagnostics {
    private static final int MAX_LINES = 200;

    private final Clock clock;
    private final Logger logger;
    private final ArrayDeque<String> lines = new ArrayDeque<>();

    Diagnostics(Clock clock, Logger logger) {
        this.clock = clock;
        this.logger = logger;
    }

    void note(String text) {
        synchronized (lines) {
            if (lines.size() == MAX_LINES) {
                lines.removeFirst();
            }
            lines.add(Instant.ofEpochMilli(clock.wallMillis()) + " " + text);
        }
        logger.log(text);
    }

    List<String> lines() {
        synchronized (lines) {
            return new ArrayList<>(lines);
        }
    }
}
