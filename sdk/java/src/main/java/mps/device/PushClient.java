package mps.device;

import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.ForkJoinPool;
import org.json.JSONArray;
import org.json.JSONObject;

/**
 * A device of the message push service. Safe to use from several threads; listeners may call it too.
 *
 * <pre>{@code
 * PushClient client = new PushClient(Config.load(new File("mps-device.json")), new FileStore(new File("device")), listener);
 * client.start(true);
 * }</pre>
 */
public final class PushClient implements AutoCloseable {
    private final Config config;
    private final Store store;
    private final PushListener listener;
    private final Clock clock;
    private final Diagnostics diagnostics;
    private final Callbacks messages;
    private final Callbacks callbacks;
    private DeviceState state;
    private Engine engine;
    private int keepAlive;

    /** Makes a client, which does nothing until {@link #start}. */
    public PushClient(Config config, Store store, PushListener listener) {
        this(config, store, listener, null, null, null);
    }

    /**
     * Makes a client with other ports than usual; null takes the usual one.
     *
     * @param clock tells time; the system's
     * @param logger takes what {@link #diagnostics} keeps too; nobody
     * @param executor runs the listener; threads of the client's own, which end while there is nothing to do
     */
    public PushClient(
        Config config, Store store, PushListener listener, Clock clock, Logger logger, Executor executor) {
        this.config = config;
        this.store = store;
        this.listener = listener;
        keepAlive = config.keepAlive;
        this.clock = clock != null ? clock : new SystemClock();
        diagnostics = new Diagnostics(this.clock, logger != null ? logger : line -> { });
        messages = new Callbacks(executor != null ? executor : Callbacks.thread("mps-device-messages"), diagnostics);
        callbacks = new Callbacks(executor != null ? executor : Callbacks.thread("mps-device-callbacks"), diagnostics);
    }

    /**
     * Connects, and stays connected until {@link #stop}. A client that was refused or replaced tries again.
     *
     * @param consent whether the user has agreed to what the app does with push messages
     * @throws IllegalArgumentException without consent; nothing was stored or sent
     * @throws Store.InUseException if another client has the store open
     * @throws IOException if the store cannot be used
     */
    public synchronized void start(boolean consent) throws IOException {
        if (!consent) {
            throw new IllegalArgumentException("the client starts only with the user's consent");
        }
        if (engine != null && !engine.hasEnded()) {
            engine.startAgain();
            return;
        }
        open().useFor(config.username());
        engine = new Engine(config, state, clock, diagnostics, messages, callbacks, listener, keepAlive);
        engine.start();
    }

    private DeviceState open() throws IOException {
        if (state == null) {
            store.open();
            try {
                state = new DeviceState(store);
            } finally {
                if (state == null) {
                    store.close();
                }
            }
        }
        return state;
    }

    /** Disconnects. Messages wait in the service, reports in the store. Idempotent. */
    public synchronized void stop() {
        if (engine != null) {
            engine.stop();
            engine = null;
        }
    }

    /** Stops, and unlocks the store, so that another client may use it. Idempotent. */
    @Override
    public synchronized void close() {
        stop();
        if (state != null) {
            state = null;
            store.close();
        }
    }

    /** Returns what the client is doing. */
    public synchronized State state() {
        return engine != null ? engine.state() : new State(State.Status.STOPPED);
    }

    /** Returns the device's Ad-token, to which backends push; null until it has registered, or before the first start. */
    public synchronized String token() {
        DeviceState.Identity identity = state == null ? null : state.identity();
        return identity == null ? null : identity.adToken;
    }

    /** Sets the keep alive of the next connections, in seconds: networks forget idle connections after different times. */
    public synchronized void setKeepAlive(int seconds) {
        keepAlive = seconds;
        if (engine != null) {
            engine.setKeepAlive(seconds);
        }
    }

    /** Tells that the system has a network again: a client that waits tries at once. */
    public synchronized void networkIsUp() {
        if (engine != null) {
            engine.networkIsUp();
        }
    }

    /** Binds a user where the workspace asks for no proof: {@link #bind(String, ProofProvider)}. */
    public CompletableFuture<Void> bind(String userId) {
        return bind(userId, null);
    }

    /**
     * Binds the device to a user, who gets the messages to it from then on; a former user is unbound.
     *
     * <p>The wish is kept: without a connection it is sent with the next one, and a device that registers anew binds its user
     * again. Until the service has answered, no message is handed over, for it may be the former user's.
     *
     * @param userId the user, as the backend names it
     * @param provider gets the proof where the workspace asks for one, else null
     * @return fails with {@link PushException}, or with what the provider throws
     */
    public CompletableFuture<Void> bind(String userId, ProofProvider provider) {
        if (userId == null || userId.isEmpty()) {
            throw new IllegalArgumentException("the user's ID is empty");
        }
        return want((wishes, future) -> wishes.bind(userId, provider, future));
    }

