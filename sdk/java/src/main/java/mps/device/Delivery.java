package mps.device;

import java.util.ArrayList;
import java.util.List;

/**
 * Hands messages to the app, one after the other: first the listener, then the store, then the acknowledgement.
 *
 * <p>A message whose listener fails is tried again after a back-off, {@value #MAX_TRIES} times; then the service is told that
 * it failed, which frees its place, and it comes again with the next connection. Used by the loop's thread alone.
 */
final class Delivery {
    private static final int MAX_TRIES = 8;
    /** What made the listener fail needs a moment to pass. */
    private static final double MIN_RETRY_SECONDS = 1;
    private static final String TIMER = "delivery";

    /** A message that waits for the listener; times are the clock's elapsed milliseconds. */
    private static final class Waiting {
        final Connection.Arrived arrived;
        final Message message;
        final long expires;
        final int generation;
        final Backoff backoff = new Backoff();
        long due;
        int tries;

        Waiting(Connection.Arrived arrived, Message message, int generation, long now) {
            this.arrived = arrived;
            this.generation = generation;
            this.message = message;
            due = now;
            expires = now + (arrived.secondsLeft >= 0 ? arrived.secondsLeft * 1_000 : message.validityMillis());
        }
    }

    private final DeviceState state;
    private final Clock clock;
    private final Diagnostics diagnostics;
    private final Loop loop;
    private final Callbacks listeners;
    private final PushListener listener;
    private final List<Waiting> queue = new ArrayList<>();
    private Waiting current;
    private boolean isPaused;
    /** Counts connections: what arrived on a former one cannot be acknowledged any more. */
    private int generation;

    Delivery(DeviceState state, Clock clock, Diagnostics diagnostics, Loop loop, Callbacks listeners, PushListener listener) {
        this.state = state;
        this.clock = clock;
        this.diagnostics = diagnostics;
        this.loop = loop;
        this.listeners = listeners;
        this.listener = listener;
    }

    /** Takes a message that has arrived. What it revokes is not handed over any more, wherever it is. */
    void add(Connection.Arrived arrived) {
        Message message;
        try {
            message = Message.decode(arrived.payload);
        } catch (IllegalArgumentException error) {
            diagnostics.note("a message could not be read");
            arrived.acknowledge(true); // else it would come for ever
            return;
        }
        if (message.revokes() != null) {
            state.seen.add(message.revokes(), "", clock.wallMillis(), Message.LONGEST_VALIDITY_MILLIS);
        }
        queue.add(new Waiting(arrived, message, generation, clock.elapsedMillis()));
        next();
    }

    /** Hands over nothing until {@link #resume}: whose device this is, is about to change. */
    void pause() {
        isPaused = true;
    }

    void resume() {
        isPaused = false;
        next();
    }

    /** Drops what waits, unacknowledged: it comes again with the next connection. Tells whether anything was dropped. */
    boolean discard() {
        boolean dropped = !queue.isEmpty();
        generation++;
        queue.clear();
        loop.cancel(TIMER);
        return dropped;
    }

    private void next() {
        if (isPaused || current != null || queue.isEmpty()) {
            return;
        }
        Waiting first = queue.get(0);
        for (Waiting one : queue) {
            if (one.due < first.due) {
                first = one;
            }
        }
        long left = first.due - clock.elapsedMillis();
        if (left > 0) {
            loop.schedule(TIMER, left / 1_000.0, this::next);
            return;
        }
        queue.remove(first);
        hand(first);
    }

    private void hand(Waiting waiting) {
        Message message = waiting.message;
        boolean isNotice = message.revokes() != null;
        if (state.seen.has(message.k(), isNotice ? "" : message.taskId())) {
            diagnostics.note("message " + message.k() + " came again");
            finish(waiting);
        } else if (clock.elapsedMillis() >= waiting.expires) {
            diagnostics.note("message " + message.k() + " has expired before it was handled");
            finish(waiting);
        } else {
            current = waiting;
            boolean isRepeat = state.seen.begin(message.k(), isNotice ? "" : message.taskId());
            listeners.add(() -> {
                Exception failure = call(isRepeat ? message.repeated() : message);
                loop.post(() -> handled(waiting, failure));
            });
        }
    }

    private Exception call(Message message) {
        try {
            if (message.revokes() != null) {
                listener.onRevoked(message.revokes());
            } else {
                listener.onMessage(message);
            }
            return null;
        } catch (Exception failure) { // whatever it is, the message was not handled
            return failure;
        }
    }

    private void handled(Waiting waiting, Exception failure) {
        current = null;
        if (failure == null) {
            remember(waiting.message);
        }
        state.seen.end();
        if (failure == null) {
            waiting.arrived.acknowledge(true);
            next();
            return;
        }
        diagnostics.note("the listener failed with message " + waiting.message.k() + ": " + failure.getClass().getSimpleName());
        waiting.tries++;
        if (waiting.tries == MAX_TRIES) {
            waiting.arrived.acknowledge(false);
        } else if (waiting.generation == generation) {
            waiting.due = clock.elapsedMillis() + (long) (waiting.backoff.nextSeconds(false, MIN_RETRY_SECONDS) * 1_000);
            queue.add(waiting);
        }
        next();
    }

    /** Acknowledges what is not handed over. */
    private void finish(Waiting waiting) {
        remember(waiting.message);
        waiting.arrived.acknowledge(true);
        next();
    }

    private void remember(Message message) {
        String task = message.revokes() != null ? "" : message.taskId();
        state.seen.add(message.k(), task, clock.wallMillis(), message.validityMillis());
    }
}
