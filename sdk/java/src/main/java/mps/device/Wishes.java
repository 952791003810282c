package mps.device;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ForkJoinPool;
import org.json.JSONObject;

/**
 * What the app wants the service to know: whose the device is, and the vendor's token. It is sent until it is answered, and
 * again when the device has become another one. What the app asks is in the store when the call returns. Thread-safe; callbacks
 * come in the loop's thread.
 */
final class Wishes {
    /** When the service is asked again after it was unable to serve. */
    private static final double UNAVAILABLE_SECONDS = 30;

    private final DeviceState state;
    private final Loop loop;
    private final Callbacks callbacks;
    private final Requests requests;
    private final Runnable onBindingChange;
    private final Runnable onBound;
    private Binding binding = new Binding(null);
    private List<CompletableFuture<Void>> reporting = new ArrayList<>();

    /** A user to bind or unbind, and who waits for that. */
    private static final class Binding {
        final ProofProvider provider;
        final List<CompletableFuture<Void>> waiting = new ArrayList<>();

        Binding(ProofProvider provider) {
            this.provider = provider;
        }
    }

    /**
     * Takes what to call: {@code onBindingChange} when another user is wanted, or the want has ended; {@code onBound} when the
     * device has become another user's.
     */
    Wishes(
        DeviceState state, Loop loop, Callbacks callbacks, Requests requests, Runnable onBindingChange, Runnable onBound) {
        this.state = state;
        this.loop = loop;
        this.callbacks = callbacks;
        this.requests = requests;
        this.onBindingChange = onBindingChange;
        this.onBound = onBound;
    }

    /** Sends what the service does not know. */
    synchronized void send() {
        sendBinding();
        sendReport();
    }

    /** Tells whether another user is to be bound: messages that come may still be the former user's. */
    synchronized boolean isBindingOpen() {
        DeviceState.Wish wish = state.wish(DeviceState.BINDING);
        return wish != null && !wish.confirmed;
    }

    /** Fails whoever waits. */
    synchronized void fail(String reason) {
        settle(binding.waiting, new PushException.NotRunning(reason));
        settle(reporting, new PushException.NotRunning(reason));
    }

    void bind(String userId, ProofProvider provider, CompletableFuture<Void> future) {
        want(userId, true, provider, future);
    }

    synchronized void unbind(CompletableFuture<Void> future) {
        DeviceState.Wish wish = state.wish(DeviceState.BINDING);
        if (wish == null || (wish.confirmed && !wish.value.getBoolean("bound"))) {
            ForkJoinPool.commonPool().execute(() -> future.complete(null));
        } else {
            want(wish.value.getString("userId"), false, null, future);
        }
    }

    private synchronized void want(String userId, boolean bound, ProofProvider provider, CompletableFuture<Void> future) {
        settle(binding.waiting, new PushException.NotRunning("replaced by a later bind or unbind"));
        binding = new Binding(provider);
        binding.waiting.add(future);
        DeviceState.Wish former = state.wish(DeviceState.BINDING);
        JSONObject value = new JSONObject()
            .put("userId", userId)
            .put("bound", bound)
            .put("needsProof", provider != null);
        state.setWish(DeviceState.BINDING, value, former != null && former.confirmed && former.value.similar(value));
        post(() -> {
            onBindingChange.run();
            sendBinding();
        });
    }

    private void post(Runnable task) {
        if (!loop.post(task)) {
            fail("the client was stopped");
        }
    }

    /** Sends the binding that the service does not know, or whose answer somebody waits for. */
    private synchronized void sendBinding() {
        DeviceState.Wish wish = state.wish(DeviceState.BINDING);
        DeviceState.Identity identity = state.identity();
        if (wish == null || (wish.confirmed && binding.waiting.isEmpty()) || !requests.isPossible() || identity == null) {
            return;
        }
        Binding sent = binding;
        if (sent.provider != null) {
            callbacks.add(() -> prove(sent, wish.value, identity.adToken));
        } else if (!wish.value.getBoolean("needsProof")) {
            sendBinding(sent, wish.value, null);
        }
        // Else the app binds again after its restart, and brings the provider.
    }

