package mps.device;

import java.io.UncheckedIOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Locale;
import java.util.TimeZone;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ForkJoinPool;
import java.util.function.Consumer;
import org.json.JSONArray;
import org.json.JSONObject;

/** A client from its start to its stop: connects, waits, sends what is to be sent, and takes what arrives. */
final class Engine {
    /** In a storm of connections the service lets devices wait up to 60 s. */
    private static final double CONNACK_SECONDS = 75;
    /** A connection that lasts for this long was a success: the next wait is short again. */
    private static final double STABLE_SECONDS = 60;
    private static final double UNAVAILABLE_SECONDS = 30;
    private static final int MAX_BATCH = 100;

    private final Config config;
    private final DeviceState state;
    private final Clock clock;
    private final Diagnostics diagnostics;
    private final Callbacks callbacks;
    private final PushListener listener;
    private final Loop loop;
    private final Requests requests;
    private final Wishes wishes;
    private final Delivery delivery;
    private final Backoff backoff = new Backoff();
    private volatile State shown = new State(State.Status.STOPPED);
    private volatile int keepAlive;
    private Connection connection;
    /** Whether this attempt registers. */
    private boolean isRegistering;
    /** Whether the next attempt registers though there is an identity, and whether one did since the last stable connection. */
    private boolean registersAgain;
    private boolean hasRegisteredAgain;
    /** When the connection was accepted, by the clock that only goes on; 0 while there is none. */
    private long connectedAt;
    private boolean isSendingEvents;
    /** How many reports to send alone, after a list of them was refused. */
    private int oneByOne;

    Engine(
        Config config,
        DeviceState state,
        Clock clock,
        Diagnostics diagnostics,
        Callbacks listeners,
        Callbacks callbacks,
        PushListener listener,
        int keepAlive) {
        this.config = config;
        this.keepAlive = keepAlive;
        this.state = state;
        this.clock = clock;
        this.diagnostics = diagnostics;
        this.callbacks = callbacks;
        this.listener = listener;
        loop = new Loop(clock, this::onFault, this::onEnd);
        delivery = new Delivery(state, clock, diagnostics, loop, listeners, listener);
        requests = new Requests(loop, diagnostics, why -> endConnection(Reasons.Action.RETRY, why, 0));
        wishes = new Wishes(state, loop, callbacks, requests, this::holdOrDeliver, this::dropFormerUsersMessages);
    }

    // -- for other threads --------------------------------------------------------------------------------------------

    void start() {
        loop.start();
        loop.post(this::connect);
    }

    State state() {
        return shown;
    }

    boolean hasEnded() {
        return loop.hasEnded();
    }

    /** Disconnects and ends. */
    void stop() {
        if (loop.post(this::end)) {
            loop.join(5_000);
        }
    }

    /** Tries again after the client made no more attempts. */
    void startAgain() {
        loop.post(() -> {
            if (shown.status() == State.Status.REFUSED || shown.status() == State.Status.REPLACED) {
                connect();
            }
        });
    }

    void setKeepAlive(int seconds) {
        keepAlive = seconds;
    }

    /** Tries at once, if the client waits. */
    void networkIsUp() {
        loop.post(() -> {
            if (shown.status() == State.Status.WAITING) {
                connect();
            }
        });
    }

    /** Has a wish stored and sent; its future fails if the client has ended. */
    CompletableFuture<Void> want(Wish wish) {
        CompletableFuture<Void> future = new CompletableFuture<>();
        wish.send(wishes, future);
        return future;
    }

    /** Something that the app wants the service to know. */
    interface Wish {
        void send(Wishes wishes, CompletableFuture<Void> future);
    }

    /** Asks over the connection there is; the future has the answer's data, and fails where there is no connection. */
    CompletableFuture<JSONObject> ask(String topic, JSONObject payload) {
        CompletableFuture<JSONObject> future = new CompletableFuture<>();
        boolean runs = loop.post(() -> {
            if (!requests.isPossible()) {
                fail(future, new PushException.NotRunning("not connected"));
                return;
            }
            requests.send(
                topic,
                payload.toString(),
                answer -> {
                    if (answer.isSuccess()) {
                        ForkJoinPool.commonPool().execute(() -> future.complete(answer.data()));
                    } else {
                        fail(future, answer.refusal());
                    }
                },
                () -> fail(future, new PushException.NotRunning("the connection was lost before the answer came")));
        });
        if (!runs) {
            fail(future, new PushException.NotRunning("the client was stopped"));
        }
        return future;
    }

