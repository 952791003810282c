import mqtt, { type MqttClient } from 'mqtt';
import type { Connection, ConnectionListener, ConnectRequest, Transport } from '../core/ports.js';

/** A PINGRESP that does not come for so long means that the connection is dead. */
const PING_MILLISECONDS = 20_000;
/** The connector ends the wait for a CONNACK by its own clock. */
const LONGEST_TIMER = 2_147_483_647;
const CLOSE_MILLISECONDS = 1_000;
const REFUSED = 0x80;

/** The packets that this module looks at, as mqtt.js hands them over. */
interface Received {
  cmd: string;
  reasonCode?: number;
  topic?: string;
  payload?: Uint8Array | string;
  qos?: number;
  dup?: boolean;
  messageId?: number;
  properties?: {
    assignedClientIdentifier?: string;
    userProperties?: Record<string, string | string[]>;
    messageExpiryInterval?: number;
    correlationData?: Uint8Array;
  };
}

/** Connections by mqtt.js: over TCP in Node, and over WebSocket. */
export const mqttTransport: Transport = {
  open: (request, listener) => new MqttConnection(request, listener),
};

/** One connection; mqtt.js's own reconnecting is off. */
class MqttConnection implements Connection {
  private readonly client: MqttClient;
  private hasEnded = false;
  private reason = 'the connection was lost';
  private pingTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    request: ConnectRequest,
    private readonly listener: ConnectionListener,
  ) {
    this.client = mqtt.connect(request.url, {
      protocolVersion: 5,
      clean: true,
      clientId: request.clientId,
      username: request.username,
      password: request.password,
      keepalive: request.keepAliveSeconds,
      reconnectPeriod: 0,
      connectTimeout: LONGEST_TIMER,
      // By default mqtt.js makes a worker from a blob, which a strict Content-Security-Policy forbids.
      timerVariant: 'native',
      properties: { receiveMaximum: request.receiveMaximum, userProperties: request.userProperties },
    });
    this.client.on('packetreceive', (packet) => this.receive(packet as Received));
    this.client.on('packetsend', (packet) => packet.cmd === 'pingreq' && this.awaitPong());
    this.client.on('error', (error) => (this.reason = error.message || String((error as { code?: unknown }).code)));
    this.client.on('close', () => this.end());
  }

  publish(topic: string, payload: string, responseTopic: string, correlation: string): void {
    // mqtt-packet takes text as well; the types do not say so.
    const correlationData = correlation as unknown as Buffer;
    this.client.publish(topic, payload, { qos: 1, properties: { responseTopic, correlationData } }, () => undefined);
  }

  acknowledge(packetId: number, refused: boolean): void {
    if (this.client.connected) {
      // mqtt.js has no public way to send a PUBACK later than from its own handler, which would stop all reading.
      const sender = this.client as unknown as { _sendPacket(packet: object): void };
      sender._sendPacket({ cmd: 'puback', messageId: packetId, reasonCode: refused ? REFUSED : 0 });
    }
  }

  close(): void {
    this.hasEnded = true;
    clearTimeout(this.pingTimer);
    if (this.client.connected) {
      // mqtt.js waits for PUBACKs first.
      const giveUp = setTimeout(() => this.client.stream.destroy(), CLOSE_MILLISECONDS);
      this.client.once('close', () => clearTimeout(giveUp));
      this.client.end(false);
    } else {
      this.client.end(true);
    }
  }

  private receive(packet: Received): void {
    clearTimeout(this.pingTimer);
    if (this.hasEnded) {
      return;
    }
    const properties = packet.properties ?? {};
    switch (packet.cmd) {
      case 'connack':
        this.listenAfter(() =>
          this.listener.onConnack({
            reasonCode: packet.reasonCode ?? 0,
            assignedClientId: properties.assignedClientIdentifier,
            userProperties: flat(properties.userProperties),
          }),
        );
        break;
      case 'publish':
        this.listener.onPublish({
          topic: packet.topic ?? '',
          payload: textOf(packet.payload),
          packetId: packet.messageId ?? 0,
          duplicate: packet.dup ?? false,
          secondsLeft: properties.messageExpiryInterval,
          correlation: properties.correlationData && textOf(properties.correlationData),
        });
        // Else mqtt.js would acknowledge it by itself, before the app has it.
        packet.qos = 0;
        break;
      case 'disconnect':
        this.end(packet.reasonCode ?? 0);
        break;
    }
  }

  /** Tell when mqtt.js has taken the packet in too, and can send. */
  private listenAfter(tell: () => void): void {
    queueMicrotask(() => this.hasEnded || tell());
  }

  private awaitPong(): void {
    clearTimeout(this.pingTimer);
    this.pingTimer = setTimeout(() => {
      this.reason = 'a ping was not answered';
      this.client.end(true);
    }, PING_MILLISECONDS);
  }

  private end(code?: number): void {
    clearTimeout(this.pingTimer);
    if (!this.hasEnded) {
      this.hasEnded = true;
      this.listener.onEnd({ code, reason: this.reason });
    }
  }
}

function textOf(payload: Uint8Array | string | undefined): string {
  return typeof payload === 'string' ? payload : new TextDecoder().decode(payload);
}

function flat(properties: Record<string, string | string[]> = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(properties).map(([name, value]) => [name, Array.isArray(value) ? (value[0] ?? '') : value]));
}
