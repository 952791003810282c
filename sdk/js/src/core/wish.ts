import { Backoff } from './backoff.js';
import type { DeviceState, WishRecord, Wishes } from './device_state.js';
import { said, type Diagnostics } from './diagnostics.js';
import { ConnectionLostError, NotRunningError, RefusedError } from './errors.js';
import type { Clock } from './ports.js';
import { Pause } from './pause.js';
import { SYSTEM_ERROR, type Answer, type Requests } from './requests.js';

interface Caller {
  resolve(): void;
  reject(error: Error): void;
}

/** What a wish needs: where it is kept, and how it is asked for. */
export interface WishPorts {
  state: DeviceState;
  requests: Requests;
  clock: Clock;
  diagnostics: Diagnostics;
}

/** What became of asking: an answer, or that it cannot be asked before the app speaks again. */
export type Asked = Answer | 'later';

/**
 * Something the app wants the service to know: who the user is, or the vendor's token.
 *
 * It is in the store until the service has answered, and is asked again with each connection. A new one replaces the one
 * before.
 */
export class Wish<Name extends keyof Wishes> {
  private callers: Caller[] = [];
  private isAsking = false;
  private readonly backoff = new Backoff();
  private readonly pause: Pause;

  /**
   * @param ask Sends the request. What it throws, but for a lost connection, is tried again later.
   * @param keep Returns what to keep after an answer; undefined for nothing.
   * @param onSettled Called when the service has answered.
   */
  constructor(
    private readonly name: Name,
    private readonly ports: WishPorts,
    private readonly ask: (value: Wishes[Name]) => Promise<Asked>,
    private readonly keep: (answer: Answer, value: Wishes[Name]) => Wishes[Name] | undefined = keepIfTaken,
    private readonly onSettled: (answer: Answer, value: Wishes[Name]) => void = () => undefined,
  ) {
    this.pause = new Pause(ports.clock);
  }

  /** The wish in the store. */
  get record(): WishRecord<Wishes[Name]> | undefined {
    return this.ports.state.wish(this.name);
  }

  /** Want something from now on; resolves when the service has answered. */
  async want(value: Wishes[Name]): Promise<void> {
    this.fail(new NotRunningError('replaced by a later call'));
    const answered = new Promise<void>((resolve, reject) => this.callers.push({ resolve, reject }));
    answered.catch(() => undefined); // where the store fails first
    await this.ports.state.saveWish(this.name, { value, answered: false });
    this.pause.end();
    void this.pursue();
    await answered;
  }

  /** Ask for what is not answered yet, if there is a connection. */
  async pursue(): Promise<void> {
    if (this.isAsking) {
      return;
    }
    this.isAsking = true;
    try {
      while (this.ports.requests.isOpen && this.record && !this.record.answered) {
        if (!(await this.pursueOnce(this.record))) {
          break;
        }
      }
    } catch (error) {
      this.ports.diagnostics.warn(`${this.name}: ${said(error)}`);
    } finally {
      this.isAsking = false;
    }
  }

  /** Tell callers that there will be no answer for now. */
  fail(error: Error): void {
    const callers = this.callers;
    this.callers = [];
    callers.forEach((caller) => caller.reject(error));
  }

  /** End a wait between two attempts. */
  wake(): void {
    this.pause.end();
  }

  /** @returns Whether to go on. */
  private async pursueOnce(record: WishRecord<Wishes[Name]>): Promise<boolean> {
    let asked: Asked;
    try {
      asked = await this.ask(record.value);
    } catch (error) {
      if (error instanceof ConnectionLostError) {
        return this.ports.requests.isOpen; // on a connection that has come meanwhile
      }
      this.ports.diagnostics.warn(`${this.name}: ${said(error)}`);
      await this.pause.wait(this.backoff.next());
      return true;
    }
    if (this.record !== record) {
      return true; // another one was wanted meanwhile
    }
    if (asked === 'later') {
      return false;
    }
    if (!asked.success && asked.code === SYSTEM_ERROR) {
      await this.pause.wait(this.backoff.next());
      return true;
    }
    this.backoff.reset();
    const value = this.keep(asked, record.value);
    await this.ports.state.saveWish(this.name, value && { value, answered: true });
    this.onSettled(asked, record.value);
    this.settle(asked);
    return true;
  }

  private settle(answer: Answer): void {
    if (answer.success) {
      const callers = this.callers;
      this.callers = [];
      callers.forEach((caller) => caller.resolve());
    } else {
      this.ports.diagnostics.warn(`${this.name}: refused: ${answer.code} ${answer.message}`);
      this.fail(new RefusedError(answer.code, answer.message));
    }
  }
}

function keepIfTaken<T>(answer: Answer, value: T): T | undefined {
  return answer.success ? value : undefined;
}
