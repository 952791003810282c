/**
 * The service worker for Web Push: shows what is pushed, reports what became of it, and reports another subscription.
 *
 * It has no state of its own. `WebPush.subscribe` names the service and the store in the worker's address.
 */
import type { Identity } from '../core/device_state.js';
import { IndexedDBStore } from './indexeddb_store.js';
import { WEB_PUSH_CHANNEL } from './web_push.js';

/** What a message holds (docs/vendors.md, "Web Push"). */
interface Pushed {
  notification: NotificationOptions & { title: string; image?: string };
  data: Record<string, string>;
}

interface WaitingEvent extends Event {
  waitUntil(work: Promise<unknown>): void;
}

interface PushedEvent extends WaitingEvent {
  data: { json(): unknown } | null;
}

interface ClickEvent extends WaitingEvent {
  notification: Notification;
}

interface ChangeEvent extends WaitingEvent {
  newSubscription?: PushSubscription | null;
}

interface Page {
  focus(): Promise<unknown>;
}

/** The part of `ServiceWorkerGlobalScope` that is used: TypeScript's library for workers cannot stand beside that for pages. */
interface WorkerScope {
  registration: ServiceWorkerRegistration;
  clients: { matchAll(options: object): Promise<Page[]>; openWindow(url: string): Promise<unknown>; claim(): Promise<void> };
  location: Location;
  skipWaiting(): Promise<void>;
  addEventListener(name: string, listener: (event: never) => void): void;
}

const worker = self as unknown as WorkerScope;
const settings = new URL(worker.location.href).searchParams;

worker.addEventListener('install', (event: WaitingEvent) => event.waitUntil(worker.skipWaiting()));
worker.addEventListener('activate', (event: WaitingEvent) => event.waitUntil(worker.clients.claim()));
worker.addEventListener('push', (event: PushedEvent) => {
  const pushed = read(event);
  if (pushed) {
    event.waitUntil(Promise.all([show(pushed), report(pushed.data, 'arrived')]));
  }
});
worker.addEventListener('notificationclick', (event: ClickEvent) => {
  event.notification.close();
  const data = dataOf(event.notification);
  event.waitUntil(Promise.all([open(data.url ?? ''), report(data, 'opened')]));
});
worker.addEventListener('notificationclose', (event: ClickEvent) => {
  event.waitUntil(report(dataOf(event.notification), 'ignored'));
});
worker.addEventListener('pushsubscriptionchange', (event: ChangeEvent) => event.waitUntil(renew(event)));

/** Return what was pushed; nothing where it is another sender's. */
function read(event: PushedEvent): Pushed | undefined {
  try {
    const pushed = event.data?.json() as Partial<Pushed> | undefined;
    return pushed?.notification && pushed.data ? (pushed as Pushed) : undefined;
  } catch {
    return undefined;
  }
}

async function show({ notification: { title, ...options }, data }: Pushed): Promise<void> {
  if (data.silent !== '1') {
    await worker.registration.showNotification(title, { ...options, data });
  }
}

function dataOf(notification: Notification): Record<string, string> {
  return (notification.data ?? {}) as Record<string, string>;
}

/** Open a web address; without one, bring a page of the site to the front, or open one. */
async function open(url: string): Promise<void> {
  if (/^https?:\/\//.test(url)) {
    await worker.clients.openWindow(url);
    return;
  }
  const [page] = await worker.clients.matchAll({ type: 'window' });
  await (page ? page.focus() : worker.clients.openWindow(worker.registration.scope));
}

/** Report an event of a message. Without a network the report is lost: that it was taken is known without it. */
async function report({ k }: Record<string, string>, event: 'arrived' | 'opened' | 'ignored'): Promise<void> {
  if (k) {
    await post('events', [{ k, event, at: Date.now() }]).catch(() => undefined);
  }
}

/** Subscribe anew where the browser has not done so itself, and report the subscription. */
async function renew({ newSubscription }: ChangeEvent): Promise<void> {
  const applicationServerKey = settings.get('key');
  const subscription =
    newSubscription ?? (await worker.registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey }));
  await post('report', { thirdChannel: WEB_PUSH_CHANNEL, thirdChannelDeviceToken: JSON.stringify(subscription) });
}

/** Make a request of the device, which the browser finishes even if it stops the worker. */
async function post(path: string, body: unknown): Promise<void> {
  const identity = await readIdentity();
  if (identity) {
    await fetch(`${settings.get('http')}/device/v1/${path}`, {
      method: 'POST',
      keepalive: true,
      headers: {
        authorization: `Basic ${btoa(`${identity.adToken}:${identity.secret}`)}`,
        'content-type': 'application/json',
      },
      body: JSON.stringify(body),
    });
  }
}

async function readIdentity(): Promise<Identity | undefined> {
  const store = new IndexedDBStore(settings.get('store') ?? undefined);
  try {
    const { adToken, secret } = JSON.parse((await store.load()).get('device') ?? '{}') as Partial<Identity>;
    return adToken && secret ? { adToken, secret } : undefined;
  } finally {
    await store.close();
  }
}
