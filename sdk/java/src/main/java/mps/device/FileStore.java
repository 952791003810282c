package mps.device;

import java.io.File;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/**
 * A store in a folder that its owner alone may read. Files are replaced by renaming, and written through to the disk.
 *
 * <p>The credentials are in {@code private/}, which is marked to be left out of backups
 * (<a href="https://bford.info/cachedir/">CACHEDIR.TAG</a>): a backup restored elsewhere must not become the same device.
 */
public class FileStore implements Store {
    private static final String TAG =
        "Signature: 8a477f597d28d172789f06886806bc55\n# Left out of backups: a device's credentials.\n";
    private static final boolean POSIX = FileSystems.getDefault().supportedFileAttributeViews().contains("posix");

    private final Path folder;
    private final Path credentials;
    private RandomAccessFile lockFile;

    /** Names the folder, which {@link #open} creates. */
    public FileStore(File folder) {
        this.folder = folder.toPath().toAbsolutePath();
        this.credentials = this.folder.resolve("private").resolve("credentials.json");
    }

    @Override
    public synchronized void open() throws IOException {
        if (lockFile != null) {
            throw new InUseException(folder + " is in use by another client");
        }
        Files.createDirectories(credentials.getParent());
        restrict(folder, "rwx------");
        restrict(credentials.getParent(), "rwx------");
        RandomAccessFile opened = new RandomAccessFile(folder.resolve("lock").toFile(), "rw");
        if (!isLocked(opened)) {
            opened.close();
            throw new InUseException(folder + " is in use by another client");
        }
        lockFile = opened;
        replace(credentials.resolveSibling("CACHEDIR.TAG"), TAG);
    }

    private static boolean isLocked(RandomAccessFile file) throws IOException {
        try {
            FileLock lock = file.getChannel().tryLock();
            return lock != null;
        } catch (OverlappingFileLockException inThisProcess) {
            return false;
        }
    }

    @Override
    public synchronized void close() {
        if (lockFile != null) {
            try {
                lockFile.close();
            } catch (IOException unlockedAnyway) {
                // The lock ends with the file's descriptor.
            }
            lockFile = null;
        }
    }

    @Override
    public String readCredentials() throws IOException {
        return readFile(credentials);
    }

    @Override
    public void writeCredentials(String text) throws IOException {
        replace(credentials, text);
    }

    @Override
    public String read(String name) throws IOException {
        return readFile(folder.resolve(name));
    }

    @Override
    public void write(String name, String text) throws IOException {
        replace(folder.resolve(name), text);
    }

    @Override
    public List<String> readLines(String name) throws IOException {
        String text = read(name);
        return text == null || text.isEmpty() ? Collections.emptyList() : Arrays.asList(text.split("\n"));
    }

    @Override
    public synchronized void append(String name, String line) throws IOException {
        writeThrough(folder.resolve(name), line + "\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    }

    @Override
    public void writeLines(String name, List<String> lines) throws IOException {
        replace(folder.resolve(name), lines.isEmpty() ? "" : String.join("\n", lines) + "\n");
    }

    private static String readFile(Path path) throws IOException {
        return Files.exists(path) ? new String(Files.readAllBytes(path), StandardCharsets.UTF_8) : null;
    }

    private synchronized void replace(Path path, String text) throws IOException {
        if (text == null) {
            Files.deleteIfExists(path);
            return;
        }
        Path fresh = path.resolveSibling(path.getFileName() + ".new");
        Files.deleteIfExists(fresh);
        writeThrough(fresh, text, StandardOpenOption.CREATE_NEW);
        Files.move(fresh, path, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        writeThrough(path.getParent());
    }

    private static void writeThrough(Path path, String text, StandardOpenOption... options) throws IOException {
        List<StandardOpenOption> all = new ArrayList<>(Arrays.asList(options));
        all.add(StandardOpenOption.WRITE);
        try (FileChannel channel = FileChannel.open(path, EnumSet.copyOf(all), ownerOnly())) {
            ByteBuffer bytes = ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
            while (bytes.hasRemaining()) {
                channel.write(bytes);
            }
            channel.force(true);
        }
    }

    /** Makes a renaming durable, where the system can open a folder for that. */
    private static void writeThrough(Path directory) {
        try (FileChannel channel = FileChannel.open(directory, StandardOpenOption.READ)) {
            channel.force(true);
        } catch (IOException cannot) {
            // Windows and some Android versions: their file systems keep the order by themselves.
        }
    }

    private static FileAttribute<?>[] ownerOnly() {
        return POSIX
            ? new FileAttribute<?>[] {PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"))}
            : new FileAttribute<?>[0];
    }

    private static void restrict(Path path, String permissions) throws IOException {
        if (POSIX) {
            Set<java.nio.file.attribute.PosixFilePermission> wanted = PosixFilePermissions.fromString(permissions);
            Files.setPosixFilePermissions(path, wanted);
        }
    }
}