    /** Ends the binding, as when the user logs out. Fails as {@link #bind} does. */
    public CompletableFuture<Void> unbind() {
        return want(Wishes::unbind);
    }

    /** Reports the token of a vendor's channel, by the vendor's number (sdk/PROTOCOL.md). Fails as {@link #bind} does. */
    public CompletableFuture<Void> reportVendorToken(int channel, String token) {
        return want((wishes, future) -> wishes.report(channel, token, future));
    }

    /** Withdraws the vendor's token: the device is reached by its connection alone. Fails as {@link #bind} does. */
    public CompletableFuture<Void> withdrawVendorToken() {
        return want((wishes, future) -> wishes.report(0, "", future));
    }

    /**
     * Reads a page of the inbox: the messages of the device and of its user. It needs a connection.
     *
     * @param before the {@link InboxPage#next} of the page before; empty for the newest
     * @param limit how many messages at most, up to 50
     * @return fails with {@link PushException}: without a connection, or if the service refused
     */
    public CompletableFuture<InboxPage> readInbox(String before, int limit) {
        return inbox(new JSONObject().put("before", before).put("limit", limit));
    }

    /** Counts the unread messages of the inbox, for a badge. Fails as {@link #readInbox} does. */
    public CompletableFuture<Integer> countUnread() {
        return inbox(new JSONObject().put("limit", 0)).thenApply(InboxPage::unread);
    }

    /** Marks messages as read, up to 100; returns how many are unread then. Fails as {@link #readInbox} does. */
    public CompletableFuture<Integer> markRead(String... ks) {
        return inbox(new JSONObject().put("read", new JSONArray(ks)).put("limit", 0)).thenApply(InboxPage::unread);
    }

    /** Marks all messages as read; returns how many are unread then. Fails as {@link #readInbox} does. */
    public CompletableFuture<Integer> markAllRead() {
        return inbox(new JSONObject().put("read", "all").put("limit", 0)).thenApply(InboxPage::unread);
    }

    /** Deletes messages from the inbox, up to 100; returns how many are unread then. Fails as {@link #readInbox} does. */
    public CompletableFuture<Integer> deleteFromInbox(String... ks) {
        return inbox(new JSONObject().put("delete", new JSONArray(ks)).put("limit", 0)).thenApply(InboxPage::unread);
    }

    /** Adds tags to the device, of those that the backend has made. Fails as {@link #readInbox} does. */
    public CompletableFuture<Void> addTags(String... names) {
        return changeProfile(new JSONObject().put("tags", new JSONObject().put("add", new JSONArray(names))));
    }

    /** Removes tags of the device. Fails as {@link #readInbox} does. */
    public CompletableFuture<Void> removeTags(String... names) {
        return changeProfile(new JSONObject().put("tags", new JSONObject().put("remove", new JSONArray(names))));
    }

    /** Subscribes the device to topics, of those that the backend has made. Fails as {@link #readInbox} does. */
    public CompletableFuture<Void> subscribe(String... names) {
        return changeProfile(new JSONObject().put("topics", new JSONObject().put("add", new JSONArray(names))));
    }

    /** Ends subscriptions to topics. Fails as {@link #readInbox} does. */
    public CompletableFuture<Void> unsubscribe(String... names) {
        return changeProfile(new JSONObject().put("topics", new JSONObject().put("remove", new JSONArray(names))));
    }

    /**
     * Sets attributes of the device: texts, numbers, or {@link java.util.Date}s. Fails as {@link #readInbox} does.
     */
    public CompletableFuture<Void> setAttributes(Map<String, ?> values) {
        JSONObject attributes = new JSONObject();
        values.forEach((name, value) -> attributes.put(
            name,
            value instanceof java.util.Date ? new JSONObject().put("time", ((java.util.Date) value).getTime()) : value));
        return changeProfile(new JSONObject().put("attributes", attributes));
    }

    /** Removes attributes of the device. Fails as {@link #readInbox} does. */
    public CompletableFuture<Void> unsetAttributes(String... names) {
        JSONObject attributes = new JSONObject();
        for (String name : names) {
            attributes.put(name, JSONObject.NULL);
        }
        return changeProfile(new JSONObject().put("attributes", attributes));
    }

    /** Says whether the device takes marketing messages; null takes it back. Fails as {@link #readInbox} does. */
    public CompletableFuture<Void> setMarketingConsent(Boolean consent) {
        return changeProfile(new JSONObject().put("marketingConsent", consent == null ? JSONObject.NULL : consent));
    }

