/** A service in memory, for tests of the client's core: no sockets, no timers. */
import { ManualClock, MemoryStore, PushClient, type ClientOptions, type Config, type Message, type State } from '../src/core/index.js';
import type { Connack, Connection, ConnectionListener, ConnectRequest, Transport } from '../src/core/ports.js';

export const CONFIG: Config = {
  endpoint: 'ws://127.0.0.1/gateway/mqtt',
  httpEndpoint: 'http://127.0.0.1:9',
  appId: 'demo',
  workspaceId: 'default',
  clientKey: 'client-key-1234',
  platform: 'other',
};

export interface Asked {
  topic: string;
  payload: unknown;
  correlation: string;
}

/** A connection as the service sees it. */
export class Link implements Connection {
  readonly asked: Asked[] = [];
  readonly acknowledged: { packetId: number; refused: boolean }[] = [];
  isClosed = false;

  constructor(
    private readonly service: FakeService,
    readonly request: ConnectRequest,
    readonly listener: ConnectionListener,
  ) {}

  publish(topic: string, payload: string, _responseTopic: string, correlation: string): void {
    const asked = { topic, payload: JSON.parse(payload) as unknown, correlation };
    this.asked.push(asked);
    const code = this.service.answer(asked);
    if (code !== undefined) {
      queueMicrotask(() => this.answer(asked, code));
    }
  }

  answer({ correlation }: Asked, code: string): void {
    const payload = JSON.stringify({ success: code === '100', code, name: '', message: 'said the service' });
    this.listener.onPublish({ topic: 'mps/reply', payload, packetId: 0, duplicate: false, correlation });
  }

  acknowledge(packetId: number, refused: boolean): void {
    this.acknowledged.push({ packetId, refused });
  }

  close(): void {
    this.isClosed = true;
  }

  /** Send a message; returns its `k`. */
  send(k: string, data: Record<string, unknown> = {}): string {
    const bData = { title: 'T', taskId: `${k}0`, createdAt: 1_000, expireAt: 61_000, ...data };
    this.listener.onPublish({ topic: 'mps/inbox', payload: JSON.stringify({ k, bData }), packetId: Number(k), duplicate: false });
    return k;
  }

  /** End the connection, with the code of a DISCONNECT if there is one. */
  end(code?: number): void {
    this.listener.onEnd({ code, reason: 'lost' });
  }
}

/** Accepts connections and answers requests. */
export class FakeService implements Transport {
  readonly links: Link[] = [];
  /** What the next CONNECTs are answered with; undefined for no answer. */
  connacks: (Partial<Connack> | undefined)[] = [];
  /** The result code of a request; undefined for no answer. */
  answer: (asked: Asked) => string | undefined = () => '100';
  private registered = 0;

  open(request: ConnectRequest, listener: ConnectionListener): Connection {
    const link = new Link(this, request, listener);
    this.links.push(link);
    const connack = this.connacks.length ? this.connacks.shift() : {};
    if (connack) {
      queueMicrotask(() => !link.isClosed && listener.onConnack({ reasonCode: 0, ...this.identity(request), ...connack }));
    }
    return link;
  }

  get link(): Link {
    const link = this.links.at(-1);
    if (!link) {
      throw new Error('nobody has connected');
    }
    return link;
  }

  /** Wait until something holds, for as many turns of the event loop as that may take. */
  async until(condition: () => boolean): Promise<void> {
    for (let turn = 0; !condition(); turn += 1) {
      if (turn > 20_000) {
        throw new Error(`waited in vain until ${condition}`);
      }
      await settled();
    }
  }

  private identity(request: ConnectRequest): Omit<Connack, 'reasonCode'> {
    if (request.clientId) {
      return { userProperties: {} };
    }
    this.registered += 1;
    return { assignedClientId: `token-${this.registered}`, userProperties: { secret: `secret-${this.registered}` } };
  }
}

/** A client with its service, store and clock. */
export class Bench {
  readonly service = new FakeService();
  readonly clock = new ManualClock(1_700_000_000_000);
  readonly states: State[] = [];
  readonly messages: Message[] = [];
  readonly revoked: string[] = [];
  readonly client: PushClient;

  constructor(
    readonly store = new MemoryStore(),
    options: Partial<ClientOptions> = {},
  ) {
    this.client = new PushClient({
      config: CONFIG,
      store,
      transport: this.service,
      clock: this.clock,
      onState: (state) => {
        this.states.push(state);
      },
      onMessage: (message) => {
        this.messages.push(message);
      },
      onRevoked: (k) => {
        this.revoked.push(k);
      },
      ...options,
    });
  }

  /** Start, and wait for the connection. */
  async connected(): Promise<this> {
    await this.client.start({ consent: true });
    await this.state('connected');
    return this;
  }

  /** Wait until the state is this one. */
  state(wanted: State['state']): Promise<void> {
    return this.service.until(() => this.client.state.state === wanted);
  }

  /** Let the wait pass that the state tells; returns it in seconds. */
  async waitOut(): Promise<number> {
    await this.state('waiting');
    const { state } = this.client;
    const seconds = state.state === 'waiting' ? state.seconds : 0;
    const { length } = this.states;
    this.clock.advance(Math.round(seconds * 1000));
    await this.service.until(() => this.states.length > length);
    return seconds;
  }
}

/** Let what has no reason to wait run to its end. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
