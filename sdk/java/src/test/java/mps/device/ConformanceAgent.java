package mps.device;

import java.io.BufferedReader;
import java.io.File;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CountDownLatch;
import org.json.JSONArray;
import org.json.JSONObject;

/** The agent of this SDK in the conformance suite: JSON lines on standard input and output (sdk/conformance/README.md). */
public final class ConformanceAgent implements PushListener {
    private PushClient client;
    private Clock clock;
    private volatile String mode = "accept";
    private volatile CountDownLatch released = new CountDownLatch(1);

    public static void main(String[] arguments) throws Exception {
        ConformanceAgent agent = new ConformanceAgent();
        BufferedReader input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        write(new JSONObject().put("event", "ready"));
        String raw;
        while ((raw = input.readLine()) != null) {
            JSONObject line = new JSONObject(raw);
            if (line.getString("do").equals("exit")) {
                write(new JSONObject().put("id", line.get("id")).put("ok", true));
                break;
            }
            agent.answer(line);
        }
        if (agent.client != null) {
            agent.client.close();
        }
        System.exit(0);
    }

    private static synchronized void write(JSONObject line) {
        System.out.println(line);
        System.out.flush();
    }

    /** Carries out a line and answers it, later where it waits for the service. */
    private void answer(JSONObject line) {
        Object result;
        try {
            result = carryOut(line);
        } catch (Exception error) { // the scenario judges
            answer(line, null, error);
            return;
        }
        if (result instanceof CompletableFuture) {
            ((CompletableFuture<?>) result).whenComplete((done, error) -> answer(line, done, error));
        } else {
            answer(line, result, null);
        }
    }

    private static void answer(JSONObject line, Object result, Throwable error) {
        JSONObject answer = new JSONObject().put("id", line.get("id")).put("ok", error == null);
        if (error != null) {
            Throwable cause = error instanceof CompletionException ? error.getCause() : error;
            answer.put("error", cause.getClass().getSimpleName() + ": " + cause.getMessage());
        } else {
            answer.put("result", result == null ? JSONObject.NULL : result);
        }
        write(answer);
    }

    private Object carryOut(JSONObject line) throws Exception {
        switch (line.getString("do")) {
            case "configure":
                configure(line);
                return null;
            case "start":
                client.start(line.optBoolean("consent", true));
                return null;
            case "stop":
                client.stop();
                return null;
            case "token":
                return client.token();
            case "bind":
                String proof = line.isNull("proof") ? null : line.optString("proof", null);
                return client.bind(line.getString("userId"), proof == null ? null : (userId, adToken) -> proof);
            case "unbind":
                return client.unbind();
            case "report":
                return client.reportVendorToken(line.getInt("channel"), line.getString("token"));
            case "withdraw":
                return client.withdrawVendorToken();
            case "vendor":
                java.util.Map<String, String> data = new java.util.HashMap<>();
                line.getJSONObject("data").toMap().forEach((name, value) -> data.put(name, (String) value));
                return client.receivedFromVendor(data) != null;
            case "opened":
                client.opened(line.getString("k"));
                return null;
            case "ignored":
                client.ignored(line.getString("k"));
                return null;
            case "readInbox":
                return client.readInbox(line.optString("before"), line.optInt("limit", 20)).thenApply(ConformanceAgent::described);
            case "countUnread":
                return client.countUnread();
            case "markRead":
                return client.markRead(texts(line, "ks"));
            case "markAllRead":
                return client.markAllRead();
            case "deleteFromInbox":
                return client.deleteFromInbox(texts(line, "ks"));
            case "addTags":
                return client.addTags(texts(line, "names"));
            case "removeTags":
                return client.removeTags(texts(line, "names"));
            case "subscribe":
                return client.subscribe(texts(line, "names"));
            case "unsubscribe":
                return client.unsubscribe(texts(line, "names"));
            case "unsetAttributes":
                return client.unsetAttributes(texts(line, "names"));
            case "setAttributes":
                java.util.Map<String, Object> values = line.getJSONObject("values").toMap();
                values.replaceAll((name, value) -> value instanceof java.util.Map
                    ? new java.util.Date(((Number) ((java.util.Map<?, ?>) value).get("time")).longValue())
                    : value);
                return client.setAttributes(values);
            case "setMarketingConsent":
                return client.setMarketingConsent(line.isNull("consent") ? null : line.getBoolean("consent"));
            case "unregister":
                return client.unregister();
            case "handler":
                mode = line.getString("mode");
                released = new CountDownLatch(1);
                return null;
            case "release":
                mode = "accept";
                released.countDown();
                return null;
            case "advance":
                ((ManualClock) clock).advance(line.getDouble("seconds"));
                return null;
            case "diagnostics":
                return new JSONArray(client.diagnostics());
            case "outbox":
                return client.outboxSize();
            default:
                throw new IllegalArgumentException("no such command: " + line.getString("do"));
        }
    }

    private static String[] texts(JSONObject line, String name) {
        return line.getJSONArray(name).toList().toArray(new String[0]);
    }

    private static JSONObject described(InboxPage page) {
        JSONArray messages = new JSONArray();
        for (InboxPage.Entry one : page.messages()) {
            messages.put(new JSONObject().put("k", one.k()).put("msgKey", one.msgKey()).put("read", one.isRead()));
        }
        return new JSONObject().put("messages", messages).put("next", page.next()).put("unread", page.unread());
    }

    private void configure(JSONObject line) {
        clock = new SystemClock();
        if (line.optString("clock").equals("manual")) {
            clock = new ManualClock((long) (line.optDouble("now", System.currentTimeMillis() / 1_000.0) * 1_000));
        }
        client = new PushClient(
            Config.fromJson(line.getJSONObject("config").toString()).build(),
            new FileStore(new File(line.getString("store"))),
            this,
            clock,
            System.err::println,
            null);
    }

    @Override
    public void onMessage(Message message) throws Exception {
        // What it is now: the scenario may change it as soon as it sees the message.
        String mode = this.mode;
        CountDownLatch released = this.released;
        write(new JSONObject()
            .put("event", "message")
            .put("k", message.k())
            .put("bData", new JSONObject(message.json()))
            .put("repeat", message.isRepeat()));
        if (mode.equals("fail")) {
            throw new IllegalStateException("the scenario wants it");
        }
        if (mode.equals("hold")) {
            released.await();
        }
    }

    @Override
    public void onNotificationOpened(String k) {
        write(new JSONObject().put("event", "opened").put("k", k));
    }

    @Override
    public void onRevoked(String k) {
        write(new JSONObject().put("event", "revoked").put("k", k));
    }

    @Override
    public void onState(State state) {
        write(new JSONObject()
            .put("event", "state")
            .put("state", state.status().name().toLowerCase(java.util.Locale.ROOT))
            .put("reason", state.reason())
            .put("seconds", state.status() == State.Status.WAITING ? state.seconds() : JSONObject.NULL));
    }
}
