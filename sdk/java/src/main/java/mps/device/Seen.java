package mps.device;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** The messages that were handled: at least the latest 1,000, at most 10,000, between them those still valid. Thread-safe. */
final class Seen {
    private static final int MIN = 1_000;
    private static final int MAX = 10_000;
    /** Bridges the correction of a wrong clock. */
    private static final long MARGIN_MILLIS = 86_400_000;

    private static final class Entry {
        final String task;
        final long until;

        Entry(String task, long until) {
            this.task = task;
            this.until = until;
        }
    }

    private final Map<String, Entry> byK = new LinkedHashMap<>();
    private final Map<String, Integer> tasks = new HashMap<>();
    private final Journal journal;
    /** Messages that were handed to the listener, and of which it is not known whether it has handled them. */
    private final Set<String> begun = new LinkedHashSet<>();
    private final Journal begunJournal;
    /** The message that the listener has now. */
    private String runningK = "";
    private String runningTask = "";

    Seen(Store store) {
        journal = new Journal(store, "seen", this::lines);
        journal.read(this::replay);
        begunJournal = new Journal(store, "begun", this::begunLines);
        begunJournal.read(begun::add);
        begun.removeAll(byK.keySet());
    }

    private synchronized List<String> begunLines() {
        return new ArrayList<>(begun);
    }

    private void replay(String line) {
        String[] words = line.split(" ", -1);
        put(words[0], new Entry(words[1], Long.parseLong(words[2])));
    }

    private synchronized List<String> lines() {
        List<String> all = new ArrayList<>();
        byK.forEach((k, entry) -> all.add(line(k, entry)));
        return all;
    }

    private static String line(String k, Entry entry) {
        return k + " " + entry.task + " " + entry.until;
    }

    /**
     * Tells whether a message was handled, or is with the listener, by whichever way it came. What a vendor brought may carry its task's ID as k.
     *
     * @param task its task; empty for the notice of a revocation, which is known by its k alone
     */
    synchronized boolean has(String k, String task) {
        if (byK.containsKey(k) || byK.containsKey(task) || (k.equals(task) && tasks.containsKey(task))) {
            return true;
        }
        return !runningK.isEmpty() && (runningK.equals(k) || runningK.equals(task) || (k.equals(task) && runningTask.equals(k)));
    }

    /** Notes that the listener gets a message now; tells whether it may have had it before. */
    synchronized boolean begin(String k, String task) {
        runningK = k;
        runningTask = task;
        boolean isFirst = begun.add(k);
        if (isFirst) {
            begunJournal.append(k, begun.size());
        }
        return !isFirst;
    }

    /** Notes that the listener has returned, or failed. */
    synchronized void end() {
        runningK = "";
        runningTask = "";
    }

    /** Remembers a message for its validity and a day, by the device's own clock. */
    synchronized void add(String k, String task, long nowMillis, long validityMillis) {
        if (byK.containsKey(k)) {
            return;
        }
        Entry entry = new Entry(task, nowMillis + validityMillis + MARGIN_MILLIS);
        put(k, entry);
        begun.remove(k);
        Iterator<Map.Entry<String, Entry>> oldest = byK.entrySet().iterator();
        while (byK.size() > MIN) {
            Entry first = oldest.next().getValue();
            if (byK.size() <= MAX && first.until >= nowMillis) {
                break;
            }
            oldest.remove();
            forgetTask(first.task);
        }
        journal.append(line(k, entry), byK.size());
    }

    private void put(String k, Entry entry) {
        Entry former = byK.put(k, entry);
        if (former != null) {
            forgetTask(former.task);
        }
        if (!entry.task.isEmpty()) {
            tasks.merge(entry.task, 1, Integer::sum);
        }
    }

    private void forgetTask(String task) {
        tasks.computeIfPresent(task, (name, count) -> count == 1 ? null : count - 1);
    }

    synchronized int size() {
        return byK.size();
    }

    synchronized void clear() {
        byK.clear();
        tasks.clear();
        begun.clear();
        journal.rewrite();
        begunJournal.rewrite();
    }
}
