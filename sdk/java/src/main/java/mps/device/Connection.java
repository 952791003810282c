package mps.device;

import com.hivemq.client.mqtt.MqttClientSslConfig;
import com.hivemq.client.mqtt.MqttClientTransportConfig;
import com.hivemq.client.mqtt.MqttClientTransportConfigBuilder;
import com.hivemq.client.mqtt.MqttGlobalPublishFilter;
import com.hivemq.client.mqtt.MqttWebSocketConfig;
import com.hivemq.client.mqtt.datatypes.MqttQos;
import com.hivemq.client.mqtt.lifecycle.MqttClientDisconnectedContext;
import com.hivemq.client.mqtt.lifecycle.MqttDisconnectSource;
import com.hivemq.client.mqtt.mqtt5.Mqtt5AsyncClient;
import com.hivemq.client.mqtt.mqtt5.Mqtt5Client;
import com.hivemq.client.mqtt.mqtt5.Mqtt5ClientBuilder;
import com.hivemq.client.mqtt.mqtt5.datatypes.Mqtt5UserProperties;
import com.hivemq.client.mqtt.mqtt5.datatypes.Mqtt5UserPropertiesBuilder;
import com.hivemq.client.mqtt.mqtt5.datatypes.Mqtt5UserProperty;
import com.hivemq.client.mqtt.mqtt5.exceptions.Mqtt5ConnAckException;
import com.hivemq.client.mqtt.mqtt5.exceptions.Mqtt5DisconnectException;
import com.hivemq.client.mqtt.mqtt5.message.connect.Mqtt5Connect;
import com.hivemq.client.mqtt.mqtt5.message.connect.connack.Mqtt5ConnAck;
import com.hivemq.client.mqtt.mqtt5.message.publish.Mqtt5Publish;
import com.hivemq.client.mqtt.mqtt5.message.publish.puback.Mqtt5PubAckReasonCode;
import io.netty.channel.nio.NioEventLoopGroup;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;

/** One MQTT connection, on HiveMQ's client. It never connects again by itself: a new attempt is a new connection. */
final class Connection {
    static final String INBOX = "mps/inbox";
    private static final String REPLY = "mps/reply";
    private static final int OPEN_SECONDS = 10;
    /** As many as the service sends at once. */
    private static final int RECEIVE_MAXIMUM = 48;
    private static final long CLOSE_SECONDS = 2;

    /** Is told what happens, in the network's thread. */
    interface Events {
        /** The service has accepted; {@code issued} is what it gave a device that registered, else null. */
        void connected(DeviceState.Identity issued);

        /** The service has refused, and may have said how many seconds to wait at least. */
        void refused(int code, double retryAfter);

        /** The service has ended the connection with a code. */
        void disconnected(int code);

        /** The connection was lost. */
        void lost(String why);

        /** A message has arrived. */
        void arrived(Arrived message);

        /** The answer to a request has arrived. */
        void answered(String correlation, byte[] payload);
    }

    /** A message that waits for its acknowledgement. */
    static final class Arrived {
        final byte[] payload;
        /** The validity left, in seconds; negative where the service did not say. */
        final long secondsLeft;
        private final Mqtt5Publish publish;
        private final Connection connection;

        private Arrived(Connection connection, Mqtt5Publish publish) {
            this.connection = connection;
            this.publish = publish;
            payload = publish.getPayloadAsBytes();
            secondsLeft = publish.getMessageExpiryInterval().orElse(-1);
        }

        /** Tells the service that the message was handled, or that it is to come again with the next connection. */
        void acknowledge(boolean wasHandled) {
            if (!wasHandled) {
                connection.failed.add(publish);
            }
            try {
                publish.acknowledge();
            } catch (RuntimeException tooLate) {
                // The connection has ended: the message comes again with the next one, and is known then.
            }
        }
    }

    private final Config config;
    private final Events events;
    private final NioEventLoopGroup network = new NioEventLoopGroup(1, new DefaultThreadFactory("mps-device-network", true));
    private final Set<Mqtt5Publish> failed = Collections.newSetFromMap(new ConcurrentHashMap<>());
    private Mqtt5AsyncClient client;
    private volatile boolean isAccepted;
    private volatile boolean hasEnded;

    Connection(Config config, Events events) {
        this.config = config;
        this.events = events;
    }

    /** Begins to connect as a known device, or, without an identity, to register. */
    void open(DeviceState.Identity identity, Map<String, String> properties, int keepAlive) {
        Mqtt5ClientBuilder builder = Mqtt5Client.builder()
            .executorConfig()
            .nettyExecutor(network)
            .applyExecutorConfig()
            .transportConfig(transport())
            .addConnectedListener(context -> accepted((Mqtt5ConnAck) connAck(context)))
            .addDisconnectedListener(this::ended)
            .advancedConfig()
            .interceptors()
            .incomingQos1Interceptor((ignored, publish, pubAck) -> {
                if (failed.remove(publish)) {
                    pubAck.reasonCode(Mqtt5PubAckReasonCode.IMPLEMENTATION_SPECIFIC_ERROR);
                }
            })
            .applyInterceptors()
            .applyAdvancedConfig();
        if (identity != null) {
            builder = builder.identifier(identity.adToken);
        }
        client = builder.buildAsync();
        client.publishes(MqttGlobalPublishFilter.ALL, this::received, Runnable::run, true);
        client.connect(connect(identity, properties, keepAlive));
    }