    private void prove(Binding sent, JSONObject value, String adToken) {
        try {
            String proof = sent.provider.bindToken(value.getString("userId"), adToken);
            loop.post(() -> sendBinding(sent, value, proof));
        } catch (Exception failure) { // the app's; who waits for the bind gets it
            loop.post(() -> bindingFailed(sent, failure));
        }
    }

    private synchronized void sendBinding(Binding sent, JSONObject value, String proof) {
        if (sent != binding || !requests.isPossible()) {
            return;
        }
        JSONObject payload = new JSONObject().put("userId", value.getString("userId"));
        if (proof != null) {
            payload.put("bindToken", proof);
        }
        String topic = value.getBoolean("bound") ? "mps/bind" : "mps/unbind";
        requests.send(topic, payload.toString(), answer -> bindingAnswered(sent, value, answer));
    }

    private synchronized void bindingAnswered(Binding sent, JSONObject value, Requests.Answer answer) {
        if (sent != binding) {
            return;
        }
        if (answer.isTemporary()) {
            loop.schedule("wishes", UNAVAILABLE_SECONDS, this::send);
        } else if (!answer.isSuccess()) {
            bindingFailed(sent, answer.refusal());
        } else {
            boolean changed = isBindingOpen();
            state.setWish(DeviceState.BINDING, value, true);
            settle(sent.waiting, null);
            if (changed) {
                onBound.run();
            }
            onBindingChange.run();
        }
    }

    private synchronized void bindingFailed(Binding failed, Exception error) {
        if (failed == binding) {
            state.setWish(DeviceState.BINDING, null, false);
            settle(failed.waiting, error);
            onBindingChange.run();
        }
    }

    synchronized void report(int channel, String token, CompletableFuture<Void> future) {
        settle(reporting, new PushException.NotRunning("replaced by a later report"));
        reporting = new ArrayList<>();
        reporting.add(future);
        state.setWish(DeviceState.VENDOR_TOKEN, new JSONObject().put("channel", channel).put("token", token), false);
        post(this::sendReport);
    }

    private synchronized void sendReport() {
        DeviceState.Wish wish = state.wish(DeviceState.VENDOR_TOKEN);
        if (wish == null || wish.confirmed || !requests.isPossible()) {
            return;
        }
        int channel = wish.value.getInt("channel");
        JSONObject payload = new JSONObject().put("thirdChannel", channel);
        if (channel != 0) {
            payload.put("thirdChannelDeviceToken", wish.value.getString("token"));
        }
        List<CompletableFuture<Void>> sent = reporting;
        requests.send("mps/report", payload.toString(), answer -> reportAnswered(sent, wish.value, answer));
    }

    private synchronized void reportAnswered(List<CompletableFuture<Void>> sent, JSONObject value, Requests.Answer answer) {
        if (sent != reporting) {
            return;
        }
        if (answer.isTemporary()) {
            loop.schedule("wishes", UNAVAILABLE_SECONDS, this::send);
        } else if (answer.isSuccess()) {
            state.setWish(DeviceState.VENDOR_TOKEN, value, true);
            settle(sent, null);
        } else {
            state.setWish(DeviceState.VENDOR_TOKEN, null, false);
            settle(sent, answer.refusal());
        }
    }

    /** Tells the end to those who wait, in a thread where they may block. */
    private static void settle(List<CompletableFuture<Void>> futures, Exception error) {
        for (CompletableFuture<Void> future : futures) {
            ForkJoinPool.commonPool().execute(() -> {
                if (error == null) {
                    future.complete(null);
                } else {
                    future.completeExceptionally(error);
                }
            });
        }
        futures.clear();
    }
}
