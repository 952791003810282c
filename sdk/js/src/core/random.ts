/** Return a random text of `bytes` bytes in hexadecimal digits. */
export function randomHex(bytes: number): string {
  if (typeof globalThis.crypto?.getRandomValues !== 'function') {
    throw new Error('crypto.getRandomValues is missing; on React Native install a polyfill such as react-native-get-random-values');
  }
  const random = globalThis.crypto.getRandomValues(new Uint8Array(bytes));
  return Array.from(random, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
