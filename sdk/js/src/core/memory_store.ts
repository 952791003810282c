import { usernameOf, type Config } from './config.js';
import { contentFor, type Identity } from './device_state.js';
import type { Store } from './ports.js';

/** A store that is gone with the program: for tests, and for devices whose identity is kept elsewhere. */
export class MemoryStore implements Store {
  /** What is kept. */
  readonly content: Map<string, string>;

  constructor(content: ReadonlyMap<string, string> = new Map()) {
    this.content = new Map(content);
  }

  /** Return a store of a device that was registered elsewhere. */
  static withIdentity(config: Config, identity: Identity): MemoryStore {
    return new MemoryStore(contentFor(usernameOf(config), identity));
  }

  load(): Promise<Map<string, string>> {
    return Promise.resolve(new Map(this.content));
  }

  write(changes: ReadonlyMap<string, string | null>): Promise<void> {
    for (const [name, text] of changes) {
      if (text === null) {
        this.content.delete(name);
      } else {
        this.content.set(name, text);
      }
    }
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
