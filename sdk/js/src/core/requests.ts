import { ConnectionLostError } from './errors.js';
import type { Clock, Connection, Incoming } from './ports.js';
import type { Verdict } from './reasons.js';

/** Where answers come. */
export const REPLY_TOPIC = 'mps/reply';
const ANSWER_MILLISECONDS = 30_000;

/** The service's answer to a request. */
export interface Answer {
  success: boolean;
  code: string;
  name: string;
  message: string;
  data?: unknown;
}

/** Whether to ask again later: the service is away for a moment. */
export const SYSTEM_ERROR = '9000';
export const CREDENTIALS_REFUSED = '3054';

interface Waiting {
  resolve(answer: Answer): void;
  reject(error: Error): void;
  stopTimer(): void;
}

/** Requests over the connection there is. */
export class Requests {
  private connection: Connection | undefined;
  private readonly waiting = new Map<string, Waiting>();
  private number = 0;

  /**
   * @param onFault Called when the connection is of no use any more, with what to do then.
   */
  constructor(
    private readonly clock: Clock,
    private readonly onFault: (verdict: Verdict) => void,
  ) {}

  /** Whether requests can be sent now. */
  get isOpen(): boolean {
    return this.connection !== undefined;
  }

  /** Send requests over this connection from now on. */
  open(connection: Connection): void {
    this.connection = connection;
  }

  /** The connection has ended: what was not answered fails. */
  close(): void {
    this.connection = undefined;
    const waiting = [...this.waiting.values()];
    this.waiting.clear();
    for (const one of waiting) {
      one.stopTimer();
      one.reject(new ConnectionLostError('the connection was lost before the answer came'));
    }
  }

  /**
   * Send a request and wait for its answer.
   *
   * @throws ConnectionLostError
   */
  ask(topic: string, payload: unknown): Promise<Answer> {
    const connection = this.connection;
    if (!connection) {
      return Promise.reject(new ConnectionLostError('there is no connection'));
    }
    const correlation = String(++this.number);
    return new Promise((resolve, reject) => {
      const stopTimer = this.clock.setTimer(ANSWER_MILLISECONDS, () => this.onFault({ action: 'retry', reason: 'a request was not answered' }));
      this.waiting.set(correlation, { resolve, reject, stopTimer });
      connection.publish(topic, JSON.stringify(payload), REPLY_TOPIC, correlation);
    });
  }

  /** Take an answer. */
  answered(incoming: Incoming): void {
    const waiting = this.waiting.get(incoming.correlation ?? '');
    if (!waiting) {
      return;
    }
    let answer: Answer;
    try {
      answer = JSON.parse(incoming.payload) as Answer;
    } catch {
      this.onFault({ action: 'slow', reason: 'an answer could not be read' });
      return;
    }
    if (answer.code === CREDENTIALS_REFUSED) {
      this.onFault({ action: 'register again', reason: 'the service does not know the device any more' });
      return;
    }
    this.waiting.delete(incoming.correlation ?? '');
    waiting.stopTimer();
    waiting.resolve(answer);
  }
}