    private static void fail(CompletableFuture<?> future, Exception error) {
        ForkJoinPool.commonPool().execute(() -> future.completeExceptionally(error));
    }

    void sendEventsSoon() {
        loop.post(this::sendEvents);
    }

    /** Unregisters over the connection there is; tells null or what went wrong. */
    void unregister(Consumer<Exception> onEnd) {
        boolean runs = loop.post(() -> {
            if (!requests.isPossible()) {
                onEnd.accept(new PushException.NotRunning("not connected"));
                return;
            }
            requests.send("mps/unregister", "{}", answer -> {
                if (answer.isSuccess()) {
                    closeConnection();
                    state.clear();
                    end();
                }
                onEnd.accept(answer.isSuccess() ? null : answer.refusal());
            });
        });
        if (!runs) {
            onEnd.accept(new PushException.NotRunning("the client was stopped"));
        }
    }

    // -- connecting ---------------------------------------------------------------------------------------------------

    private void connect() {
        closeConnection();
        show(new State(State.Status.CONNECTING));
        DeviceState.Identity identity = registersAgain ? null : state.identity();
        isRegistering = identity == null;
        Map<String, String> properties = new LinkedHashMap<>();
        properties.put("timeZone", TimeZone.getDefault().getID());
        properties.put("language", Locale.getDefault().toLanguageTag());
        if (!Locale.getDefault().getCountry().isEmpty()) {
            properties.put("country", Locale.getDefault().getCountry());
        }
        properties.putAll(config.description);
        properties.put("platform", config.platform);
        if (isRegistering) {
            properties.putAll(state.proofOfRegistration());
        }
        Happenings happenings = new Happenings();
        connection = happenings.of = new Connection(config, happenings);
        loop.schedule("connack", CONNACK_SECONDS, () -> endConnection(Reasons.Action.RETRY, "no answer to the CONNECT", 0));
        connection.open(identity, properties, keepAlive);
    }

    /** Brings what happens to a connection into the loop, as long as it is the client's. */
    private final class Happenings implements Connection.Events {
        private Connection of;

        private void post(Runnable task) {
            loop.post(() -> {
                if (connection == of) {
                    task.run();
                }
            });
        }

        @Override
        public void connected(DeviceState.Identity issued) {
            post(() -> onConnected(issued));
        }

        @Override
        public void refused(int code, double retryAfter) {
            post(() -> {
                Reasons.Verdict verdict = Reasons.ofConnack(code, isRegistering);
                endConnection(verdict.action, verdict.reason, retryAfter);
            });
        }

        @Override
        public void disconnected(int code) {
            post(() -> {
                Reasons.Verdict verdict = Reasons.ofDisconnect(code);
                endConnection(verdict.action, verdict.reason, 0);
            });
        }

        @Override
        public void lost(String why) {
            post(() -> endConnection(Reasons.Action.RETRY, why, 0));
        }

        @Override
        public void arrived(Connection.Arrived message) {
            post(() -> delivery.add(message));
        }

        @Override
        public void answered(String correlation, byte[] payload) {
            post(() -> requests.answered(correlation, payload));
        }
    }

    private void onConnected(DeviceState.Identity issued) {
        loop.cancel("connack");
        if (issued != null) {
            state.keepIdentity(issued);
            registersAgain = false;
            diagnostics.note("registered");
        } else {
            state.endRegistration();
        }
        connectedAt = clock.elapsedMillis();
        requests.use(connection);
        show(new State(State.Status.CONNECTED));
        holdOrDeliver();
        wishes.send();
        sendEvents();
    }

