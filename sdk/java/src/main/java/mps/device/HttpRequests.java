package mps.device;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.HttpURLConnection;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import javax.net.ssl.HttpsURLConnection;
import javax.net.ssl.SSLContext;
import org.json.JSONException;
import org.json.JSONObject;

/** What a device without a connection asks over HTTP. */
final class HttpRequests {
    private static final int TIMEOUT_MILLIS = 15_000;

    private HttpRequests() {}

    /**
     * Asks, and returns the answer.
     *
     * @throws IOException if the service cannot be reached, or answers with no JSON object
     */
    static JSONObject post(Config config, DeviceState.Identity identity, String path, String payload) throws IOException {
        HttpURLConnection request = (HttpURLConnection) new URL(config.httpEndpoint + path).openConnection();
        if (config.trustManagers != null && request instanceof HttpsURLConnection) {
            ((HttpsURLConnection) request).setSSLSocketFactory(trusting(config).getSocketFactory());
        }
        String credentials = identity.adToken + ":" + identity.secret;
        request.setRequestProperty(
            "Authorization", "Basic " + Base64.getEncoder().encodeToString(credentials.getBytes(StandardCharsets.UTF_8)));
        request.setRequestProperty("Content-Type", "application/json");
        request.setConnectTimeout(TIMEOUT_MILLIS);
        request.setReadTimeout(TIMEOUT_MILLIS);
        request.setInstanceFollowRedirects(false);
        request.setDoOutput(true);
        try (OutputStream body = request.getOutputStream()) {
            body.write(payload.getBytes(StandardCharsets.UTF_8));
        }
        int status = request.getResponseCode();
        try (InputStream body = status < 400 ? request.getInputStream() : request.getErrorStream()) {
            return new JSONObject(text(body));
        } catch (JSONException error) {
            throw new IOException("the service answered with status " + status);
        } finally {
            request.disconnect();
        }
    }

    private static SSLContext trusting(Config config) throws IOException {
        try {
            SSLContext context = SSLContext.getInstance("TLS");
            context.init(null, config.trustManagers.getTrustManagers(), null);
            return context;
        } catch (java.security.GeneralSecurityException error) {
            throw new IOException(error);
        }
    }

    private static String text(InputStream body) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        byte[] part = new byte[4_096];
        int size;
        while (body != null && bytes.size() < 65_536 && (size = body.read(part)) >= 0) {
            bytes.write(part, 0, size);
        }
        return new String(bytes.toByteArray(), StandardCharsets.UTF_8);
    }
}
