import { systemRegion } from '../src/core/config.js';
import assert from 'node:assert/strict';
import test from 'node:test';
import { Backoff } from '../src/core/backoff.js';
import { ConsentError, MemoryStore } from '../src/core/index.js';
import { Bench, CONFIG, settled } from './fake_service.js';

test('without consent nothing is stored and nothing is connected', async () => {
  const bench = new Bench();
  await assert.rejects(bench.client.start({ consent: false }), ConsentError);
  assert.equal(bench.service.links.length, 0);
  assert.equal(bench.store.content.size, 0);
});

test('a registration repeats its proof until it has an answer, also after a restart', async () => {
  const bench = new Bench();
  bench.service.connacks = [undefined];
  await bench.client.start({ consent: true });
  await bench.service.until(() => bench.service.links.length === 1);
  const { installationId, registrationNonce } = bench.service.link.request.userProperties;
  assert.match(bench.store.content.get('device') ?? '', new RegExp(String(registrationNonce)));
  await bench.client.stop();

  const again = await new Bench(bench.store).connected();
  assert.equal(again.service.link.request.clientId, '');
  assert.equal(again.service.link.request.userProperties['installationId'], installationId);
  assert.equal(again.service.link.request.userProperties['registrationNonce'], registrationNonce);
  assert.equal(again.client.token, 'token-1');
});

test('a registered device is the same after a restart, and is stored before it is connected', async () => {
  const bench = await new Bench().connected();
  assert.match(bench.store.content.get('device') ?? '', /secret-1/);
  await bench.client.stop();
  const again = await new Bench(bench.store).connected();
  assert.equal(again.service.link.request.clientId, 'token-1');
  assert.equal(again.service.link.request.password, 'secret-1');
  assert.equal(again.service.link.request.userProperties['registrationNonce'], undefined);
});

