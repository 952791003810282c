package mps.device.android;

import android.graphics.Bitmap;
import android.graphics.BitmapFactory;
import android.os.Build;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.URL;
import java.util.Locale;
import java.util.Map;

/** Loads pictures of notifications. What is too large, too slow or no picture is left out. */
final class Pictures {
    private static final int TIMEOUT_MILLIS = 10_000;
    private static final int MAX_BYTES = 2 * 1024 * 1024;
    private static final int MAX_PIXELS = 1_024;

    private Pictures() {}

    /** Returns this phone's address among those of a message: by its vendor, else the default; null where there is none. */
    static String addressOf(Map<String, String> addresses) {
        String own = addresses.get(nameOf(Build.MANUFACTURER.toLowerCase(Locale.ROOT)));
        String address = own == null || own.isEmpty() ? addresses.get("defaultUrl") : own;
        return address == null || address.isEmpty() ? null : address;
    }

    private static String nameOf(String manufacturer) {
        switch (manufacturer) {
            case "huawei":
                return "hmsUrl";
            case "xiaomi":
                return "miuiUrl";
            case "oppo":
            case "oneplus":
            case "realme":
                return "oppoUrl";
            case "honor":
            case "vivo":
                return manufacturer + "Url";
            default:
                return "fcmUrl";
        }
    }

    /** Loads a picture, scaled down to what a notification shows; null where that does not work. Takes a while. */
    static Bitmap load(String address) {
        if (address == null || !(address.startsWith("https://") || address.startsWith("http://"))) {
            return null;
        }
        try {
            HttpURLConnection request = (HttpURLConnection) new URL(address).openConnection();
            request.setConnectTimeout(TIMEOUT_MILLIS);
            request.setReadTimeout(TIMEOUT_MILLIS);
            try (InputStream body = request.getInputStream()) {
                byte[] bytes = read(body);
                return bytes == null ? null : decode(bytes);
            } finally {
                request.disconnect();
            }
        } catch (IOException unreachable) {
            return null;
        }
    }

    private static byte[] read(InputStream body) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        byte[] part = new byte[16_384];
        int size;
        while ((size = body.read(part)) >= 0) {
            bytes.write(part, 0, size);
            if (bytes.size() > MAX_BYTES) {
                return null;
            }
        }
        return bytes.toByteArray();
    }

    private static Bitmap decode(byte[] bytes) {
        BitmapFactory.Options options = new BitmapFactory.Options();
        options.inJustDecodeBounds = true;
        BitmapFactory.decodeByteArray(bytes, 0, bytes.length, options);
        options.inJustDecodeBounds = false;
        options.inSampleSize = 1;
        while (Math.max(options.outWidth, options.outHeight) / options.inSampleSize > MAX_PIXELS) {
            options.inSampleSize *= 2;
        }
        return BitmapFactory.decodeByteArray(bytes, 0, bytes.length, options);
    }
}
