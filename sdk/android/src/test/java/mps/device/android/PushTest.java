package mps.device.android;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertNotEquals;
import static org.junit.Assert.assertNotNull;
import static org.junit.Assert.assertNull;
import static org.junit.Assert.assertTrue;
import static org.robolectric.Shadows.shadowOf;

import android.app.Activity;
import android.app.Application;
import android.app.Notification;
import android.app.NotificationManager;
import android.app.PendingIntent;
import android.content.Context;
import android.content.Intent;
import android.service.notification.StatusBarNotification;
import java.security.GeneralSecurityException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import mps.device.Config;
import mps.device.Message;
import mps.device.PushListener;
import org.json.JSONObject;
import org.junit.After;
import org.junit.Before;
import org.junit.Test;
import org.junit.runner.RunWith;
import org.robolectric.Robolectric;
import org.robolectric.RobolectricTestRunner;
import org.robolectric.RuntimeEnvironment;
import org.robolectric.android.controller.ActivityController;

/** The Android library on Robolectric's Android 14. */
@RunWith(RobolectricTestRunner.class)
@org.robolectric.annotation.Config(sdk = 34, manifest = org.robolectric.annotation.Config.NONE)
public class PushTest {
    private final Application application = RuntimeEnvironment.getApplication();
    private final List<Message> silent = new ArrayList<>();
    private final PushOptions options = new PushOptions().listener(new PushListener() {
        @Override
        public void onMessage(Message message) {
            silent.add(message);
        }
    });
    private Push push;

    /** Stands in for the Keystore, which Robolectric lacks: turns bits. */
    private static final class TurningSealer implements AndroidStore.Sealer {
        private final byte key;

        TurningSealer(int key) {
            this.key = (byte) key;
        }

        @Override
        public byte[] seal(byte[] plain) {
            byte[] sealed = new byte[plain.length + 1];
            for (int index = 0; index < plain.length; index++) {
                sealed[index] = (byte) (plain[index] ^ key);
            }
            sealed[plain.length] = key;
            return sealed;
        }

        @Override
        public byte[] open(byte[] sealed) throws GeneralSecurityException {
            if (sealed[sealed.length - 1] != key) {
                throw new GeneralSecurityException("another phone's key");
            }
            byte[] plain = seal(sealed);
            return java.util.Arrays.copyOf(plain, sealed.length - 1);
        }
    }

    private AndroidStore store(int key) {
        return new AndroidStore(application, new TurningSealer(key));
    }

    @Before
    public void install() {
        // Nothing listens there: the device waits, and keeps what it has to report.
        Config config = Push.described(application, Config.fromJson("{\"endpoint\": \"mqtt://127.0.0.1:1\", \"appId\": \"demo\","
            + "\"workspaceId\": \"default\", \"clientKey\": \"key\"}"));
        push = Push.install(application, new Push(application, options, config, store(1), Runnable::run));
    }

    @After
    public void stop() {
        push.revokeConsent();
    }

    private Map<String, String> data(String k, String... more) {
        Map<String, String> data = new HashMap<>();
        data.put("k", k);
        data.put("taskId", "9" + k);
        for (int index = 0; index < more.length; index += 2) {
            data.put(more[index], more[index + 1]);
        }
        return data;
    }

    private NotificationManager manager() {
        return (NotificationManager) application.getSystemService(Context.NOTIFICATION_SERVICE);
    }

    private Notification shown(String k) {
        for (StatusBarNotification one : manager().getActiveNotifications()) {
            if (k.equals(one.getTag())) {
                assertTrue(one.getId() >= 10_000);
                return one.getNotification();
            }
        }
        return null;
    }

    private Intent intentOf(PendingIntent pending) {
        return shadowOf(pending).getSavedIntent();
    }

    private Intent opened(Notification notification) {
        ActivityController<TrampolineActivity> activity =
            Robolectric.buildActivity(TrampolineActivity.class, intentOf(notification.contentIntent)).create();
        assertTrue(activity.get().isFinishing());
        return shadowOf(application).getNextStartedActivity();
    }

    @Test
    public void nothingIsReportedBeforeTheUserAgreed() {
        push.opened("1");
        assertEquals(0, push.outboxSize());
        assertNull(push.token());
        assertFalse(push.hasConsent());
    }

    @Test
    public void aMessageIsShownOnceWhicheverWayItComes() {
        push.start();
        push.vendorMessage(data("1", "title", "Title", "content", "Content"));
        Notification notification = shown("1");
        assertEquals("Title", notification.extras.getString(Notification.EXTRA_TITLE));
        assertEquals("push", notification.getChannelId());
        manager().cancelAll();
        push.vendorMessage(data("1", "title", "Title"));
        assertNull(shown("1"));
        assertEquals("arrived", 1, push.outboxSize());
    }

    @Test
    public void bigTextIsShownAsSuch() {
        push.start();
        push.vendorMessage(data("1", "title", "Title", "content", "A long text", "style", "1"));
        assertEquals("A long text", shown("1").extras.getCharSequence(Notification.EXTRA_BIG_TEXT).toString());
    }

    @Test
    public void aSilentMessageIsTheAppsAndIsNotShown() {
        push.start();
        push.vendorMessage(data("1", "silent", "1", "title", "Title", "order", "42"));
        assertNull(shown("1"));
        assertEquals("42", silent.get(0).params().get("order"));
    }

