/** A message of the inbox. */
export interface InboxMessage {
  /** Names it in `markRead` and `deleteFromInbox`. */
  readonly k: string;
  /** The backend's own ID. */
  readonly msgKey: string;
  /** When it was pushed, in milliseconds since 1970. */
  readonly at: number;
  readonly read: boolean;
  /** Whose it is: a user's is read on all devices at once. */
  readonly of: 'user' | 'device';
  /** What it is delivered with. */
  readonly bData: Readonly<Record<string, unknown>>;
}

/** A page of the inbox, newest first. */
export interface InboxPage {
  readonly messages: readonly InboxMessage[];
  /** The cursor of the following page; empty on the last. */
  readonly next: string;
  /** How many messages of the inbox are unread, 1,000 at most. */
  readonly unread: number;
}

/** Attributes by name: texts, numbers, or times in milliseconds since 1970. */
export type Attributes = Readonly<Record<string, string | number | { time: number }>>;

/**
 * The calls that read the inbox and change the device's profile. They need a connection, and are not kept for the next one: each
 * rejects with ConnectionLostError where there is none, and with RefusedError if the service refused.
 */
export abstract class DeviceCalls {
  /** Send a request and return the data of its answer. */
  abstract request(topic: string, payload: object): Promise<unknown>;

  /**
   * Read a page of the inbox: the messages of the device and of its user, newest first.
   *
   * @param options.before The `next` of the page before; empty for the newest.
   * @param options.limit How many messages at most, up to 50.
   */
  async readInbox({ before = '', limit = 20 }: { before?: string; limit?: number } = {}): Promise<InboxPage> {
    return this.inbox({ before, limit });
  }

  /** Return how many messages of the inbox are unread, for a badge. */
  async countUnread(): Promise<number> {
    return (await this.inbox({ limit: 0 })).unread;
  }

  /** Mark messages as read, up to 100; returns how many are unread then. */
  async markRead(...ks: string[]): Promise<number> {
    return (await this.inbox({ read: ks, limit: 0 })).unread;
  }

  /** Mark all messages as read; returns how many are unread then. */
  async markAllRead(): Promise<number> {
    return (await this.inbox({ read: 'all', limit: 0 })).unread;
  }

  /** Delete messages from the inbox, up to 100; returns how many are unread then. */
  async deleteFromInbox(...ks: string[]): Promise<number> {
    return (await this.inbox({ delete: ks, limit: 0 })).unread;
  }

  /** Add tags to the device, of those that the backend has made. */
  async addTags(...names: string[]): Promise<void> {
    await this.request('mps/profile', { tags: { add: names } });
  }

  /** Remove tags of the device. */
  async removeTags(...names: string[]): Promise<void> {
    await this.request('mps/profile', { tags: { remove: names } });
  }

  /** Subscribe the device to topics, of those that the backend has made. */
  async subscribe(...topics: string[]): Promise<void> {
    await this.request('mps/profile', { topics: { add: topics } });
  }

  /** End subscriptions to topics. */
  async unsubscribe(...topics: string[]): Promise<void> {
    await this.request('mps/profile', { topics: { remove: topics } });
  }

  /** Set attributes of the device. */
  async setAttributes(values: Attributes): Promise<void> {
    await this.request('mps/profile', { attributes: values });
  }

  /** Remove attributes of the device. */
  async unsetAttributes(...names: string[]): Promise<void> {
    await this.request('mps/profile', { attributes: Object.fromEntries(names.map((name) => [name, null])) });
  }

  /** Say whether the device takes marketing messages; null takes back what was said. */
  async setMarketingConsent(consent: boolean | null): Promise<void> {
    await this.request('mps/profile', { marketingConsent: consent });
  }

  private async inbox(payload: object): Promise<InboxPage> {
    return (await this.request('mps/inbox', payload)) as InboxPage;
  }
}
