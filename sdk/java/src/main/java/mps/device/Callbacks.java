package mps.device;

import java.util.ArrayDeque;
import java.util.concurrent.Executor;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/** Runs tasks on an executor one after the other, in the order in which they came. What one throws is noted. */
final class Callbacks {
    private final Executor executor;
    private final Diagnostics diagnostics;
    private final ArrayDeque<Runnable> waiting = new ArrayDeque<>();
    private boolean isRunning;

    Callbacks(Executor executor, Diagnostics diagnostics) {
        this.executor = executor;
        this.diagnostics = diagnostics;
    }

    /** Makes an executor of one thread, which ends while there is nothing to do. */
    static Executor thread(String name) {
        ThreadPoolExecutor executor = new ThreadPoolExecutor(1, 1, 5, TimeUnit.SECONDS, new LinkedBlockingQueue<>(), task -> {
            Thread thread = new Thread(task, name);
            thread.setDaemon(true);
            return thread;
        });
        executor.allowCoreThreadTimeOut(true);
        return executor;
    }

    synchronized void add(Runnable task) {
        waiting.add(task);
        if (!isRunning) {
            next();
        }
    }

    private synchronized void next() {
        Runnable task = waiting.poll();
        isRunning = task != null;
        if (task != null) {
            try {
                executor.execute(() -> run(task));
            } catch (RejectedExecutionException shutDown) {
                isRunning = false;
                diagnostics.note("the app's executor was shut down");
            }
        }
    }

    private void run(Runnable task) {
        try {
            task.run();
        } catch (RuntimeException error) {
            diagnostics.note("a callback failed: " + error.getClass().getSimpleName());
        } finally {
            next();
        }
    }
}
