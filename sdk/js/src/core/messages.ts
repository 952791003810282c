import type { Incoming } from './ports.js';

/** The longest validity, for what brings no times. */
export const LONGEST_VALIDITY = 7 * 86_400_000;

/** The content of a message (PROTOCOL.md, "Receiving"). */
export interface MessageData {
  title: string;
  content: string;
  /** What a tap opens: a web address, or a page of the app if `action` is 1. Empty: the app. */
  url: string;
  action: 0 | 1;
  /** 1: show nothing. */
  silent: 0 | 1;
  style: 0 | 1 | 2;
  icon: Record<string, string>;
  image: Record<string, string>;
  /** The backend's extension parameters. */
  params: Record<string, string>;
  badge: string;
  sound: string;
  templateCode: string;
  notifyType: '' | 'notify' | 'transparent';
  channelId?: string;
  /** The backend's own ID of the message. */
  msgKey: string;
  taskId: string;
  pushType: 'simple' | 'template' | 'multiple' | 'broadcast' | 'audience';
  /** Milliseconds since 1970, by the service's clock. */
  createdAt: number;
  expireAt: number;
}

/** A push message. */
export interface Message {
  /** The message's ID; reports name it. */
  k: string;
  data: MessageData;
  /** Whether the service may have sent it before. */
  repeat: boolean;
}

/** A message, or the notice that one was revoked, as it came. */
export interface Received extends Message {
  /** The `k` of the message that this notice revokes. */
  revokes?: string;
  taskId: string | undefined;
  /** Milliseconds. */
  validity: number;
  /** Milliseconds of validity left when it came, if that is known. */
  left: number | undefined;
}

/**
 * Read a payload of the inbox.
 *
 * @throws SyntaxError if it is no message of the service.
 */
export function readMessage(incoming: Incoming): Received {
  const { k, bData } = (JSON.parse(incoming.payload) ?? {}) as { k?: unknown; bData?: MessageData & { revokes?: unknown } };
  if ((typeof k !== 'string' && typeof k !== 'number') || typeof bData !== 'object' || bData === null) {
    throw new SyntaxError('not a message of this service');
  }
  const { createdAt, expireAt, taskId, revokes } = bData;
  const validity = Number.isFinite(expireAt - createdAt) ? Math.max(0, expireAt - createdAt) : LONGEST_VALIDITY;
  return {
    k: String(k),
    data: bData,
    repeat: incoming.duplicate,
    ...(revokes ? { revokes: String(revokes) } : {}),
    taskId: taskId ? String(taskId) : undefined,
    validity,
    left: incoming.secondsLeft === undefined ? undefined : incoming.secondsLeft * 1000,
  };
}
