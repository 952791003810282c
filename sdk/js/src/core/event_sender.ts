import { Backoff } from './backoff.js';
import { said } from './diagnostics.js';
import { ConnectionLostError } from './errors.js';
import { Pause } from './pause.js';
import { SYSTEM_ERROR } from './requests.js';
import type { WishPorts } from './wish.js';

/** Sends the outbox: what comes while a request is answered goes with the next one. */
export class EventSender {
  private isSending = false;
  /** After a list was refused: its entries go one by one. */
  private single = 0;
  private readonly backoff = new Backoff();
  private readonly pause: Pause;

  constructor(private readonly ports: WishPorts) {
    this.pause = new Pause(ports.clock);
  }

  /** Send what waits, if there is a connection. */
  async send(): Promise<void> {
    if (this.isSending) {
      return;
    }
    this.isSending = true;
    try {
      while (this.ports.requests.isOpen && this.ports.state.outbox.size) {
        await this.sendBatch();
      }
    } catch (error) {
      if (!(error instanceof ConnectionLostError)) {
        this.ports.diagnostics.warn(`events: ${said(error)}`);
      }
    } finally {
      this.isSending = false;
    }
  }

  /** End a wait between two attempts. */
  wake(): void {
    this.pause.end();
  }

  private async sendBatch(): Promise<void> {
    const { outbox } = this.ports.state;
    const batch = outbox.batch(this.single ? 1 : undefined);
    const answer = await this.ports.requests.ask('mps/event', [...batch.values()]);
    if (!answer.success && answer.code === SYSTEM_ERROR) {
      await this.pause.wait(this.backoff.next());
    } else if (!answer.success && batch.size > 1) {
      this.single = batch.size;
    } else {
      if (!answer.success) {
        this.ports.diagnostics.warn(`an event was refused: ${answer.code} ${answer.message}`);
      }
      this.backoff.reset();
      this.single = Math.max(0, this.single - 1);
      await outbox.remove(batch.keys());
    }
  }
}
