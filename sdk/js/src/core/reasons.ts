/** What a device does after each reason the service gives for refusing or ending a connection (PROTOCOL.md). */

/**
 * What to do next.
 *
 * - `again`: at once. `retry`: back off. `slow`: back off, for up to a minute at first.
 * - `register again`: with a proof that it is the same device. `register anew`: as a new device.
 * - `refused`, `replaced`: make no more attempts until the app asks for one.
 */
export type Action = 'again' | 'retry' | 'slow' | 'register again' | 'register anew' | 'refused' | 'replaced';

/** What to do about a connection that was refused or has ended. */
export interface Verdict {
  action: Action;
  reason: string;
  /** Seconds to wait at least. */
  retryAfter?: number;
}

type Row = [Action, string];

const CONNACK: Record<number, Row> = {
  0x81: ['refused', 'the CONNECT is malformed'],
  0x82: ['refused', 'the CONNECT breaks the protocol'],
  0x83: ['refused', 'the registration is not valid: platform, vendor token or installation'],
  0x84: ['refused', 'the service does not speak MQTT 5'],
  0x85: ['refused', 'the client ID is not valid'],
  0x86: ['register again', 'the Ad-token or its secret is not accepted'],
  0x87: ['refused', 'the app or workspace is unknown or disabled, or the Ad-token belongs to another one'],
  0x88: ['retry', 'the service is not available'],
  0x89: ['retry', 'the service is busy'],
  0x8c: ['refused', 'the service takes no authentication method'],
  0x9a: ['refused', 'the service takes no retained will'],
  0x9b: ['refused', 'the service takes no will of QoS 2'],
  0x97: ['slow', 'too many connections or registrations'],
  0x9f: ['slow', 'connections or registrations come too fast'],
};

const DISCONNECT: Record<number, Row> = {
  0x81: ['slow', 'the service took a packet for malformed'],
  0x82: ['slow', 'the service saw a breach of the protocol'],
  0x8b: ['retry', 'the service is stopping'],
  0x8d: ['retry', 'nothing came within the keep alive'],
  0x8e: ['replaced', 'another connection of this device took over'],
  0x93: ['slow', 'too many requests without an answer'],
  0x94: ['slow', 'the service saw a topic alias'],
  0x95: ['retry', 'a packet was too large'],
  0x97: ['slow', 'too many connections'],
  0x98: ['register anew', 'the device was removed'],
  0x9a: ['slow', 'the service takes no retained messages'],
  0x9b: ['slow', 'the service takes no QoS 2'],
  0xa1: ['slow', 'the service takes no subscription identifiers'],
};

/** Return what to do after a CONNACK that refuses. */
export function afterConnack(code: number, registering: boolean, retryAfter?: string): Verdict {
  const [action, reason] = CONNACK[code] ?? ['slow', `the connection was refused: ${hex(code)}`];
  const seconds = Number(retryAfter);
  const verdict: Verdict = registering && code === 0x86 ? { action: 'refused', reason: 'the client key is wrong' } : { action, reason };
  return seconds > 0 ? { ...verdict, retryAfter: Math.min(seconds, 86_400) } : verdict;
}

/** Return what to do after the end of a connection; `code` is that of a DISCONNECT. */
export function afterEnd(code: number | undefined, reason: string): Verdict {
  if (code === undefined) {
    return { action: 'retry', reason };
  }
  const [action, known] = DISCONNECT[code] ?? ['slow', `the service ended the connection: ${hex(code)}`];
  return { action, reason: known };
}

function hex(code: number): string {
  return `0x${code.toString(16).toUpperCase().padStart(2, '0')}`;
}
