package mps.device;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** The reports that wait to be sent: 10,000 at most, the oldest go first. Thread-safe. */
final class Outbox {
    static final int MAX_EVENTS = 10_000;

    /** A report; {@code at} is milliseconds since 1970 by the device's clock. */
    static final class Event {
        final long number;
        final String k;
        final String event;
        final long at;

        Event(long number, String k, String event, long at) {
            this.number = number;
            this.k = k;
            this.event = event;
            this.at = at;
        }

        private String key() {
            return k + event;
        }

        private String line() {
            return number + " " + k + " " + event + " " + at;
        }
    }

    private final ArrayDeque<Event> events = new ArrayDeque<>();
    private final Set<String> keys = new HashSet<>();
    private final Journal journal;
    private long lastNumber;

    Outbox(Store store) {
        journal = new Journal(store, "outbox", this::lines);
        journal.read(this::replay);
    }

    private void replay(String line) {
        String[] words = line.split(" ");
        if (words.length == 4) {
            put(new Event(Long.parseLong(words[0]), words[1], words[2], Long.parseLong(words[3])));
        } else {
            drop(Long.parseLong(words[0]));
        }
    }

    private synchronized List<String> lines() {
        List<String> all = new ArrayList<>();
        events.forEach(event -> all.add(event.line()));
        return all;
    }

    /** Adds a report, unless the same waits already. */
    synchronized void add(String k, String event, long at) {
        Event added = new Event(lastNumber + 1, k, event, at);
        if (put(added)) {
            journal.append(added.line(), events.size());
        }
    }

    private boolean put(Event event) {
        lastNumber = event.number;
        if (!keys.add(event.key())) {
            return false;
        }
        events.add(event);
        if (events.size() > MAX_EVENTS) {
            keys.remove(events.remove().key());
        }
        return true;
    }

    /** Returns the oldest reports. */
    synchronized List<Event> oldest(int count) {
        List<Event> first = new ArrayList<>();
        for (Event event : events) {
            if (first.size() == count) {
                break;
            }
            first.add(event);
        }
        return first;
    }

    /** Removes the reports up to one that was answered. */
    synchronized void removeUpTo(Event last) {
        drop(last.number);
        journal.append(String.valueOf(last.number), events.size());
    }

    private void drop(long number) {
        while (!events.isEmpty() && events.peek().number <= number) {
            keys.remove(events.remove().key());
        }
    }

    synchronized int size() {
        return events.size();
    }

    synchronized void clear() {
        events.clear();
        keys.clear();
        journal.rewrite();
    }
}
