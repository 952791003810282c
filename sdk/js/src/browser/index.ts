/** The device client for browsers: MQTT over WebSocket, one tab of an origin connects for all. */
import type { ClientOptions } from '../core/client.js';
import { SharedClient, type SharedOptions } from '../core/shared_client.js';
import { PushClient as CoreClient } from '../core/client.js';
import { mqttTransport } from '../mqtt/transport.js';
import { IndexedDBStore } from './indexeddb_store.js';
import { TabChannel, WebLockLeader } from './tabs.js';
import { WebPush } from './web_push.js';

export * from '../core/index.js';
export { mqttTransport } from '../mqtt/transport.js';
export { IndexedDBStore } from './indexeddb_store.js';
export { TabChannel, WebLockLeader } from './tabs.js';
export { WebPush, type WebPushOptions } from './web_push.js';

/** What a page hands to its client. */
export type BrowserOptions = Omit<ClientOptions, 'store'> & Partial<Pick<SharedOptions, 'leader' | 'channel'>> & { store?: IndexedDBStore };

/**
 * A device of the message push service. Tabs of an origin are one device: one of them connects, and messages come to the
 * handlers of all.
 */
export class PushClient extends SharedClient {
  /** Notifications while no page is open. */
  readonly webPush: WebPush;

  constructor(options: BrowserOptions) {
    const store = options.store ?? new IndexedDBStore();
    super({
      transport: mqttTransport,
      leader: new WebLockLeader(store.name),
      channel: new TabChannel(store.name),
      ...options,
      store,
      description: { manufacturer: 'Browser', model: navigator.platform, ...options.description },
    });
    this.webPush = new WebPush(this, options.config, store.name);
    addEventListener('online', () => this.networkUp());
  }
}

/** A device of this page alone, such as one whose identity the page got from its server. */
export class SinglePageClient extends CoreClient {
  constructor(options: ClientOptions) {
    super({ transport: mqttTransport, ...options });
    addEventListener('online', () => this.networkUp());
  }
}
