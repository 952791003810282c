package mps.device;

import java.util.ArrayDeque;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Consumer;

/** The client's thread: runs what others post, and what is due by the clock. All state of the connection belongs to it. */
final class Loop {
    private static final class Timer {
        final long due;
        final Runnable task;

        Timer(long due, Runnable task) {
            this.due = due;
            this.task = task;
        }
    }

    private final Object monitor = new Object();
    private final Clock clock;
    private final Consumer<RuntimeException> onFault;
    private final Runnable onEnd;
    private final ArrayDeque<Runnable> tasks = new ArrayDeque<>();
    private final Map<String, Timer> timers = new LinkedHashMap<>();
    private final Thread thread;
    private boolean hasEnded;

    /** Makes the thread; {@code onFault} takes what tasks throw, {@code onEnd} is the last that it runs. */
    Loop(Clock clock, Consumer<RuntimeException> onFault, Runnable onEnd) {
        this.clock = clock;
        this.onFault = onFault;
        this.onEnd = onEnd;
        thread = new Thread(this::run, "mps-device");
        thread.setDaemon(true);
    }

    void start() {
        thread.start();
    }

    /** Has a task run; returns false if the loop has ended. */
    boolean post(Runnable task) {
        synchronized (monitor) {
            if (hasEnded) {
                return false;
            }
            tasks.add(task);
            monitor.notifyAll();
            return true;
        }
    }

    /** Runs a task in some seconds; a timer of the same name is replaced. */
    void schedule(String name, double seconds, Runnable task) {
        synchronized (monitor) {
            timers.put(name, new Timer(clock.elapsedMillis() + (long) (seconds * 1_000), task));
            monitor.notifyAll();
        }
    }

    boolean isScheduled(String name) {
        synchronized (monitor) {
            return timers.containsKey(name);
        }
    }

    void cancel(String name) {
        synchronized (monitor) {
            timers.remove(name);
        }
    }

    void cancelAll() {
        synchronized (monitor) {
            timers.clear();
        }
    }

    boolean hasEnded() {
        synchronized (monitor) {
            return hasEnded;
        }
    }

    /** Ends the loop after what was posted before. */
    void end() {
        synchronized (monitor) {
            hasEnded = true;
            timers.clear();
            monitor.notifyAll();
        }
    }

    /** Waits for the end, unless the caller is the loop. */
    void join(long millis) {
        if (Thread.currentThread() != thread) {
            try {
                thread.join(millis);
            } catch (InterruptedException interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private void run() {
        Runnable task;
        while ((task = next()) != null) {
            try {
                task.run();
            } catch (RuntimeException fault) {
                onFault.accept(fault);
            }
        }
        onEnd.run();
    }

    private Runnable next() {
        synchronized (monitor) {
            while (!hasEnded || !tasks.isEmpty()) {
                if (!tasks.isEmpty()) {
                    return tasks.remove();
                }
                String first = null;
                for (Map.Entry<String, Timer> timer : timers.entrySet()) {
                    if (first == null || timer.getValue().due < timers.get(first).due) {
                        first = timer.getKey();
                    }
                }
                long left = first == null ? -1 : Math.max(0, timers.get(first).due - clock.elapsedMillis());
                if (left == 0) {
                    return timers.remove(first).task;
                }
                try {
                    clock.waitOn(monitor, left);
                } catch (InterruptedException nobodyInterruptsIt) {
                    hasEnded = true;
                }
            }
            return null;
        }
    }
}