    /** Describes the transport as a whole: of a client's builder `sslConfig` alone has no effect after `transportConfig`. */
    private MqttClientTransportConfig transport() {
        MqttClientTransportConfigBuilder builder = MqttClientTransportConfig.builder()
            .serverHost(config.host)
            .serverPort(config.port)
            .socketConnectTimeout(OPEN_SECONDS, TimeUnit.SECONDS)
            // The engine waits for the CONNACK, by its own clock.
            .mqttConnectTimeout(0, TimeUnit.SECONDS);
        if (config.isTls()) {
            builder = builder.sslConfig(MqttClientSslConfig.builder().trustManagerFactory(config.trustManagers).build());
        }
        if (config.isWebSocket()) {
            builder = builder.webSocketConfig(
                MqttWebSocketConfig.builder().serverPath(config.path).subprotocol("mqtt").build());
        }
        return builder.build();
    }

    private Mqtt5Connect connect(DeviceState.Identity identity, Map<String, String> properties, int keepAlive) {
        Mqtt5UserPropertiesBuilder described = Mqtt5UserProperties.builder();
        properties.forEach(described::add);
        String password = identity == null ? config.clientKey : identity.secret;
        return Mqtt5Connect.builder()
            .cleanStart(true)
            .keepAlive(keepAlive)
            .simpleAuth()
            .username(config.username())
            .password(password.getBytes(StandardCharsets.UTF_8))
            .applySimpleAuth()
            .restrictions()
            .receiveMaximum(RECEIVE_MAXIMUM)
            .applyRestrictions()
            .userProperties(described.build())
            .build();
    }

    private static Object connAck(com.hivemq.client.mqtt.lifecycle.MqttClientConnectedContext context) {
        return ((com.hivemq.client.mqtt.mqtt5.lifecycle.Mqtt5ClientConnectedContext) context).getConnAck();
    }

    private void accepted(Mqtt5ConnAck connAck) {
        isAccepted = true;
        DeviceState.Identity issued = null;
        if (connAck.getAssignedClientIdentifier().isPresent()) {
            String secret = property(connAck.getUserProperties(), "secret");
            if (secret == null) {
                events.lost("the service assigned no secret");
                return;
            }
            issued = new DeviceState.Identity(connAck.getAssignedClientIdentifier().get().toString(), secret);
        }
        events.connected(issued);
    }

    private void ended(MqttClientDisconnectedContext context) {
        Throwable cause = context.getCause();
        if (hasEnded) {
            return;
        }
        hasEnded = true;
        if (cause instanceof Mqtt5ConnAckException && !isAccepted) {
            Mqtt5ConnAck connAck = ((Mqtt5ConnAckException) cause).getMqttMessage();
            events.refused(connAck.getReasonCode().getCode(), retryAfter(connAck.getUserProperties()));
        } else if (cause instanceof Mqtt5DisconnectException && context.getSource() == MqttDisconnectSource.SERVER) {
            events.disconnected(((Mqtt5DisconnectException) cause).getMqttMessage().getReasonCode().getCode());
        } else {
            events.lost(isAccepted ? "the connection was lost" : "the service cannot be reached: " + rootOf(cause));
        }
    }

    /** Returns what the network or TLS says; it knows no secrets. */
    private static String rootOf(Throwable cause) {
        Throwable root = cause;
        while (root.getCause() != null && root.getCause() != root) {
            root = root.getCause();
        }
        return root.getMessage() == null ? root.getClass().getSimpleName() : root.getMessage();
    }

    private static double retryAfter(Mqtt5UserProperties properties) {
        String seconds = property(properties, "retryAfter");
        return seconds != null && seconds.matches("[0-9]{1,9}") ? Double.parseDouble(seconds) : 0;
    }

    private static String property(Mqtt5UserProperties properties, String name) {
        for (Mqtt5UserProperty property : properties.asList()) {
            if (property.getName().toString().equals(name)) {
                return property.getValue().toString();
            }
        }
        return null;
    }

    private void received(Mqtt5Publish publish) {
        if (publish.getTopic().toString().equals(INBOX) && publish.getQos() == MqttQos.AT_LEAST_ONCE) {
            events.arrived(new Arrived(this, publish));
            return;
        }
        String correlation = publish.getCorrelationData().map(bytes -> StandardCharsets.UTF_8.decode(bytes).toString()).orElse("");
        events.answered(correlation, publish.getPayloadAsBytes());
        publish.acknowledge();
    }

    /** Sends a request. */
    void request(String topic, String payload, String correlation) {
        client.publish(Mqtt5Publish.builder()
            .topic(topic)
            .payload(payload.getBytes(StandardCharsets.UTF_8))
            .qos(MqttQos.AT_LEAST_ONCE)
            .responseTopic(REPLY)
            .correlationData(correlation.getBytes(StandardCharsets.UTF_8))
            .build());
    }

    /** Says goodbye and closes; tells nothing any more. What was acknowledged before is written first. */
    void close() {
        boolean isOpen = isAccepted && !hasEnded;
        hasEnded = true;
        if (isOpen) {
            network.schedule(this::release, CLOSE_SECONDS, TimeUnit.SECONDS);
            client.disconnect().whenComplete((done, error) -> release());
        } else {
            release();
        }
    }

    private void release() {
        // Closes the socket too, of an attempt as well: HiveMQ's client has no way to give one up.
        network.shutdownGracefully(0, 0, TimeUnit.SECONDS);
    }
}
