package mps.device;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Supplier;

/** A list in a store to which lines are added, written anew when most of them have become void. */
final class Journal {
    private static final String END = ";";
    private static final int SPARE_LINES = 1_000;

    private final Store store;
    private final String name;
    private final Supplier<List<String>> living;
    private int lines;

    /** Names the list; {@code living} returns the lines that say what is true now. */
    Journal(Store store, String name, Supplier<List<String>> living) {
        this.store = store;
        this.name = name;
        this.living = living;
    }

    /** Reads all lines. One that a crash cut off is dropped. */
    void read(Consumer<String> line) {
        boolean whole = true;
        try {
            for (String one : store.readLines(name)) {
                lines++;
                if (one.endsWith(END)) {
                    line.accept(one.substring(0, one.length() - END.length()));
                } else {
                    whole = false;
                }
            }
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
        if (!whole) {
            rewrite();
        }
    }

    /** Adds a line; {@code count} is how many lines are true now. */
    void append(String line, int count) {
        try {
            store.append(name, line + END);
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
        lines++;
        if (lines > 2 * count + SPARE_LINES) {
            rewrite();
        }
    }

    /** Writes the list anew. */
    void rewrite() {
        List<String> all = living.get();
        all.replaceAll(line -> line + END);
        try {
            store.writeLines(name, all);
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
        lines = all.size();
    }
}