test('waits have full jitter, double from 1 s to 5 minutes, and respect what the service asks for', () => {
  const longest = new Backoff(() => 0.999999);
  const bounds = Array.from({ length: 11 }, () => Math.ceil(longest.next() / 1000));
  assert.deepEqual(bounds, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
  const shortest = new Backoff(() => 0);
  assert.equal(shortest.next(), 1);
  assert.equal(shortest.next(false, 7), 7000);
  assert.equal(Math.ceil(new Backoff(() => 0.999999).next(true) / 1000), 60);
});

test('waits grow until a connection has been stable for a minute', async () => {
  const bench = await new Bench().connected();
  const waits: number[] = [];
  for (let round = 0; round < 12; round += 1) {
    bench.service.link.end();
    waits.push(await bench.waitOut());
    await bench.state('connected');
  }
  assert.ok((waits[0] ?? 9) <= 1);
  assert.ok(Math.max(...waits) > 4, `${waits}`);
  bench.clock.advance(60_000);
  bench.service.link.end();
  assert.ok((await bench.waitOut()) <= 1);
});

test('a network that came up is used at once', async () => {
  const bench = await new Bench().connected();
  bench.service.link.end();
  await bench.state('waiting');
  bench.client.networkUp();
  await bench.state('connected');
});

test('a device waits for 75 s for the answer to its CONNECT', async () => {
  const bench = new Bench();
  bench.service.connacks = [undefined];
  await bench.client.start({ consent: true });
  await bench.service.until(() => bench.service.links.length === 1);
  bench.clock.advance(74_999);
  await settled();
  assert.equal(bench.client.state.state, 'connecting');
  bench.clock.advance(1);
  await bench.state('waiting');
  assert.ok(bench.service.link.isClosed);
});

for (const [state, end] of [
  ['replaced', (bench: Bench) => bench.service.link.end(0x8e)],
  ['refused', (bench: Bench) => {
    bench.service.connacks = [{ reasonCode: 0x87 }];
    bench.service.link.end();
  }],
] as const) {
  test(`a device that is ${state} makes no attempt until the app starts it again`, async () => {
    const bench = await new Bench().connected();
    end(bench);
    if (state === 'refused') {
      await bench.waitOut();
    }
    await bench.state(state);
    const { length } = bench.service.links;
    bench.clock.advance(86_400_000);
    await settled();
    assert.equal(bench.service.links.length, length);
    await bench.client.start({ consent: true });
    await bench.state('connected');
  });
}

test('a retryAfter of the service is waited out', async () => {
  const bench = new Bench();
  bench.service.connacks = [{ reasonCode: 0x9f, userProperties: { retryAfter: '500' } }];
  await bench.client.start({ consent: true });
  assert.equal(await bench.waitOut(), 500);
  await bench.state('connected');
});

test('a device whose secret is refused registers again once, with proof, and then as slowly as can be', async () => {
  const bench = await new Bench().connected();
  bench.service.connacks = [{ reasonCode: 0x86 }];
  bench.service.link.end();
  await bench.waitOut();
  await bench.state('connected');
  const { request } = bench.service.link;
  assert.equal(request.clientId, '');
  assert.equal(request.password, CONFIG.clientKey);
  assert.equal(request.userProperties['deviceSecret'], 'secret-1');
  assert.ok(request.userProperties['registrationNonce']);

  bench.service.connacks = [{ reasonCode: 0x86 }];
  bench.service.link.end();
  await bench.waitOut();
  await bench.waitOut();
  await bench.state('connected');
});

test('a wrong client key is no reason to try again', async () => {
  const bench = new Bench();
  bench.service.connacks = [{ reasonCode: 0x86 }];
  await bench.client.start({ consent: true });
  await bench.state('refused');
});

test('a removed device registers as a new one, without its user', async () => {
  const bench = await new Bench().connected();
  await bench.client.bind('ann');
  bench.service.link.end(0x98);
  await bench.waitOut();
  await bench.state('connected');
  assert.equal(bench.service.link.request.userProperties['deviceSecret'], undefined);
  assert.equal(bench.client.token, 'token-2');
  assert.equal(bench.store.content.has('binding'), false);
});

test('a store of another workspace is not used', async () => {
  const bench = await new Bench().connected();
  await bench.client.stop();
  const other = await new Bench(bench.store, { config: { ...CONFIG, workspaceId: 'other' } }).connected();
  assert.equal(other.service.link.request.clientId, '');
});

test('a device that was registered elsewhere connects with what it was given', async () => {
  const store = MemoryStore.withIdentity(CONFIG, { adToken: 'given', secret: 'kept' });
  const bench = await new Bench(store).connected();
  assert.equal(bench.service.link.request.clientId, 'given');
  assert.equal(bench.client.token, 'given');
});

test('a store that cannot be written is no reason to lose the registration', async () => {
  const store = new MemoryStore();
  const write = store.write.bind(store);
  let fails = false;
  store.write = (changes) => (fails ? Promise.reject(new Error('the disk is full')) : write(changes));
  const bench = new Bench(store);
  bench.service.connacks = [undefined];
  await bench.client.start({ consent: true });
  await bench.service.until(() => bench.service.links.length === 1);
  fails = true;
  bench.service.link.listener.onConnack({ reasonCode: 0, assignedClientId: 'lost', userProperties: { secret: 'lost' } });
  await bench.state('waiting');
  fails = false;
  await bench.waitOut();
  await bench.state('connected');
});

test('a device without a client key is refused where its secret is', async () => {
  const config = { ...CONFIG, clientKey: '' };
  const bench = new Bench(MemoryStore.withIdentity(config, { adToken: 'given', secret: 'old' }), { config });
  bench.service.connacks = [{ reasonCode: 0x86 }];
  await bench.client.start({ consent: true });
  await bench.state('refused');
  assert.equal(bench.service.links.length, 1);
});

test('a device describes itself, and what it can do', async () => {
  const description = { model: 'M1', osVersion: '', capabilities: ['trampoline', 'other'] };
  const bench = await new Bench(new MemoryStore(), { description }).connected();
  const { installationId: _, registrationNonce: __, ...told } = bench.service.link.request.userProperties;
  const { timeZone, language, country } = systemRegion();
  assert.deepEqual(told, { platform: 'other', timeZone, language, country, model: 'M1', capabilities: 'trampoline,other' });
});
