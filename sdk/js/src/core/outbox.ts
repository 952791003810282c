import type { Change, StoreWriter } from './store_writer.js';

const PREFIX = 'event/';
const MOST = 10_000;
/** As many as a request may have. */
const BATCH = 100;

/** What happened to a message. */
export type EventName = 'arrived' | 'opened' | 'ignored';

/** A report of an event, as the service takes it. */
export interface EventReport {
  k: string;
  event: EventName;
  /** Milliseconds since 1970, by the device's clock. */
  at: number;
}

/** Events that the service has not answered yet: 10,000 at most, the oldest go first. */
export class Outbox {
  private readonly events: Map<number, EventReport>;
  private readonly known: Set<string>;
  private number = 0;

  constructor(
    private readonly writer: StoreWriter,
    kept: ReadonlyMap<string, string>,
  ) {
    const read = [...kept]
      .filter(([name]) => name.startsWith(PREFIX))
      .map(([name, text]): [number, EventReport] => [Number(name.slice(PREFIX.length)), JSON.parse(text) as EventReport])
      .sort(([one], [other]) => one - other);
    this.events = new Map(read);
    this.known = new Set(read.map(([, report]) => nameOf(report)));
    this.number = read.at(-1)?.[0] ?? 0;
  }

  /** How many events wait. */
  get size(): number {
    return this.events.size;
  }

  /** Keep an event, if it is not kept already: the service counts it once. Resolves when it is in the store. */
  async add(report: EventReport): Promise<void> {
    if (this.known.has(nameOf(report))) {
      return this.writer.write([]);
    }
    this.known.add(nameOf(report));
    const number = ++this.number;
    this.events.set(number, report);
    const changes: Change[] = [[PREFIX + number, JSON.stringify(report)]];
    for (const oldest of this.events.keys()) {
      if (this.events.size <= MOST) {
        break;
      }
      this.forget(oldest);
      changes.push([PREFIX + oldest, null]);
    }
    await this.writer.write(changes);
  }

  /** Return the oldest events of one request, by their numbers. */
  batch(most = BATCH): Map<number, EventReport> {
    const batch = new Map<number, EventReport>();
    for (const [number, report] of this.events) {
      if (batch.size === most) {
        break;
      }
      batch.set(number, report);
    }
    return batch;
  }

  /** Remove events that were answered. */
  async remove(numbers: Iterable<number>): Promise<void> {
    const changes: Change[] = [];
    for (const number of numbers) {
      this.forget(number);
      changes.push([PREFIX + number, null]);
    }
    await this.writer.write(changes);
  }

  /** Forget all; returns the changes of the store. */
  emptied(): Change[] {
    const changes = [...this.events.keys()].map((number): Change => [PREFIX + number, null]);
    this.events.clear();
    this.known.clear();
    return changes;
  }

  private forget(number: number): void {
    const report = this.events.get(number);
    if (report) {
      this.known.delete(nameOf(report));
      this.events.delete(number);
    }
  }
}

function nameOf({ k, event }: EventReport): string {
  return `${event} ${k}`;
}