    private CompletableFuture<InboxPage> inbox(JSONObject payload) {
        return ask("mps/inbox", payload).thenApply(InboxPage::new);
    }

    private CompletableFuture<Void> changeProfile(JSONObject payload) {
        return ask("mps/profile", payload).thenApply(nothing -> null);
    }

    private synchronized CompletableFuture<JSONObject> ask(String topic, JSONObject payload) {
        if (engine == null) {
            CompletableFuture<JSONObject> future = new CompletableFuture<>();
            future.completeExceptionally(new PushException.NotRunning("the client is not started"));
            return future;
        }
        return engine.ask(topic, payload);
    }

    private synchronized CompletableFuture<Void> want(Engine.Wish wish) {
        if (engine == null) {
            return failed(new PushException.NotRunning("the client is not started"));
        }
        return engine.want(wish);
    }

    private static CompletableFuture<Void> failed(Exception error) {
        CompletableFuture<Void> future = new CompletableFuture<>();
        future.completeExceptionally(error);
        return future;
    }

    /**
     * Takes the names and texts of a vendor's notification, before anything is done with it. Once a message was taken here it
     * does not come over the connection any more, and the other way round.
     *
     * @return the message; null if it is not the service's, or was handled already
     * @throws IOException if the store cannot be used
     */
    public synchronized Message receivedFromVendor(Map<String, String> data) throws IOException {
        Message message = Message.ofVendor(data);
        if (message == null) {
            return null;
        }
        Seen seen = needed().seen;
        if (seen.has(message.k(), message.taskId())) {
            diagnostics.note("message " + message.k() + " came again, by a vendor");
            return null;
        }
        seen.add(message.k(), message.taskId(), clock.wallMillis(), message.validityMillis());
        addEvent(message.k(), "arrived");
        return message;
    }

    /** Reports that the user opened a message. It is stored at once, and sent when there is a connection. */
    public void opened(String k) throws IOException {
        addEvent(k, "opened");
        callbacks.add(() -> listener.onNotificationOpened(k));
    }

    /** Reports that the user dismissed a message. It is stored at once, and sent when there is a connection. */
    public void ignored(String k) throws IOException {
        addEvent(k, "ignored");
    }

    private synchronized void addEvent(String k, String event) throws IOException {
        if (k == null || !k.matches("[0-9]{1,19}")) {
            throw new IllegalArgumentException("k is the ID of a message");
        }
        needed().outbox.add(k, event, clock.wallMillis());
        if (engine != null) {
            engine.sendEventsSoon();
        }
    }

    private DeviceState needed() {
        if (state == null) {
            throw new IllegalStateException("the client was not started yet");
        }
        return state;
    }

    /** Returns how many reports wait to be sent. */
    public synchronized int outboxSize() {
        return state == null ? 0 : state.outbox.size();
    }

    /**
     * Ends the device: the service deletes it, the store is emptied and the client stops. Without a connection it is asked for
     * over HTTP.
     *
     * @return fails with {@link PushException}, or {@link IOException} if the service cannot be reached; then nothing was changed
     */
    public synchronized CompletableFuture<Void> unregister() {
        CompletableFuture<Void> future = new CompletableFuture<>();
        DeviceState.Identity identity;
        try {
            identity = open().identity();
        } catch (IOException error) {
            return failed(error);
        }
        if (identity == null) {
            stop();
            future.complete(null);
        } else if (engine != null && engine.state().status() == State.Status.CONNECTED) {
            engine.unregister(error -> ForkJoinPool.commonPool().execute(() -> settle(future, error)));
        } else {
            ForkJoinPool.commonPool().execute(() -> settle(future, unregisterOverHttp(identity)));
        }
        return future;
    }

    private Exception unregisterOverHttp(DeviceState.Identity identity) {
        try {
            JSONObject answer = HttpRequests.post(config, identity, "/device/v1/unregister", "{}");
            if (!answer.optBoolean("success")) {
                return new Requests.Answer(answer).refusal();
            }
            synchronized (this) {
                if (engine != null) {
                    engine.stop();
                }
                if (state != null) {
                    state.clear();
                }
            }
            return null;
        } catch (IOException | RuntimeException error) {
            return error;
        }
    }

    private void settle(CompletableFuture<Void> future, Exception error) {
        if (error == null) {
            stop();
            future.complete(null);
        } else {
            future.completeExceptionally(error);
        }
    }

    /** Returns the latest lines of the client's log, for support: no secrets, no contents of messages. */
    public List<String> diagnostics() {
        return diagnostics.lines();
    }
}
