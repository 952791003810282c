package mps.device.android;

import android.content.ActivityNotFoundException;
import android.content.Context;
import android.content.Intent;
import android.net.Uri;
import java.net.URISyntaxException;

/** Opens what a message names: a web address in the browser, or a page of this app and of no other. */
final class Links {
    private Links() {}

    /**
     * Opens an address.
     *
     * @param opensPage whether it is a page of the app: an intent URI, a deep link, or an activity's class name
     * @param opensApp whether the app is opened where there is no address, or it cannot be opened
     * @return whether something was opened
     */
    static boolean open(Context context, String url, boolean opensPage, boolean opensApp) {
        return open(context, url, opensPage, opensApp, null);
    }

    static boolean open(Context context, String url, boolean opensPage, boolean opensApp, String data) {
        Intent intent = url == null || url.isEmpty() ? null : opensPage ? page(context, url) : web(url);
        return (intent != null && start(context, intent, data))
            || (opensApp && start(context, context.getPackageManager().getLaunchIntentForPackage(context.getPackageName()), data));
    }

    private static Intent web(String url) {
        Uri address = Uri.parse(url);
        boolean isWeb = "https".equals(address.getScheme()) || "http".equals(address.getScheme());
        return isWeb ? new Intent(Intent.ACTION_VIEW, address).addCategory(Intent.CATEGORY_BROWSABLE) : null;
    }

    private static Intent page(Context context, String url) {
        Intent intent;
        if (url.startsWith("intent:") || url.contains("#Intent;")) {
            try {
                intent = Intent.parseUri(url, Intent.URI_INTENT_SCHEME);
            } catch (URISyntaxException faulty) {
                return null;
            }
            // Whoever may push must not start parts of other apps, nor grant rights to this app's files.
            intent.setSelector(null);
            intent.setFlags(0);
            if (intent.getComponent() != null && !intent.getComponent().getPackageName().equals(context.getPackageName())) {
                return null;
            }
        } else if (url.contains(":")) {
            intent = new Intent(Intent.ACTION_VIEW, Uri.parse(url));
        } else {
            String name = url.startsWith(".") ? context.getPackageName() + url : url;
            return new Intent().setClassName(context.getPackageName(), name);
        }
        return intent.setPackage(context.getPackageName());
    }

    private static boolean start(Context context, Intent intent, String data) {
        if (intent == null) {
            return false;
        }
        try {
            if (data != null) {
                intent.putExtra(Notifications.DATA, data);
            }
            context.startActivity(intent.addFlags(Intent.FLAG_ACTIVITY_NEW_TASK));
            return true;
        } catch (ActivityNotFoundException | SecurityException cannot) {
            return false;
        }
    }
}
