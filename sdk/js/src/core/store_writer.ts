import type { Store } from './ports.js';

/** A change of the store: a name and its text, or null to delete it. */
export type Change = [string, string | null];

/** Writes changes in their order; those that come while a write is under way share the next one. */
export class StoreWriter {
  private pending = new Map<string, string | null>();
  private writing: Promise<void> = Promise.resolve();
  private next: Promise<void> | undefined;

  constructor(private readonly store: Store) {}

  /** Keep changes, all or none. Resolves when they are kept; what could not be is written with the next changes. */
  write(changes: Iterable<Change>): Promise<void> {
    for (const [name, text] of changes) {
      this.pending.set(name, text);
    }
    this.next ??= this.writing.catch(() => undefined).then(() => {
      this.writing = this.next ?? Promise.resolve();
      this.next = undefined;
      return this.flush();
    });
    return this.next;
  }

  private async flush(): Promise<void> {
    const batch = this.pending;
    this.pending = new Map();
    try {
      await this.store.write(batch);
    } catch (error) {
      this.pending = new Map([...batch, ...this.pending]);
      throw error;
    }
  }
}
