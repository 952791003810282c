package mps.device;

import java.io.File;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import javax.net.ssl.TrustManagerFactory;
import org.json.JSONException;
import org.json.JSONObject;

/** Where the service is and which app this is: what the console offers for download as {@code mps-device.json}. */
public final class Config {
    final String scheme;
    final String host;
    final int port;
    final String path;
    final String httpEndpoint;
    final String appId;
    final String workspaceId;
    final String clientKey;
    final String platform;
    final int keepAlive;
    final Map<String, String> description;
    final TrustManagerFactory trustManagers;

    private Config(Builder from) {
        URI url = from.endpoint == null ? URI.create("") : URI.create(from.endpoint);
        scheme = url.getScheme() == null ? "" : url.getScheme();
        host = url.getHost();
        if (host == null || defaultPort(scheme) == 0) {
            throw new IllegalArgumentException("endpoint is a URL that begins with mqtt://, mqtts://, ws:// or wss://");
        }
        port = url.getPort() > 0 ? url.getPort() : defaultPort(scheme);
        path = url.getPath() == null || url.getPath().length() < 2 ? "gateway/mqtt" : url.getPath().substring(1);
        httpEndpoint = from.httpEndpoint == null ? "" : from.httpEndpoint.replaceAll("/+$", "");
        appId = needed("appId", from.appId);
        workspaceId = needed("workspaceId", from.workspaceId);
        clientKey = needed("clientKey", from.clientKey);
        platform = needed("platform", from.platform);
        keepAlive = from.keepAlive;
        if (keepAlive < 5 || keepAlive > 65_535) {
            throw new IllegalArgumentException("keepAlive is between 5 and 65535 seconds");
        }
        description = Collections.unmodifiableMap(new LinkedHashMap<>(from.description));
        trustManagers = from.trustManagers;
    }

    private static int defaultPort(String scheme) {
        switch (scheme) {
            case "mqtt":
                return 1883;
            case "mqtts":
                return 8883;
            case "ws":
                return 80;
            case "wss":
                return 443;
            default:
                return 0;
        }
    }

    private static String needed(String name, String value) {
        if (value == null || value.isEmpty()) {
            throw new IllegalArgumentException(name + " is missing");
        }
        return value;
    }

    /**
     * Reads a configuration file.
     *
     * @throws IOException if it cannot be read
     * @throws IllegalArgumentException if a value is missing or faulty; the message names it
     */
    public static Config load(File file) throws IOException {
        return fromJson(new String(Files.readAllBytes(file.toPath()), StandardCharsets.UTF_8)).build();
    }

    /**
     * Reads the text of a configuration file; further values can be set on what is returned. Unknown members are ignored.
     *
     * @throws IllegalArgumentException if the text is no JSON object
     */
    public static Builder fromJson(String text) {
        JSONObject values;
        try {
            values = new JSONObject(text);
        } catch (JSONException error) {
            throw new IllegalArgumentException("the configuration is no JSON object", error);
        }
        Builder builder = new Builder()
            .endpoint(values.optString("endpoint", null))
            .httpEndpoint(values.optString("httpEndpoint", null))
            .appId(values.optString("appId", null))
            .workspaceId(values.optString("workspaceId", null))
            .clientKey(values.optString("clientKey", null))
            .platform(values.optString("platform", "other"))
            .keepAlive(values.optInt("keepAlive", 60));
        JSONObject description = values.optJSONObject("description");
        if (description != null) {
            description.keySet().forEach(name -> builder.describe(name, description.optString(name)));
        }
        return builder;
    }

    /** Returns the MQTT user name of the workspace's devices. */
    String username() {
        return appId + "-" + workspaceId;
    }

    boolean isWebSocket() {
        return scheme.startsWith("ws");
    }

    boolean isTls() {
        return scheme.equals("mqtts") || scheme.equals("wss");
    }

    /** Collects the values of a {@link Config}. */
    public static final class Builder {
        private String endpoint;
        private String httpEndpoint;
        private String appId;
        private String workspaceId;
        private String clientKey;
        private String platform = "other";
        private int keepAlive = 60;
        private final Map<String, String> description = new LinkedHashMap<>();
        private TrustManagerFactory trustManagers;

        /** Sets the URL of the gateway: mqtt, mqtts, ws or wss. */
        public Builder endpoint(String url) {
            endpoint = url;
            return this;
        }

        /** Sets the URL of the service over HTTP, with which a device without a connection unregisters. */
        public Builder httpEndpoint(String url) {
            httpEndpoint = url;
            return this;
        }

        /** Sets the app. */
        public Builder appId(String id) {
            appId = id;
            return this;
        }

        /** Sets the app's workspace. */
        public Builder workspaceId(String id) {
            workspaceId = id;
            return this;
        }

        /** Sets the workspace's client key, with which a new device registers. */
        public Builder clientKey(String key) {
            clientKey = key;
            return this;
        }

        /** Sets the platform: android, ios, harmonyos, web or other. It is fixed when the device registers. */
        public Builder platform(String name) {
            platform = name;
            return this;
        }

        /** Sets the seconds without traffic after which the connection is probed; 60 by default. */
        public Builder keepAlive(int seconds) {
            keepAlive = seconds;
            return this;
        }

        /** Adds what the device says of itself: manufacturer, model, osVersion or appVersion; timeZone, language or country, the system's by default. */
        public Builder describe(String name, String value) {
            description.put(name, value);
            return this;
        }

        /** Sets the authorities to trust with TLS; the system's by default. */
        public Builder trustManagers(TrustManagerFactory factory) {
            trustManagers = factory;
            return this;
        }

        /**
         * Makes the configuration.
         *
         * @throws IllegalArgumentException if a value is missing or faulty; the message names it
         */
        public Config build() {
            return new Config(this);
        }
    }
}
