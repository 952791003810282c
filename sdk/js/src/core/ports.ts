/** What the core needs of its platform. */

/** Where a device keeps its state: texts by name. */
export interface Store {
  /**
   * Read everything, and hold the store from then on.
   *
   * @throws StoreInUseError if another client holds it.
   */
  load(): Promise<Map<string, string>>;
  /** Keep all changes or, after a crash, none of them; null deletes. Resolves when they are kept. */
  write(changes: ReadonlyMap<string, string | null>): Promise<void>;
  /** Let the store go. */
  close(): Promise<void>;
}

/** Tells time. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Milliseconds from any beginning; never set. */
  monotonic(): number;
  /** Call a function once after some milliseconds; returns what cancels it. */
  setTimer(milliseconds: number, run: () => void): () => void;
}

/** Takes what the diagnostics keep too; `console` is one. */
export interface Logger {
  info(text: string): void;
  warn(text: string): void;
}

/** Decides which of several clients on one store connects. */
export interface Leader {
  /** Wait until this client leads; returns what ends that. Rejects when `signal` aborts. */
  lead(signal: AbortSignal): Promise<() => void>;
}

/** Carries messages between the clients of one store, not to the sender. */
export interface Channel {
  post(message: unknown): void;
  /** @param receive Called with each message of the others. */
  listen(receive: (message: unknown) => void): void;
  close(): void;
}

/** How to connect. */
export interface ConnectRequest {
  url: string;
  clientId: string;
  username: string;
  password: string;
  keepAliveSeconds: number;
  receiveMaximum: number;
  userProperties: Record<string, string>;
}

/** The answer to a CONNECT. */
export interface Connack {
  reasonCode: number;
  /** The Ad-token of a device that has registered. */
  assignedClientId?: string | undefined;
  userProperties: Record<string, string>;
}

/** A PUBLISH that has come. */
export interface Incoming {
  topic: string;
  payload: string;
  packetId: number;
  duplicate: boolean;
  /** The seconds of validity left (Message Expiry Interval). */
  secondsLeft?: number | undefined;
  correlation?: string | undefined;
}

/** How a connection has ended: the code of the server's DISCONNECT if there was one. */
export interface ConnectionEnd {
  code?: number | undefined;
  reason: string;
}

/** Told by a connection while it is open. */
export interface ConnectionListener {
  onConnack(connack: Connack): void;
  onPublish(incoming: Incoming): void;
  /** Called once, unless `close` was called before. */
  onEnd(end: ConnectionEnd): void;
}

/** An MQTT 5 connection. */
export interface Connection {
  /** Send a request with QoS 1. */
  publish(topic: string, payload: string, responseTopic: string, correlation: string): void;
  /** Send the PUBACK of a message: taken, or refused so that it comes again. */
  acknowledge(packetId: number, refused: boolean): void;
  /** Disconnect. */
  close(): void;
}

/** Opens connections. */
export interface Transport {
  open(request: ConnectRequest, listener: ConnectionListener): Connection;
}
