package mps.device;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ValuesTest {
    private static final String CONFIG = "{\"endpoint\": \"%s\", \"httpEndpoint\": \"https://push.example.com/\", \"appId\": \"demo\","
        + " \"workspaceId\": \"default\", \"clientKey\": \"key\", \"platform\": \"other\", \"new\": 1}";

    private static Config config(String endpoint) {
        return Config.fromJson(String.format(CONFIG, endpoint)).build();
    }

    @Test
    void theConsolesFileIsReadWithItsDefaults() {
        Config config = config("mqtts://push.example.com");
        assertEquals(8883, config.port);
        assertTrue(config.isTls());
        assertEquals("demo-default", config.username());
        assertEquals("https://push.example.com", config.httpEndpoint);
        assertEquals("gateway/mqtt", config("ws://push.example.com:8001").path);
        assertEquals("other/path", config("wss://push.example.com/other/path").path);
    }

    @Test
    void aFaultyConfigurationNamesItsFault() {
        assertThrows(IllegalArgumentException.class, () -> config("https://push.example.com"));
        assertThrows(IllegalArgumentException.class, () -> Config.fromJson("[]"));
        Exception error = assertThrows(
            IllegalArgumentException.class, () -> Config.fromJson("{\"endpoint\": \"mqtt://a\"}").build());
        assertEquals("appId is missing", error.getMessage());
    }

    @Test
    void waitsDoubleUpToFiveMinutesAndAreRandom() {
        Backoff highest = new Backoff(() -> 1);
        for (double wanted : new double[] {1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300}) {
            assertEquals(wanted, highest.nextSeconds(false, 0));
        }
        highest.reset();
        assertEquals(60, highest.nextSeconds(true, 0));
        assertEquals(100, highest.nextSeconds(false, 100), "the service has asked for it");
        Backoff lowest = new Backoff(() -> 0);
        assertEquals(0, lowest.nextSeconds(false, 0));
    }

    @Test
    void aWrongSecretRegistersAgainAndAWrongClientKeyGivesUp() {
        assertEquals(Reasons.Action.REGISTER_AGAIN, Reasons.ofConnack(0x86, false).action);
        assertEquals(Reasons.Action.REFUSED, Reasons.ofConnack(0x86, true).action);
        assertEquals(Reasons.Action.SLOW, Reasons.ofConnack(0xA0, false).action);
        assertEquals(Reasons.Action.REPLACED, Reasons.ofDisconnect(0x8E).action);
        assertEquals(Reasons.Action.SLOW, Reasons.ofDisconnect(0x97).action);
    }

    @Test
    void aVendorsNamesAndTextsAreAMessage() {
        Map<String, String> data = new HashMap<>();
        data.put("k", "12");
        data.put("taskId", "12");
        data.put("action", "1");
        data.put("silent", "0");
        data.put("url", "app://order/42");
        data.put("order", "42");
        data.put("params", "{\"title\": \"mine\"}");
        Message message = Message.ofVendor(data);
        assertEquals("12", message.k());
        assertTrue(message.opensPage());
        assertFalse(message.isSilent());
        assertEquals("42", message.params().get("order"));
        assertEquals("mine", message.params().get("title"));
        assertEquals("", message.title());
        assertNull(Message.ofVendor(new HashMap<>()), "not ours");
    }

    @Test
    void whatIsNoMessageIsTold() {
        for (String text : new String[] {"", "[]", "{}", "{\"k\": \"1\"}", "{\"k\": \"1\", \"bData\": 1}"}) {
            byte[] payload = text.getBytes(StandardCharsets.UTF_8);
            assertThrows(IllegalArgumentException.class, () -> Message.decode(payload), text);
        }
    }

    @Test
    void nothingHappensWithoutConsent() {
        PushClient client = new PushClient(config("mqtt://127.0.0.1:1"), new FileStore(new java.io.File("/nowhere")), new PushListener() {});
        assertThrows(IllegalArgumentException.class, () -> client.start(false));
        assertNull(client.token());
        assertEquals(State.Status.STOPPED, client.state().status());
        assertTrue(client.bind("ann").isCompletedExceptionally());
    }
}
