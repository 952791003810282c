package mps.device;

import java.util.function.DoubleSupplier;

/**
 * Exponential back-off with full jitter: a random time up to a bound that doubles from 1 s to 5 min, so that devices that
 * lost their connections together do not come back together.
 */
final class Backoff {
    static final double MAX_SECONDS = 300;
    private static final double SLOW_SECONDS = 60;

    private final DoubleSupplier random;
    private int attempts;

    /**
     * Begins with the shortest bound.
     *
     * @param random returns numbers from 0 to 1
     */
    Backoff(DoubleSupplier random) {
        this.random = random;
    }

    Backoff() {
        this(Math::random);
    }

    /** Returns the seconds to wait, and doubles the bound; {@code slow}: the bound is at least a minute. */
    double nextSeconds(boolean slow, double atLeast) {
        double bound = Math.pow(2, Math.min(attempts, 30));
        attempts++;
        bound = Math.min(MAX_SECONDS, slow ? Math.max(SLOW_SECONDS, bound) : bound);
        return Math.max(atLeast, random.getAsDouble() * bound);
    }

    /** Returns the seconds to wait after what must not be repeated soon. */
    double longestSeconds() {
        return random.getAsDouble() * MAX_SECONDS;
    }

    /** Begins with the shortest bound again. */
    void reset() {
        attempts = 0;
    }
}
