import { Backoff } from './backoff.js';
import type { DeviceState } from './device_state.js';
import { said, type Diagnostics } from './diagnostics.js';
import { LONGEST_VALIDITY, readMessage, type Message, type Received } from './messages.js';
import type { Clock, Connection, Incoming } from './ports.js';

/** What the app does with messages. */
export interface MessageHandlers {
  /** Called with each message once. It is acknowledged when the handler has returned; if it throws, it comes again: soon, then less often. */
  onMessage(message: Message): void | Promise<void>;
  /** Called with the `k` of a message that was revoked: take its notification away. */
  onRevoked?(k: string): void | Promise<void>;
}

/** After so many failures a message is left to the next connection, so that others get its place. */
const MOST_FAILURES = 5;

interface Item {
  received: Received;
  failures: number;
  backoff: Backoff;
  packetId: number;
  connection: Connection;
  /** By the monotonic clock. */
  expires: number;
}

/** Hands messages to the app, one after the other, and acknowledges them after they are stored as seen. */
export class Inbox {
  private queue: Item[] = [];
  private connection: Connection | undefined;
  private inHandler: Received | undefined;
  private isRunning = false;
  private isPaused = false;

  constructor(
    private readonly state: DeviceState,
    private readonly clock: Clock,
    private readonly diagnostics: Diagnostics,
    private readonly handlers: MessageHandlers,
  ) {}

  /** Take messages of this connection from now on. */
  open(connection: Connection): void {
    this.connection = connection;
  }

  /** The connection has ended: what was not handed over comes again. */
  close(): void {
    this.connection = undefined;
    this.queue = [];
  }

  /** Drop what waits, unacknowledged: it comes again on the next connection. Returns how much it was. */
  discard(): number {
    return this.queue.splice(0).length;
  }

  /** Hand nothing over until `resume`: it may be for a former user. */
  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
    void this.run();
  }

  /** Take a PUBLISH. */
  async receive(incoming: Incoming, connection: Connection): Promise<void> {
    let received: Received;
    try {
      received = readMessage(incoming);
    } catch {
      this.diagnostics.warn('a message could not be read');
      connection.acknowledge(incoming.packetId, false); // else it would come for ever
      return;
    }
    const expires = received.left === undefined ? Infinity : this.clock.monotonic() + received.left;
    this.queue.push({ received, failures: 0, backoff: new Backoff(), packetId: incoming.packetId, connection, expires });
    if (received.revokes !== undefined) {
      // At once: the message may wait in this queue.
      await this.state.seen.add(received.revokes, undefined, LONGEST_VALIDITY, this.clock.now()).catch(() => undefined);
    }
    await this.run();
  }

  /**
   * Take a message that a vendor brought.
   *
   * @returns Whether it is new; one that is not was handed over already.
   */
  async receivedFromVendor(k: string, taskId: string | undefined): Promise<boolean> {
    const current = this.inHandler;
    const isInHandler = current !== undefined && (current.k === k || current.taskId === k || current.k === taskId);
    if (isInHandler || this.state.seen.has(k, taskId)) {
      return false;
    }
    await this.state.seen.add(k, taskId, LONGEST_VALIDITY, this.clock.now());
    return true;
  }

  private async run(): Promise<void> {
    if (this.isRunning) {
      return;
    }
    this.isRunning = true;
    try {
      while (!this.isPaused && this.queue.length) {
        const item = this.queue.shift() as Item;
        try {
          await this.process(item);
        } catch (error) {
          this.diagnostics.warn(`message ${item.received.k}: ${said(error)}`);
          this.failed(item);
        }
      }
    } finally {
      this.isRunning = false;
    }
  }

  /** Try a message again while the connection lasts, and leave it to the next one in the end. */
  private failed(item: Item): void {
    item.failures += 1;
    if (item.failures >= MOST_FAILURES) {
      this.acknowledge(item, true);
      return;
    }
    this.clock.setTimer(item.backoff.next(), () => {
      if (item.connection === this.connection) {
        this.queue.push(item);
        void this.run();
      }
    });
  }

  private async process(item: Item): Promise<void> {
    const { k, taskId, revokes, validity } = item.received;
    const isNotice = revokes !== undefined;
    if (this.state.seen.has(k, isNotice ? undefined : taskId)) {
      this.diagnostics.info(`message ${k}: a repeat`);
    } else if (this.clock.monotonic() >= item.expires) {
      this.diagnostics.info(`message ${k}: expired`);
    } else {
      await this.handOver(item.received);
      await this.state.seen.add(k, isNotice ? undefined : taskId, validity, this.clock.now());
      this.diagnostics.info(`message ${k}: ${isNotice ? `revokes ${revokes}` : 'handled'}`);
    }
    this.acknowledge(item, false);
  }

  private async handOver(received: Received): Promise<void> {
    this.inHandler = received;
    try {
      if (received.revokes !== undefined) {
        await this.handlers.onRevoked?.(received.revokes);
      } else {
        const { k, data, repeat } = received;
        await this.handlers.onMessage({ k, data, repeat });
      }
    } finally {
      this.inHandler = undefined;
    }
  }

  private acknowledge(item: Item, refused: boolean): void {
    if (item.connection === this.connection) {
      item.connection.acknowledge(item.packetId, refused);
    }
  }
}