    @Test
    public void aTapIsReportedAndOpensTheWebAddress() {
        push.start();
        push.vendorMessage(data("1", "title", "Title", "url", "https://example.com/42", "action", "0"));
        Intent opened = opened(shown("1"));
        assertEquals("https://example.com/42", opened.getDataString());
        assertEquals("arrived, opened", 2, push.outboxSize());
    }

    @Test
    public void aPageIsOpenedInThisAppAlone() throws Exception {
        push.start();
        push.vendorMessage(data("1", "title", "Title", "url", "demo://order/42", "action", "1", "order", "42"));
        Intent opened = opened(shown("1"));
        assertEquals("demo://order/42", opened.getDataString());
        assertEquals(application.getPackageName(), opened.getPackage());
        assertEquals("42", new JSONObject(opened.getStringExtra("data")).getJSONObject("params").getString("order"));
        assertFalse(Links.open(application, "intent:#Intent;component=other.app/.Secret;end", true, false));
        assertFalse(Links.open(application, "file:///data/secret", false, false));
    }

    @Test
    public void aWipeIsReported() {
        push.start();
        push.vendorMessage(data("1", "title", "Title"));
        new DismissReceiver().onReceive(application, intentOf(shown("1").deleteIntent));
        assertEquals("arrived, ignored", 2, push.outboxSize());
    }

    @Test
    public void aTappedVendorsNotificationIsReportedOnceAndOpensItsAddress() {
        push.start();
        Intent launch = new Intent().putExtra("k", "7").putExtra("url", "https://example.com/7").putExtra("action", "0");
        ActivityController<Activity> activity = Robolectric.buildActivity(Activity.class, launch).create();
        assertEquals("https://example.com/7", shadowOf(application).getNextStartedActivity().getDataString());
        assertEquals(1, push.outboxSize());
        assertFalse("made anew, it is not tapped again", push.tapped(activity.get(), activity.get().getIntent()));
    }

    @Test
    public void eachVendorsExtrasAreRead() {
        String json = "{\"k\": \"7\", \"taskId\": \"8\"}";
        assertEquals("7", VendorData.of(new Intent().putExtra("k", "7")).get("k"));
        assertEquals("7", VendorData.of(new Intent().putExtra("data", json)).get("k"));
        assertEquals("7", VendorData.of(new Intent().putExtra("payload", json)).get("k"));
        assertNull(VendorData.of(new Intent().putExtra("data", "other")));
        assertNull(VendorData.of(new Intent()));
    }

    @Test
    public void theNumberOnTheIconIsSetAndAddedTo() {
        push.start();
        push.vendorMessage(data("1", "silent", "1", "badge_add_num", "3"));
        push.vendorMessage(data("2", "silent", "1", "badge_add_num", "2"));
        assertEquals(5, Badges.current(application));
        Badges.set(application, 0);
        assertEquals(0, Badges.current(application));
    }

    @Test
    public void theFirstAvailableVendorIsAskedForAToken() {
        List<Integer> asked = new ArrayList<>();
        for (int channel : new int[] {5, 6, 8}) {
            options.bridge(new VendorBridge() {
                @Override
                public int channel() {
                    return channel;
                }

                @Override
                public boolean isAvailable(Context context) {
                    return channel != 5;
                }

                @Override
                public void requestToken(Context context) {
                    asked.add(channel);
                }
            });
        }
        push.start();
        assertEquals(List.of(6), asked);
    }

    @Test
    public void consentOutlivesARestartAndThePhonesBoot() {
        new BootReceiver().onReceive(application, new Intent(Intent.ACTION_BOOT_COMPLETED));
        push.opened("1");
        assertEquals("not started", 0, push.outboxSize());
        push.start();
        assertTrue(push.hasConsent());
        new BootReceiver().onReceive(application, new Intent(Intent.ACTION_BOOT_COMPLETED));
        push.opened("1");
        assertEquals(1, push.outboxSize());
    }

    @Test
    public void theForegroundServiceStartsWhereItIsWanted() {
        options.foreground("Connected");
        push.start();
        assertEquals(PushService.class.getName(), shadowOf(application).getNextStartedService().getComponent().getClassName());
        PushService service = Robolectric.buildService(PushService.class).create().startCommand(0, 1).get();
        assertNotNull(shadowOf(service).getLastForegroundNotification());
    }

    @Test
    public void credentialsAreEncryptedAndNoneOnAnotherPhone() throws Exception {
        AndroidStore store = store(1);
        store.writeCredentials("{\"secret\": \"s3cret\"}");
        String kept = application.getSharedPreferences(AndroidStore.PREFERENCES, Context.MODE_PRIVATE).getAll().toString();
        assertFalse(kept.contains("s3cret"));
        assertEquals("{\"secret\": \"s3cret\"}", store(1).readCredentials());
        assertNull(store(2).readCredentials());
    }

    @Test
    public void aRevokedMessagesNotificationIsKnownByItsKey() {
        push.start();
        push.vendorMessage(data("1", "title", "One"));
        push.vendorMessage(data("2", "title", "Two"));
        new Notifications(application, options).cancel("1");
        assertNull(shown("1"));
        assertNotNull(shown("2"));
        assertNotEquals(Notifications.idOf("1"), Notifications.idOf("2"));
    }
}
