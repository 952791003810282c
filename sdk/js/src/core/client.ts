import { UserBinding, type ProofProvider } from './binding.js';
import { DeviceCalls } from './calls.js';
import { systemClock } from './clock.js';
import { checkConfig, usernameOf, type Config, type Description } from './config.js';
import { Connector } from './connector.js';
import { DeviceState } from './device_state.js';
import { Diagnostics, said } from './diagnostics.js';
import { ConsentError, NotRunningError, RefusedError } from './errors.js';
import { EventSender } from './event_sender.js';
import { unregisterOverHttp } from './http.js';
import { Inbox, type MessageHandlers } from './inbox.js';
import type { EventName } from './outbox.js';
import type { Clock, Connection, Incoming, Logger, Store, Transport } from './ports.js';
import { REPLY_TOPIC, Requests } from './requests.js';
import type { State } from './state.js';
import { VERSION } from './version.js';
import { Wish } from './wish.js';

const INBOX_TOPIC = 'mps/inbox';
const KEEP_ALIVE_SECONDS = 60;

/** What an app hands to its client. */
export interface ClientOptions extends MessageHandlers {
  /** The parsed `mps-device.json`. */
  config: Config;
  store: Store;
  /** Called when `opened` was. */
  onNotificationOpened?(k: string): void;
  onState?(state: State): void;
  /** Returns the bind token where the workspace asks for one; `bind` may bring its own. */
  proofProvider?: ProofProvider;
  description?: Description;
  keepAliveSeconds?: number;
  clock?: Clock;
  logger?: Logger;
}

/** The options of the core, which knows no platform. */
export interface CoreOptions extends ClientOptions {
  transport: Transport;
}

/** What a vendor's SDK handed to the app. */
export type VendorData = Readonly<Record<string, unknown>>;

/** A device of the message push service. */
export interface DeviceClient extends DeviceCalls {
  readonly token: string | null;
  readonly state: State;
  start(options: { consent: boolean }): Promise<void>;
  stop(): Promise<void>;
  bind(userId: string, proofProvider?: ProofProvider): Promise<void>;
  unbind(userId?: string): Promise<void>;
  reportVendorToken(channel: number, token: string): Promise<void>;
  withdrawVendorToken(): Promise<void>;
  vendorMessage(data: VendorData): Promise<boolean>;
  opened(k: string): Promise<void>;
  ignored(k: string): Promise<void>;
  unregister(): Promise<void>;
  networkUp(): void;
  diagnostics(): string[];
}

/** What runs between `start` and `stop`. */
interface Running {
  device: DeviceState;
  requests: Requests;
  connector: Connector;
  inbox: Inbox;
  binding: UserBinding;
  vendorToken: Wish<'vendorToken'>;
  events: EventSender;
  ended: Promise<void>;
}

/** A device of the message push service. */
export class PushClient extends DeviceCalls implements DeviceClient {
  private readonly config: Config;
  private readonly clock: Clock;
  private readonly log: Diagnostics;
  private current: State = { state: 'stopped' };
  private starting: Promise<Running> | undefined;
  private running: Running | undefined;
  /** What the device keeps, as far as it was read; also after `stop`. */
  private device: DeviceState | undefined;

  /** Make a client, which does nothing until `start`. */
  constructor(private readonly options: CoreOptions) {
    super();
    this.config = checkConfig(options.config);
    this.clock = options.clock ?? systemClock;
    this.log = new Diagnostics(this.clock, options.logger);
    this.log.hide('clientKey', this.config.clientKey);
  }

  /** The Ad-token, which backends push to; null until the client has started and the device has registered. */
  get token(): string | null {
    return this.device?.identity?.adToken ?? null;
  }

  /** What the client is doing. */
  get state(): State {
    return this.current;
  }

  /** How many reports of events wait to be sent. */
  get outboxSize(): number {
    return this.device?.outbox.size ?? 0;
  }

  /**
   * Connect, and stay connected until `stop`. A client that was refused or replaced tries again.
   *
   * @param options.consent Whether the user agreed to what the app does with push messages. Nothing is stored or sent before.
   * @throws ConsentError, StoreInUseError
   */
  async start({ consent }: { consent: boolean }): Promise<void> {
    if (consent !== true) {
      throw new ConsentError("the client starts only with the user's consent");
    }
    if (this.running) {
      this.running.connector.again();
      return;
    }
    this.starting ??= this.run().finally(() => (this.starting = undefined));
    await this.starting;
  }

