import type { Store } from '../core/ports.js';

const TABLE = 'device';

/** A store in the browser's IndexedDB, which pages of the same origin share. */
export class IndexedDBStore implements Store {
  private database: IDBDatabase | undefined;

  /** @param name Of the database. */
  constructor(readonly name = 'mps-device') {}

  async load(): Promise<Map<string, string>> {
    this.database = await openDatabase(this.name);
    const table = this.database.transaction(TABLE).objectStore(TABLE);
    const [names, texts] = await Promise.all([done(table.getAllKeys()), done(table.getAll())]);
    return new Map(names.map((name, position) => [String(name), String(texts[position])]));
  }

  write(changes: ReadonlyMap<string, string | null>): Promise<void> {
    const database = this.database;
    if (!database) {
      return Promise.reject(new Error('the store is closed'));
    }
    return new Promise((resolve, reject) => {
      const transaction = database.transaction(TABLE, 'readwrite', { durability: 'strict' });
      const table = transaction.objectStore(TABLE);
      for (const [name, text] of changes) {
        if (text === null) {
          table.delete(name);
        } else {
          table.put(text, name);
        }
      }
      transaction.oncomplete = () => resolve();
      transaction.onabort = () => reject(transaction.error ?? new Error('the write was aborted'));
    });
  }

  close(): Promise<void> {
    this.database?.close();
    this.database = undefined;
    return Promise.resolve();
  }
}

function openDatabase(name: string): Promise<IDBDatabase> {
  const request = indexedDB.open(name, 1);
  request.onupgradeneeded = () => request.result.createObjectStore(TABLE);
  return done(request);
}

function done<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error('IndexedDB refused'));
  });
}
