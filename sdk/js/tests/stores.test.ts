import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { IDBFactory } from 'fake-indexeddb';
import { IndexedDBStore } from '../src/browser/indexeddb_store.js';
import { StoreInUseError, type Store } from '../src/core/index.js';
import { FileStore } from '../src/node/index.js';
import { nativeStore } from './native_store.js';

async function inFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'mps-device-'));
  try {
    await run(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function contentOf(folder: string): Promise<Map<string, string>> {
  const store = new FileStore(folder);
  const content = await store.load();
  await store.close();
  return content;
}

globalThis.indexedDB = new IDBFactory();

for (const [name, make] of [
  ['files', (folder: string) => new FileStore(join(folder, 'device'))],
  ['IndexedDB', () => new IndexedDBStore()],
  ["React Native's storage", nativeStore],
] as [string, (folder: string) => Store][]) {
  test(`a store of ${name} keeps what was written`, () =>
    inFolder(async (folder) => {
      const store = make(folder);
      assert.deepEqual(await store.load(), new Map());
      await store.write(new Map([['device', 'secret'], ['a', '1'], ['b', '2']]));
      await store.write(new Map([['a', null], ['b', '3']]));
      await store.close();
      const again = name === 'files' ? make(folder) : store;
      assert.deepEqual(await again.load(), new Map([['device', 'secret'], ['b', '3']]));
      await again.write(new Map([['device', null], ['b', null]]));
      await again.close();
      assert.deepEqual(await again.load(), new Map());
      await again.close();
    }));
}

test('a write that a crash cut off is as if it had never been', () =>
  inFolder(async (folder) => {
    const store = new FileStore(folder);
    await store.load();
    await store.write(new Map([['a', '1']]));
    await store.close();
    appendFileSync(join(folder, 'device.jsonl'), '{"a": "2", "b"');
    const again = new FileStore(folder);
    assert.deepEqual(await again.load(), new Map([['a', '1']]));
    await again.write(new Map([['b', '3']]));
    await again.close();
    assert.deepEqual(await contentOf(folder), new Map([['a', '1'], ['b', '3']]));
  }));

test('only the user who runs the program may read the secret', { skip: process.platform === 'win32' }, () =>
  inFolder(async (folder) => {
    const store = new FileStore(join(folder, 'device'));
    await store.load();
    await store.write(new Map([['device', 'secret']]));
    const modes = readdirSync(join(folder, 'device')).map((name) => statSync(join(folder, 'device', name)).mode & 0o777);
    assert.deepEqual(modes, [0o600, 0o600]);
    assert.equal(statSync(join(folder, 'device')).mode & 0o777, 0o700);
    await store.close();
  }));

test('a journal that has grown long is written anew', () =>
  inFolder(async (folder) => {
    const store = new FileStore(folder, 50);
    await store.load();
    for (let number = 0; number < 60; number += 1) {
      await store.write(new Map([['a', String(number)]]));
    }
    await store.close();
    assert.ok(readFileSync(join(folder, 'device.jsonl'), 'utf8').split('\n').length < 20);
    assert.deepEqual(await contentOf(folder), new Map([['a', '59']]));
  }));

test('a folder is used by one program at a time, and a dead one holds nothing', () =>
  inFolder(async (folder) => {
    const store = new FileStore(folder);
    await store.load();
    await assert.rejects(new FileStore(folder).load(), StoreInUseError);
    await assert.rejects(store.load(), StoreInUseError);
    await store.close();
    for (const holder of ['4194304000 1', `${process.pid} 1`, '']) {
      writeFileSync(join(folder, 'lock'), holder);
      const next = new FileStore(folder);
      await next.load();
      await next.close();
    }
  }));
