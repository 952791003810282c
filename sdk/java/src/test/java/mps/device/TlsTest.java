package mps.device;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.security.KeyStore;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLServerSocket;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TlsTest {
    private static final char[] PASSWORD = "changeit".toCharArray();
    private static final int CONNECT = 0x10;

    @TempDir
    File folder;

    private KeyStore certificate(String name) throws Exception {
        File file = new File(folder, "keys");
        String keytool = System.getProperty("java.home") + "/bin/keytool";
        Process made = new ProcessBuilder(
            keytool, "-genkeypair", "-alias", "a", "-keyalg", "EC", "-dname", "CN=test", "-ext", "san=" + name, "-storetype", "PKCS12",
            "-keystore", file.getPath(), "-storepass", new String(PASSWORD)).inheritIO().start();
        assertEquals(0, made.waitFor());
        KeyStore keys = KeyStore.getInstance("PKCS12");
        try (InputStream input = new FileInputStream(file)) {
            keys.load(input, PASSWORD);
        }
        return keys;
    }

    /** Returns the first byte that a server with a certificate gets from a client; null where the client says nothing. */
    private Integer firstByte(KeyStore keys, boolean isTrusted) throws Exception {
        KeyManagerFactory own = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        own.init(keys, PASSWORD);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(own.getKeyManagers(), null, null);
        BlockingQueue<Integer> first = new LinkedBlockingQueue<>();
        BlockingQueue<State> waiting = new LinkedBlockingQueue<>();
        PushListener listener = new PushListener() {
            @Override
            public void onState(State state) {
                if (state.status() == State.Status.WAITING) {
                    waiting.add(state);
                }
            }
        };
        InetAddress loopback = InetAddress.getByName("127.0.0.1");
        try (SSLServerSocket server = (SSLServerSocket) context.getServerSocketFactory().createServerSocket(0, 1, loopback)) {
            Thread accepting = new Thread(() -> {
                try (SSLSocket client = (SSLSocket) server.accept()) {
                    first.add(client.getInputStream().read());
                } catch (IOException refused) {
                    // The client does not trust it.
                }
            });
            accepting.start();
            Config.Builder config = Config.fromJson("{\"appId\": \"demo\", \"workspaceId\": \"default\", \"clientKey\": \"key\"}")
                .endpoint("mqtts://127.0.0.1:" + server.getLocalPort());
            if (isTrusted) {
                TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
                KeyStore authorities = KeyStore.getInstance(KeyStore.getDefaultType());
                authorities.load(null, null);
                authorities.setCertificateEntry("a", keys.getCertificate("a"));
                trust.init(authorities);
                config.trustManagers(trust);
            }
            try (PushClient client = new PushClient(config.build(), new FileStore(new File(folder, "store")), listener)) {
                client.start(true);
                assertTrue(waiting.poll(60, TimeUnit.SECONDS) != null, "the connection ends either way");
            }
            return first.poll();
        }
    }

    @Test
    void aTrustedServerIsTalkedTo() throws Exception {
        assertEquals(CONNECT, firstByte(certificate("ip:127.0.0.1"), true));
    }

    @Test
    void aServerWithAnUnknownCertificateIsToldNothing() throws Exception {
        assertNull(firstByte(certificate("ip:127.0.0.1"), false));
    }

    @Test
    void aServerWithAnotherHostsCertificateIsToldNothing() throws Exception {
        assertNull(firstByte(certificate("dns:other.example.com"), true));
    }
}