  /** Disconnect. Messages wait in the service, reports in the store. */
  async stop(): Promise<void> {
    await this.starting?.catch(() => undefined);
    const running = this.running;
    if (!running) {
      return;
    }
    this.running = undefined;
    running.connector.stop();
    const error = new NotRunningError('the client was stopped');
    running.binding.fail(error);
    running.vendorToken.fail(error);
    this.wake(running);
    await running.ended;
    await this.options.store.close();
  }

  /**
   * Bind the device to a user, who gets the messages to it from then on; a former user is unbound.
   *
   * It is kept: without a connection it is sent with the next one, and a device that registers anew binds its user again.
   * Until the service has answered, no message is handed over that may be a former user's. Bind at each login and start.
   *
   * @param userId The user, as the backend names it.
   * @param proofProvider Where the workspace asks for proof: returns the bind token that the backend signs.
   * @returns Resolves when the service has answered.
   * @throws RefusedError if the service refused; NotRunningError if the client was stopped or a later call replaced this one.
   */
  async bind(userId: string, proofProvider?: ProofProvider): Promise<void> {
    if (!userId.trim()) {
      throw new TypeError('the user ID is empty');
    }
    const { binding, inbox } = this.needed;
    const answered = binding.bind(userId, proofProvider);
    holdOrResume(binding, inbox);
    await answered;
  }

  /**
   * End the binding, as when the user logs out. Resolves and throws as `bind`.
   *
   * @param userId Needed only if the store does not know the user.
   */
  async unbind(userId?: string): Promise<void> {
    const { binding, inbox } = this.needed;
    const answered = binding.unbind(userId);
    holdOrResume(binding, inbox);
    await answered;
  }

  /** Report the token of a vendor's channel; `channel` is the vendor's number. Resolves and throws as `bind`. */
  async reportVendorToken(channel: number, token: string): Promise<void> {
    this.log.hide('vendorToken', token);
    await this.needed.vendorToken.want({ channel, token });
  }

  /** Withdraw the vendor's token: the device is reached by its connection alone. Resolves and throws as `bind`. */
  async withdrawVendorToken(): Promise<void> {
    await this.needed.vendorToken.want({ channel: 0, token: '' });
  }

  /**
   * Take a message that a vendor brought, so that its copy over the connection is not handed over, and report its arrival.
   *
   * @param data With the members `k` and `taskId`.
   * @returns Whether it is new. One that is not was handed over already: do not show it.
   */
  async vendorMessage(data: VendorData): Promise<boolean> {
    const k = text(data['k']);
    if (!k) {
      return true;
    }
    const isNew = await this.needed.inbox.receivedFromVendor(k, text(data['taskId']) || undefined);
    if (isNew) {
      await this.report(k, 'arrived');
    }
    return isNew;
  }

  /** Report that the user opened a message. Resolves when it is stored; it is sent when there is a connection. */
  async opened(k: string): Promise<void> {
    await this.report(k, 'opened');
    this.options.onNotificationOpened?.(k);
  }

  /** Report that the user wiped a message away. Resolves as `opened`. */
  async ignored(k: string): Promise<void> {
    await this.report(k, 'ignored');
  }

  /**
   * End the device: the service deletes it, the store is emptied and the client stops.
   *
   * Without a connection it is asked for over HTTP.
   *
   * @throws Error if the service cannot be reached or refuses; nothing was changed then.
   */
  async unregister(): Promise<void> {
    const { device, requests, connector } = this.needed;
    const identity = device.identity;
    if (identity) {
      connector.leave(true);
      try {
        const answer = requests.isOpen ? await requests.ask('mps/unregister', {}) : await unregisterOverHttp(this.config, identity);
        if (!answer.success) {
          throw new RefusedError(answer.code, answer.message);
        }
      } catch (error) {
        connector.leave(false);
        throw error;
      }
    }
    connector.stop();
    await device.clear();
    await this.stop();
  }

  /** Tell the client that the system has a network again: it does not wait any longer. */
  networkUp(): void {
    this.running?.connector.networkUp();
  }

