package mps.device.android;

import android.app.Activity;
import android.app.Application;
import android.content.Context;
import android.content.Intent;
import android.net.ConnectivityManager;
import android.net.Network;
import android.net.NetworkCapabilities;
import android.os.Build;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.Executors;
import mps.device.Config;
import mps.device.Message;
import mps.device.ProofProvider;
import mps.device.PushClient;
import mps.device.PushListener;
import mps.device.State;
import mps.device.Store;

/**
 * The message push service in an Android app: one device for the app. Call {@link #install} in {@code Application.onCreate}, and
 * {@link #start} once the user has agreed. Its methods return at once and may be called in any thread.
 */
public final class Push {
    /** Mobile networks forget idle connections later than most home routers. */
    private static final int WIFI_KEEP_ALIVE_SECONDS = 120;
    private static final int MOBILE_KEEP_ALIVE_SECONDS = 240;
    private static final String CONSENT = "consent";

    private static volatile Push installed;

    final Context context;
    final PushOptions options;
    private final Executor worker;
    private final PushClient client;
    private final Notifications notifications;
    private boolean isWatchingNetworks;

    Push(Context context, PushOptions options, Config config, Store store, Executor worker) {
        this.context = context.getApplicationContext();
        this.options = options;
        this.worker = worker;
        notifications = new Notifications(this.context, options);
        client = new PushClient(config, store, new Listener(), new ElapsedClock(), null, null);
    }

    /**
     * Makes the app's device, and starts it if the user has agreed before.
     *
     * @throws IllegalStateException if the configuration is missing or faulty
     */
    public static Push install(Application application, PushOptions options) {
        Push push = new Push(
            application, options, config(application, options), new AndroidStore(application), Executors.newSingleThreadExecutor());
        return install(application, push);
    }

    static Push install(Application application, Push push) {
        installed = push;
        application.registerActivityLifecycleCallbacks(new Taps(push));
        push.notifications.createChannel();
        if (push.hasConsent()) {
            push.start();
        }
        return push;
    }

    /** Returns the app's device; null before {@link #install}. */
    public static Push get() {
        return installed;
    }

    private static Config config(Context context, PushOptions options) {
        try (InputStream asset = context.getAssets().open(options.configAsset)) {
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            byte[] part = new byte[4_096];
            int size;
            while ((size = asset.read(part)) >= 0) {
                bytes.write(part, 0, size);
            }
            return described(context, Config.fromJson(new String(bytes.toByteArray(), StandardCharsets.UTF_8)));
        } catch (IOException | IllegalArgumentException error) {
            throw new IllegalStateException(options.configAsset + ": " + error.getMessage(), error);
        }
    }

    static Config described(Context context, Config.Builder builder) {
        String version = "";
        try {
            version = context.getPackageManager().getPackageInfo(context.getPackageName(), 0).versionName;
        } catch (android.content.pm.PackageManager.NameNotFoundException never) {
            // The app itself is installed.
        }
        return builder
            .platform("android")
            .describe("manufacturer", Build.MANUFACTURER)
            .describe("model", Build.MODEL)
            .describe("osVersion", Build.VERSION.RELEASE)
            .describe("appVersion", version == null ? "" : version)
            // Vendors' notifications open the app, where `Taps` counts them.
            .describe("capabilities", "trampoline")
            .build();
    }

    // -- life ---------------------------------------------------------------------------------------------------------

    /** Starts the device: the user has agreed to push messages. This is remembered until {@link #revokeConsent}. */
    public void start() {
        preferences().edit().putBoolean(CONSENT, true).apply();
        watchNetworks();
        worker.execute(() -> {
            try {
                client.start(true);
            } catch (IOException error) {
                options.listener.onState(client.state());
                return;
            }
            for (VendorBridge bridge : options.bridges) {
                if (bridge.isAvailable(context)) {
                    bridge.requestToken(context);
                    break;
                }
            }
        });
        if (options.foreground) {
            context.startForegroundService(new Intent(context, PushService.class));
        }
    }

    /** Stops until the next {@link #start}, which {@link #install} does not do by itself any more. */
    public void revokeConsent() {
        preferences().edit().remove(CONSENT).apply();
        context.stopService(new Intent(context, PushService.class));
        worker.execute(client::stop);
    }

    boolean hasConsent() {
        return preferences().getBoolean(CONSENT, false);
    }

    private android.content.SharedPreferences preferences() {
        return context.getSharedPreferences(AndroidStore.PREFERENCES + "-app", Context.MODE_PRIVATE);
    }

