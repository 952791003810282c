import type { Config } from '../core/config.js';
import { ConsentError } from '../core/errors.js';

/** The number of Web Push as a vendor's channel. */
export const WEB_PUSH_CHANNEL = 20;

/** What Web Push needs of a client. */
interface TokenReporter {
  reportVendorToken(channel: number, token: string): Promise<void>;
  withdrawVendorToken(): Promise<void>;
}

/** How a page subscribes. */
export interface WebPushOptions {
  /** Where the site serves `mps-sw.min.js`: at or above its pages, which are the worker's scope. */
  worker?: string;
}

/** Web Push for a device: notifications while no page of the site is open. */
export class WebPush {
  constructor(
    private readonly client: TokenReporter,
    private readonly config: Config,
    private readonly storeName: string,
  ) {}

  /** Whether the browser has Web Push and the workspace has an account for it. */
  get isOffered(): boolean {
    return Boolean(this.config.webPushKey) && 'serviceWorker' in navigator && 'PushManager' in globalThis;
  }

  /**
   * Ask the user, subscribe, and report the subscription as the device's token. Call it from a click, for browsers ask only then,
   * and again at each start: it asks nothing that was answered, and subscribes anew where the workspace's key has changed.
   *
   * @throws ConsentError if the user does not permit notifications.
   * @throws TypeError if the browser or the configuration does not offer it; an error of the browser if its push service refuses.
   */
  async subscribe({ worker = 'mps-sw.min.js' }: WebPushOptions = {}): Promise<void> {
    const key = this.config.webPushKey;
    if (!this.isOffered || !key) {
      throw new TypeError('Web Push is not offered: by this browser, or without webPushKey in the configuration');
    }
    if ((await Notification.requestPermission()) !== 'granted') {
      throw new ConsentError('the user does not permit notifications');
    }
    const url = new URL(worker, location.href);
    // All that the worker knows by itself; what the device is, it reads from the store.
    url.searchParams.set('http', this.config.httpEndpoint.replace(/\/$/, ''));
    url.searchParams.set('key', key);
    url.searchParams.set('store', this.storeName);
    await navigator.serviceWorker.register(url);
    const { pushManager } = await navigator.serviceWorker.ready;
    let subscription = await pushManager.getSubscription();
    if (subscription && keyOf(subscription) !== key) {
      await subscription.unsubscribe();
      subscription = null;
    }
    subscription ??= await pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
    await this.client.reportVendorToken(WEB_PUSH_CHANNEL, JSON.stringify(subscription));
  }

  /** End the subscription: messages come only while a page is open. */
  async unsubscribe(): Promise<void> {
    const registration = await navigator.serviceWorker.getRegistration();
    await (await registration?.pushManager.getSubscription())?.unsubscribe();
    await this.client.withdrawVendorToken();
  }
}

/** Return the public key of a subscription in base64url, as `webPushKey` has it. */
function keyOf(subscription: PushSubscription): string {
  const raw = new Uint8Array(subscription.options.applicationServerKey ?? new ArrayBuffer(0));
  return btoa(String.fromCharCode(...raw)).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
}