  /** Return the latest lines of the client's log, for support: no secrets, no contents of messages. */
  diagnostics(): string[] {
    const device = this.device;
    const kept = device ? `, ${device.outbox.size} reports wait, ${device.seen.size} messages remembered` : '';
    return [`@mps/device ${VERSION}, ${this.current.state}${kept}`, ...this.log.lines()];
  }

  /** Send a request over the connection there is; see `DeviceCalls`. */
  async request(topic: string, payload: object): Promise<unknown> {
    const answer = await this.needed.requests.ask(topic, payload);
    if (!answer.success) {
      throw new RefusedError(answer.code, answer.message);
    }
    return answer.data;
  }

  private get needed(): Running {
    if (!this.running) {
      throw new NotRunningError('the client is not started');
    }
    return this.running;
  }

  private async run(): Promise<Running> {
    const { config, clock, log: diagnostics, options } = this;
    const device = await DeviceState.load(options.store, usernameOf(config));
    this.device = device;
    diagnostics.hide('secret', device.identity?.secret);
    diagnostics.hide('vendorToken', device.wish('vendorToken')?.value.token);
    const inbox = new Inbox(device, clock, diagnostics, options);
    const requests = new Requests(clock, (verdict) => connector.drop(verdict));
    const ports = { state: device, requests, clock, diagnostics };
    const binding = new UserBinding(ports, options.proofProvider, (hasChanged) => {
      if (hasChanged && inbox.discard()) {
        // They may be the former user's. What is not comes again.
        connector.drop({ action: 'again', reason: 'messages that came before the user changed are read again' });
      }
      holdOrResume(binding, inbox);
    });
    const vendorToken = new Wish('vendorToken', ports, ({ channel, token }) =>
      requests.ask('mps/report', channel ? { thirdChannel: channel, thirdChannelDeviceToken: token } : { thirdChannel: 0 }),
    );
    const events = new EventSender(ports);
    const connector = new Connector(
      {
        config,
        description: options.description ?? {},
        keepAliveSeconds: options.keepAliveSeconds ?? KEEP_ALIVE_SECONDS,
        state: device,
        transport: options.transport,
        clock,
        diagnostics,
      },
      {
        onState: (state) => this.tell(state, running),
        onOpen: (connection) => this.opening(running, connection),
        onPublish: (incoming, connection) => route(running, incoming, connection),
        onClose: () => {
          requests.close();
          inbox.close();
        },
      },
    );
    const running: Running = { device, requests, connector, inbox, binding, vendorToken, events, ended: Promise.resolve() };
    this.running = running;
    running.ended = connector.run();
    return running;
  }

  private opening(running: Running, connection: Connection): void {
    running.requests.open(connection);
    running.inbox.open(connection);
    holdOrResume(running.binding, running.inbox);
    this.wake(running);
    void running.binding.pursue();
    void running.vendorToken.pursue();
    void running.events.send();
  }

  private wake({ binding, vendorToken, events }: Running): void {
    binding.wake();
    vendorToken.wake();
    events.wake();
  }

  private tell(state: State, { binding, vendorToken }: Running): void {
    this.current = state;
    if (state.state === 'refused' || state.state === 'replaced') {
      const error = new NotRunningError(`${state.state}: ${state.reason}`);
      binding.fail(error);
      vendorToken.fail(error);
    }
    try {
      this.options.onState?.(state);
    } catch (error) {
      this.log.warn(`onState: ${said(error)}`);
    }
  }

  private async report(k: string, event: EventName): Promise<void> {
    if (!/^\d{1,19}$/.test(k)) {
      throw new TypeError('k is the ID of a message');
    }
    const { device, events } = this.needed;
    await device.outbox.add({ k, event, at: this.clock.now() });
    void events.send();
  }
}

function route({ inbox, requests }: Running, incoming: Incoming, connection: Connection): void {
  if (incoming.topic === INBOX_TOPIC) {
    void inbox.receive(incoming, connection);
  } else if (incoming.topic === REPLY_TOPIC) {
    requests.answered(incoming);
  }
}

function holdOrResume(binding: UserBinding, inbox: Inbox): void {
  if (binding.isChanging) {
    inbox.pause();
  } else {
    inbox.resume();
  }
}

function text(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}