    private synchronized void watchNetworks() {
        ConnectivityManager networks = (ConnectivityManager) context.getSystemService(Context.CONNECTIVITY_SERVICE);
        if (isWatchingNetworks || networks == null) {
            return;
        }
        isWatchingNetworks = true;
        networks.registerDefaultNetworkCallback(new ConnectivityManager.NetworkCallback() {
            @Override
            public void onAvailable(Network network) {
                client.networkIsUp();
            }

            @Override
            public void onCapabilitiesChanged(Network network, NetworkCapabilities capabilities) {
                boolean isMobile = capabilities.hasTransport(NetworkCapabilities.TRANSPORT_CELLULAR);
                client.setKeepAlive(isMobile ? MOBILE_KEEP_ALIVE_SECONDS : WIFI_KEEP_ALIVE_SECONDS);
            }
        });
    }

    // -- the device ---------------------------------------------------------------------------------------------------

    /** Returns the Ad-token; null until the device has registered. */
    public String token() {
        return client.token();
    }

    /** Returns the client, for the inbox and the device's profile. */
    public PushClient client() {
        return client;
    }

    /** Returns what the connection is doing. */
    public State state() {
        return client.state();
    }

    /** Binds a user at login: {@link PushClient#bind(String, ProofProvider)}. */
    public CompletableFuture<Void> bind(String userId, ProofProvider provider) {
        return asked(() -> client.bind(userId, provider));
    }

    /** Ends the binding at logout, and takes the former user's notifications away. */
    public CompletableFuture<Void> unbind() {
        notifications.cancelAll();
        return asked(client::unbind);
    }

    /** Ends the device: the service deletes it, and the app must {@link #start} again for another one. */
    public CompletableFuture<Void> unregister() {
        preferences().edit().remove(CONSENT).apply();
        context.stopService(new Intent(context, PushService.class));
        return asked(client::unregister);
    }

    /** Reports that the user opened a message in the app itself, not by its notification. */
    public void opened(String k) {
        report(() -> client.opened(k));
    }

    /** Reports that the user dismissed a message. */
    public void ignored(String k) {
        report(() -> client.ignored(k));
    }

    /** Returns the latest lines of the device's log, for support. */
    public List<String> diagnostics() {
        return client.diagnostics();
    }

    /** Returns how many reports wait to be sent. */
    int outboxSize() {
        return client.outboxSize();
    }

    private interface Request {
        CompletableFuture<Void> send();
    }

    /** Asks in the worker's thread, after the start. */
    private CompletableFuture<Void> asked(Request request) {
        CompletableFuture<Void> future = new CompletableFuture<>();
        worker.execute(() -> request.send().whenComplete((done, error) -> {
            if (error == null) {
                future.complete(null);
            } else {
                future.completeExceptionally(error);
            }
        }));
        return future;
    }

    private interface Report {
        void store() throws IOException;
    }

    private void report(Report report) {
        worker.execute(() -> {
            try {
                report.store();
            } catch (IOException | IllegalStateException | IllegalArgumentException notStarted) {
                // Without consent nothing is reported.
            }
        });
    }

    // -- vendors ------------------------------------------------------------------------------------------------------

    /** Takes a vendor's token, from its bridge. */
    public void vendorToken(int channel, String token) {
        worker.execute(() -> client.reportVendorToken(channel, token));
    }

    /** Takes a silent message, or one that the vendor did not show, from its bridge; what is new is handed on or shown. */
    public void vendorMessage(Map<String, String> data) {
        report(() -> {
            Message message = client.receivedFromVendor(data);
            if (message != null) {
                take(message);
            }
        });
    }

    /**
     * Looks at an intent that has started an activity: if it is a vendor's notification of ours that was tapped, this reports it
     * and opens its address. The library calls it for {@code onCreate}; an activity calls it in {@code onNewIntent}.
     *
     * @return whether it was one
     */
    public boolean tapped(Activity activity, Intent intent) {
        Map<String, String> data = VendorData.of(intent);
        for (VendorBridge bridge : options.bridges) {
            data = data != null ? data : bridge.readTap(intent);
        }
        if (data == null || !String.valueOf(data.get("k")).matches("[0-9]{1,19}")) {
            return false;
        }
        intent.replaceExtras((android.os.Bundle) null); // the same intent comes again when the activity is made anew
        opened(data.get("k"));
        Links.open(activity, data.get("url"), "1".equals(data.get("action")), false);
        return true;
    }

    // -- messages -----------------------------------------------------------------------------------------------------

    private void take(Message message) throws IOException {
        if (!message.isRepeat()) {
            Badges.apply(context, message);
        }
        if (message.isSilent() || !options.showsNotifications) {
            try {
                options.listener.onMessage(message);
            } catch (IOException error) {
                throw error;
            } catch (Exception error) {
                throw new IOException(error);
            }
        } else {
            notifications.show(message);
        }
    }

    private final class Listener implements PushListener {
        @Override
        public void onMessage(Message message) throws Exception {
            take(message);
        }

        @Override
        public void onRevoked(String k) throws Exception {
            notifications.cancel(k);
            options.listener.onRevoked(k);
        }

        @Override
        public void onNotificationOpened(String k) {
            options.listener.onNotificationOpened(k);
        }

        @Override
        public void onState(State state) {
            options.listener.onState(state);
        }
    }
}
