import type { Change, StoreWriter } from './store_writer.js';

const PREFIX = 'seen/';
const MOST = 10_000;
const AT_LEAST = 1_000;
const DAY = 86_400_000;

interface Entry {
  /** Grows from entry to entry. */
  number: number;
  /** Until when it is remembered at least, in milliseconds since 1970 by the device's clock. */
  until: number;
  taskId?: string;
}

/** The messages that were handed to the app, or need not be any more: by them repeats are known. */
export class Seen {
  private readonly entries: Map<string, Entry>;
  private readonly tasks = new Map<string, number>();
  private number = 0;

  constructor(
    private readonly writer: StoreWriter,
    kept: ReadonlyMap<string, string>,
  ) {
    const read = [...kept]
      .filter(([name]) => name.startsWith(PREFIX))
      .map(([name, text]): [string, Entry] => [name.slice(PREFIX.length), JSON.parse(text) as Entry])
      .sort(([, one], [, other]) => one.number - other.number);
    this.entries = new Map(read);
    for (const [, entry] of read) {
      this.number = entry.number;
      this.count(entry.taskId, 1);
    }
  }

  /** How many are remembered. */
  get size(): number {
    return this.entries.size;
  }

  /**
   * Tell whether a message is a repeat.
   *
   * Vendors that take many devices in one call bring the task's ID as `k`, so each way knows the other's.
   */
  has(k: string, taskId?: string): boolean {
    return this.entries.has(k) || (taskId !== undefined && this.entries.has(taskId)) || (k === taskId && this.tasks.has(k));
  }

  /**
   * Remember a message.
   *
   * @param validity Milliseconds for which it is valid; a day more is remembered.
   * @param now The device's clock.
   */
  async add(k: string, taskId: string | undefined, validity: number, now: number): Promise<void> {
    if (this.entries.has(k)) {
      return;
    }
    const entry: Entry = { number: ++this.number, until: now + validity + DAY, ...(taskId === undefined ? {} : { taskId }) };
    this.entries.set(k, entry);
    this.count(taskId, 1);
    await this.writer.write([[PREFIX + k, JSON.stringify(entry)], ...this.outdated(now)]);
  }

  /** Forget all; returns the changes of the store. */
  forgotten(): Change[] {
    const changes = [...this.entries.keys()].map((k): Change => [PREFIX + k, null]);
    this.entries.clear();
    this.tasks.clear();
    return changes;
  }

  private outdated(now: number): Change[] {
    const changes: Change[] = [];
    for (const [k, entry] of this.entries) {
      const size = this.entries.size;
      if (size <= AT_LEAST || (size <= MOST && entry.until > now)) {
        break;
      }
      this.entries.delete(k);
      this.count(entry.taskId, -1);
      changes.push([PREFIX + k, null]);
    }
    return changes;
  }

  private count(taskId: string | undefined, by: number): void {
    if (taskId !== undefined) {
      const number = (this.tasks.get(taskId) ?? 0) + by;
      if (number > 0) {
        this.tasks.set(taskId, number);
      } else {
        this.tasks.delete(taskId);
      }
    }
  }
}
