/** A store of a React Native app whose storages are in memory. */
import type { Store } from '../src/core/index.js';
import { NativeStore } from '../src/react_native/index.js';

export function nativeStore(): Store {
  const [content, safe] = [new Map<string, string>([['of the app', 'x']]), new Map<string, string>()];
  return new NativeStore(
    {
      getAllKeys: () => Promise.resolve([...content.keys()]),
      multiGet: (names) => Promise.resolve(names.map((name) => [name, content.get(name) ?? null] as const)),
      multiSet: (pairs) => Promise.resolve(pairs.forEach(([name, text]) => content.set(name, text))),
      multiRemove: (names) => Promise.resolve(names.forEach((name) => content.delete(name))),
    },
    {
      get: () => Promise.resolve(safe.get('device') ?? null),
      set: (text) => Promise.resolve(safe.set('device', text)),
      remove: () => Promise.resolve(safe.delete('device')),
    },
  );
}
