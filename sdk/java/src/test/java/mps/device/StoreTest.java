package mps.device;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.json.JSONObject;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StoreTest {
    private static final long DAY = 86_400_000;

    @TempDir
    File folder;

    private DeviceState reopened() throws IOException {
        return new DeviceState(new FileStore(folder));
    }

    private DeviceState opened() throws IOException {
        new FileStore(folder).open();
        return reopened();
    }

    private void addToFile(String name, String text) throws IOException {
        Files.write(folder.toPath().resolve(name), text.getBytes(StandardCharsets.UTF_8), StandardOpenOption.APPEND);
    }

    @Test
    void onlyItsOwnerMayReadTheStore() throws IOException {
        DeviceState state = opened();
        state.proofOfRegistration();
        state.keepIdentity(new DeviceState.Identity("token", "secret"));
        state.outbox.add("1", "opened", 2);
        try (Stream<Path> files = Files.walk(folder.toPath())) {
            for (Path file : files.filter(path -> !path.endsWith("lock")).collect(Collectors.toList())) {
                String wanted = Files.isDirectory(file) ? "rwx------" : "rw-------";
                assertEquals(wanted, PosixFilePermissions.toString(Files.getPosixFilePermissions(file)), file.toString());
            }
        }
    }

    @Test
    void aStoreIsOneClients() throws IOException {
        FileStore first = new FileStore(folder);
        first.open();
        assertThrows(Store.InUseException.class, new FileStore(folder)::open);
        first.close();
        new FileStore(folder).open();
    }

    @Test
    void aRestoredBackupIsAnotherInstallation() throws IOException {
        DeviceState state = opened();
        String installation = state.proofOfRegistration().get("installationId");
        state.keepIdentity(new DeviceState.Identity("token", "secret"));
        state.setWish(DeviceState.BINDING, new JSONObject().put("userId", "ann"), true);
        state.seen.add("1", "2", 0, DAY);
        for (File file : java.util.Objects.requireNonNull(new File(folder, "private").listFiles())) {
            assertTrue(file.delete());
        }
        DeviceState restored = reopened();
        assertNull(restored.identity());
        assertNotEquals(installation, restored.proofOfRegistration().get("installationId"));
        assertFalse(restored.wish(DeviceState.BINDING).confirmed);
        assertEquals(0, restored.seen.size());
    }

    @Test
    void aRegistrationKeepsItsProofUntilItIsOver() throws IOException {
        DeviceState state = opened();
        String nonce = state.proofOfRegistration().get("registrationNonce");
        assertTrue(nonce.length() >= 22);
        state.keepIdentity(new DeviceState.Identity("token", "secret"));
        assertEquals(nonce, reopened().proofOfRegistration().get("registrationNonce"));
        state.endRegistration();
        DeviceState later = reopened();
        assertNotEquals(nonce, later.proofOfRegistration().get("registrationNonce"));
        assertEquals("secret", later.proofOfRegistration().get("deviceSecret"));
    }

    @Test
    void whatBelongsToAnotherAppIsForgotten() throws IOException {
        DeviceState state = opened();
        state.useFor("demo-default");
        state.keepIdentity(new DeviceState.Identity("token", "secret"));
        state.outbox.add("1", "opened", 2);
        state.useFor("demo-default");
        assertEquals("token", state.identity().adToken);
        state.useFor("demo-other");
        assertNull(state.identity());
        assertEquals(0, reopened().outbox.size());
    }

    @Test
    void reportsSurviveARestartEachOnce() throws IOException {
        Outbox outbox = opened().outbox;
        outbox.add("1", "opened", 10);
        outbox.add("1", "opened", 11);
        outbox.add("1", "ignored", 12);
        outbox.add("2", "opened", 13);
        outbox.removeUpTo(outbox.oldest(1).get(0));
        List<Outbox.Event> left = reopened().outbox.oldest(100);
        assertEquals(2, left.size());
        assertEquals("1 ignored 12", left.get(0).k + " " + left.get(0).event + " " + left.get(0).at);
    }

    @Test
    void theOldestReportsGoFirstWhenThereAreTooMany() throws IOException {
        // A journal of an earlier run, in which more were added than are kept.
        opened();
        StringBuilder lines = new StringBuilder();
        for (int number = 1; number <= Outbox.MAX_EVENTS + 50; number++) {
            lines.append(number).append(' ').append(number).append(" opened 1;\n");
        }
        Files.write(folder.toPath().resolve("outbox"), lines.toString().getBytes(StandardCharsets.UTF_8));
        Outbox outbox = reopened().outbox;
        assertEquals(Outbox.MAX_EVENTS, outbox.size());
        assertEquals("51", outbox.oldest(1).get(0).k);
        outbox.removeUpTo(outbox.oldest(Outbox.MAX_EVENTS).get(Outbox.MAX_EVENTS - 1));
        assertEquals(0, reopened().outbox.size());
        assertEquals(0, new File(folder, "outbox").length(), "what was sent takes no room");
    }

    @Test
    void aLineThatACrashCutOffIsDropped() throws IOException {
        opened().outbox.add("1", "opened", 10);
        addToFile("outbox", "2 123 ope");
        Outbox outbox = reopened().outbox;
        assertEquals(1, outbox.size());
        outbox.add("3", "opened", 10);
        assertEquals(2, reopened().outbox.size());
    }

    @Test
    void aMessageIsKnownByItsKeyAndByItsTask() throws IOException {
        opened().seen.add("1", "10", 0, DAY);
        Seen seen = reopened().seen;
        assertTrue(seen.has("1", "10"));
        assertTrue(seen.has("10", "10"), "what a vendor brought carries the task's ID");
        assertFalse(seen.has("2", "10"), "another message of the task");
        seen.add("20", "20", 0, DAY);
        assertTrue(seen.has("3", "20"), "a message of the task that a vendor brought");
    }

    @Test
    void theLatestThousandMessagesAreKnownHoweverOld() throws IOException {
        StringBuilder lines = new StringBuilder();
        for (int number = 0; number < 1_500; number++) {
            lines.append(number).append("  1000;\n");
        }
        opened();
        Files.write(folder.toPath().resolve("seen"), lines.toString().getBytes(StandardCharsets.UTF_8));
        Seen seen = reopened().seen;
        seen.add("new", "", 100 * DAY, DAY);
        assertEquals(1_000, seen.size());
        assertTrue(seen.has("1499", ""));
        assertFalse(seen.has("0", ""));
    }

    @Test
    void aMessageWhoseListenerDidNotReturnIsARepeat() throws IOException {
        Seen seen = opened().seen;
        assertFalse(seen.begin("1", "10"));
        assertTrue(seen.has("1", "10"), "its listener runs");
        assertFalse(reopened().seen.has("1", "10"));
        assertTrue(reopened().seen.begin("1", "10"));
    }
}
