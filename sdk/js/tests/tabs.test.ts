import assert from 'node:assert/strict';
import test from 'node:test';
import { ManualClock, MemoryStore, SharedClient, type Message, type State } from '../src/core/index.js';
import type { Channel, Leader } from '../src/core/ports.js';
import { CONFIG, FakeService } from './fake_service.js';

/** What the tabs of an origin share: a lock, messages to each other, and a store. */
class Origin {
  readonly service = new FakeService();
  readonly store = new MemoryStore();
  private readonly waiting: (() => void)[] = [];
  private isHeld = false;
  private readonly listeners: ((message: unknown) => void)[] = [];

  leader(): Leader {
    return {
      lead: (signal) =>
        new Promise((resolve, reject) => {
          const take = (): void => {
            this.isHeld = true;
            resolve(() => {
              this.isHeld = false;
              this.waiting.shift()?.();
            });
          };
          if (this.isHeld) {
            this.waiting.push(take);
            signal.addEventListener('abort', () => {
              this.waiting.splice(this.waiting.indexOf(take), 1);
              reject(new Error('aborted'));
            });
          } else {
            take();
          }
        }),
    };
  }

  channel(): Channel {
    let own: ((message: unknown) => void) | undefined;
    return {
      post: (message) => {
        const copy = structuredClone(message);
        this.listeners.filter((one) => one !== own).forEach((receive) => setImmediate(() => receive(copy)));
      },
      listen: (receive) => {
        own = receive;
        this.listeners.push(receive);
      },
      close: () => undefined,
    };
  }
}

class Tab {
  readonly messages: Message[] = [];
  readonly states: State[] = [];
  readonly revoked: string[] = [];
  readonly client: SharedClient;

  constructor(private readonly origin: Origin) {
    this.client = new SharedClient({
      config: CONFIG,
      store: origin.store,
      transport: origin.service,
      clock: new ManualClock(),
      leader: origin.leader(),
      channel: origin.channel(),
      onMessage: (message) => {
        this.messages.push(message);
      },
      onRevoked: (k) => {
        this.revoked.push(k);
      },
      onState: (state) => {
        this.states.push(state);
      },
    });
  }

  async connected(): Promise<this> {
    await this.client.start({ consent: true });
    await this.origin.service.until(() => this.client.state.state === 'connected');
    return this;
  }
}

test('one of two tabs connects, and messages come to both', async () => {
  const origin = new Origin();
  const [first, second] = [await new Tab(origin).connected(), await new Tab(origin).connected()];
  assert.equal(origin.service.links.length, 1);
  assert.deepEqual([first.client.isLeading, second.client.isLeading], [true, false]);
  assert.equal(second.client.token, first.client.token);
  origin.service.link.send('1');
  origin.service.link.send('2', { pushType: 'revoke', revokes: '1' });
  await origin.service.until(() => first.revoked.length === 1 && second.revoked.length === 1);
  assert.deepEqual([first.messages.length, second.messages.length], [1, 1]);
});

test('a tab that follows asks through the one that leads, with its own proof', async () => {
  const origin = new Origin();
  await new Tab(origin).connected();
  const second = await new Tab(origin).connected();
  await second.client.bind('ann', (userId, adToken) => `${userId} ${adToken}`);
  await second.client.opened('1');
  await origin.service.until(() => origin.service.link.asked.length === 2);
  assert.deepEqual(origin.service.link.asked[0]?.payload, { userId: 'ann', bindToken: 'ann token-1' });
  origin.service.answer = () => '3028';
  await assert.rejects(second.client.bind('bob', () => 'x'), { name: 'RefusedError', code: '3028' });
});

test('when the leading tab ends another one leads, as the same device', async () => {
  const origin = new Origin();
  const [first, second] = [await new Tab(origin).connected(), await new Tab(origin).connected()];
  const { token } = first.client;
  await first.client.stop();
  await origin.service.until(() => second.client.isLeading && second.client.state.state === 'connected');
  assert.equal(second.client.token, token);
  assert.equal(origin.service.links.length, 2);
  assert.equal(origin.service.link.request.clientId, token);
});

test('tabs that were replaced by another program come back only when the app asks', async () => {
  const origin = new Origin();
  await new Tab(origin).connected();
  const second = await new Tab(origin).connected();
  origin.service.link.end(0x8e);
  await origin.service.until(() => second.client.state.state === 'replaced');
  assert.equal(origin.service.links.length, 1);
  await second.client.start({ consent: true });
  await origin.service.until(() => second.client.state.state === 'connected');
  assert.equal(origin.service.links.length, 2);
});

test('a tab without consent takes no part', async () => {
  const origin = new Origin();
  const tab = new Tab(origin);
  await assert.rejects(tab.client.start({ consent: false }), { name: 'ConsentError' });
  await assert.rejects(tab.client.opened('1'), { name: 'NotRunningError' });
  assert.equal(origin.service.links.length, 0);
});

test('a device that a tab unregisters is gone for all, and starts as a new one when a tab asks', async () => {
  const origin = new Origin();
  const [first, second] = [await new Tab(origin).connected(), await new Tab(origin).connected()];
  await second.client.unregister();
  await origin.service.until(() => second.client.state.state === 'stopped');
  assert.equal(first.client.token, null);
  assert.equal(origin.store.content.size, 0);
  await second.client.start({ consent: true });
  await origin.service.until(() => second.client.state.state === 'connected');
  assert.deepEqual([first.client.token, second.client.token], ['token-2', 'token-2']);
});