    /** Ends the connection, and does what its end asks for. */
    private void endConnection(Reasons.Action action, String reason, double atLeast) {
        if (connectedAt != 0 && clock.elapsedMillis() - connectedAt >= STABLE_SECONDS * 1_000) {
            backoff.reset();
            hasRegisteredAgain = false;
        }
        closeConnection();
        switch (action) {
            case REFUSED:
                giveUp(State.Status.REFUSED, reason);
                break;
            case REPLACED:
                giveUp(State.Status.REPLACED, reason);
                break;
            case REGISTER_AGAIN:
                double seconds = hasRegisteredAgain ? backoff.longestSeconds() : 0;
                registersAgain = hasRegisteredAgain = true;
                state.endRegistration();
                connectIn(Math.max(seconds, atLeast), reason);
                break;
            case REGISTER_ANEW:
                state.forgetIdentity();
                connectIn(backoff.nextSeconds(true, atLeast), reason);
                break;
            default:
                connectIn(backoff.nextSeconds(action == Reasons.Action.SLOW, atLeast), reason);
        }
    }

    private void connectIn(double seconds, String reason) {
        loop.schedule("reconnect", seconds, this::connect);
        show(new State(State.Status.WAITING, reason, seconds));
    }

    private void giveUp(State.Status status, String reason) {
        show(new State(status, reason, 0));
        wishes.fail(shown.toString());
    }

    private void closeConnection() {
        connectedAt = 0;
        loop.cancelAll();
        requests.use(null);
        delivery.discard();
        isSendingEvents = false;
        if (connection != null) {
            connection.close();
            connection = null;
        }
    }

    private void end() {
        closeConnection();
        show(new State(State.Status.STOPPED));
        loop.end();
    }

    private void onEnd() {
        wishes.fail("the client was stopped");
    }

    /** The store cannot be used, or there is a fault in the client: both may be over later. */
    private void onFault(RuntimeException fault) {
        String reason = fault instanceof UncheckedIOException ? "the store cannot be used" : "a fault of the client";
        diagnostics.note(reason + ": " + fault.getClass().getSimpleName());
        try {
            endConnection(Reasons.Action.SLOW, reason, 0);
        } catch (RuntimeException again) {
            connectIn(backoff.nextSeconds(true, 0), reason);
        }
    }

    private void show(State state) {
        if (!state.equals(shown)) {
            shown = state;
            diagnostics.note(state.toString());
            callbacks.add(() -> listener.onState(state));
        }
    }

    // -- users --------------------------------------------------------------------------------------------------------

    /** Holds messages back while another user is to be bound: they may be the former user's. */
    private void holdOrDeliver() {
        if (wishes.isBindingOpen()) {
            delivery.pause();
        } else {
            delivery.resume();
        }
    }

    private void dropFormerUsersMessages() {
        if (delivery.discard()) {
            diagnostics.note("messages from before the bind are read again");
            connect(); // what is this user's comes again
        }
    }

    // -- reports ------------------------------------------------------------------------------------------------------

    /** Sends the oldest reports, in one request at a time: those that are added meanwhile make the next. */
    private void sendEvents() {
        if (isSendingEvents || !requests.isPossible() || loop.isScheduled("events")) {
            return;
        }
        List<Outbox.Event> events = state.outbox.oldest(oneByOne > 0 ? 1 : MAX_BATCH);
        if (events.isEmpty()) {
            return;
        }
        isSendingEvents = true;
        JSONArray payload = new JSONArray();
        for (Outbox.Event event : events) {
            payload.put(new JSONObject().put("k", event.k).put("event", event.event).put("at", event.at));
        }
        requests.send("mps/event", payload.toString(), answer -> eventsAnswered(events, answer));
    }

    private void eventsAnswered(List<Outbox.Event> events, Requests.Answer answer) {
        isSendingEvents = false;
        Outbox.Event last = events.get(events.size() - 1);
        if (answer.isTemporary()) {
            loop.schedule("events", UNAVAILABLE_SECONDS, this::sendEvents);
        } else if (!answer.isSuccess() && events.size() > 1) {
            oneByOne = events.size(); // one of them is faulty
        } else {
            if (!answer.isSuccess()) {
                diagnostics.note("the report of " + last.k + " was refused and dropped");
            }
            oneByOne = Math.max(0, oneByOne - 1);
            state.outbox.removeUpTo(last);
        }
        sendEvents();
    }
}
