import assert from 'node:assert/strict';
import test from 'node:test';
import { MemoryStore, NotRunningError, RefusedError } from '../src/core/index.js';
import { Bench, CONFIG, settled } from './fake_service.js';

const events = (payload: unknown): { k: string }[] => payload as { k: string }[];

test('a bind waits in the store for a connection, also over a restart', async () => {
  const bench = new Bench();
  bench.service.connacks = [undefined];
  await bench.client.start({ consent: true });
  const bound = bench.client.bind('ann');
  await bench.service.until(() => bench.service.links.length === 1);
  await bench.client.stop();
  await assert.rejects(bound, NotRunningError);
  const again = await new Bench(bench.store).connected();
  await again.service.until(() => again.service.link.asked.length === 1);
  assert.deepEqual(again.service.link.asked[0], { topic: 'mps/bind', payload: { userId: 'ann' }, correlation: '1' });
});

test('a proof is made for this device, and a wrong one is made anew once', async () => {
  const asked: string[][] = [];
  const bench = await new Bench().connected();
  bench.service.answer = () => '-1';
  const provider = (...values: string[]): string => `proof-${asked.push(values)}`;
  await assert.rejects(bench.client.bind('ann', provider), (error: RefusedError) => error.code === '-1');
  assert.deepEqual(asked, [['ann', 'token-1'], ['ann', 'token-1']]);
  assert.deepEqual(bench.service.link.asked.map((one) => one.payload), [
    { userId: 'ann', bindToken: 'proof-1' },
    { userId: 'ann', bindToken: 'proof-2' },
  ]);
  assert.equal(bench.store.content.has('binding'), false);
});

test('a provider that fails is asked again later', async () => {
  let attempts = 0;
  const bench = await new Bench().connected();
  const bound = bench.client.bind('ann', () => {
    attempts += 1;
    if (attempts === 1) {
      throw new Error('the backend is away');
    }
    return 'proof';
  });
  await settled();
  bench.clock.advance(1_000);
  await bound;
  assert.equal(attempts, 2);
});

test('while another user is bound nothing is handed over, and what came before is read again', async () => {
  const bench = await new Bench().connected();
  await bench.client.bind('ann');
  bench.service.answer = () => undefined;
  const bound = bench.client.bind('bob');
  await bench.service.until(() => bench.service.link.asked.length === 2);
  const former = bench.service.link;
  former.send('1');
  await settled();
  assert.equal(bench.messages.length, 0);
  former.answer(former.asked[1] ?? former.asked[0]!, '100');
  await bound;
  await bench.service.until(() => bench.service.links.length === 2);
  assert.deepEqual(former.acknowledged, []);
  await bench.state('connected');
  bench.service.link.send('2');
  await bench.service.until(() => bench.messages.length === 1);
  assert.equal(bench.messages[0]?.k, '2');
});

test('where another user is refused the former one stays', async () => {
  const bench = await new Bench().connected();
  await bench.client.bind('ann');
  bench.service.answer = () => '3028';
  await assert.rejects(bench.client.bind('bob'), RefusedError);
  bench.service.answer = () => '100';
  bench.service.link.send('1');
  await bench.service.until(() => bench.messages.length === 1);
  await bench.client.unbind();
  assert.deepEqual(bench.service.link.asked.at(-1)?.payload, { userId: 'ann' });
});

test('another Ad-token is told of the user and the vendor token again', async () => {
  const bench = await new Bench().connected();
  await bench.client.bind('ann');
  await bench.client.reportVendorToken(4, 'vendor-token');
  bench.service.connacks = [{ reasonCode: 0x86 }];
  bench.service.link.end();
  await bench.waitOut();
  await bench.service.until(() => bench.service.links.length === 3 && bench.service.link.asked.length === 2);
  assert.equal(bench.client.token, 'token-2');
  assert.deepEqual(
    bench.service.link.asked.map((one) => [one.topic, one.payload]),
    [['mps/bind', { userId: 'ann' }], ['mps/report', { thirdChannel: 4, thirdChannelDeviceToken: 'vendor-token' }]],
  );
});

test('a vendor token is withdrawn, and asked again where the service was away', async () => {
  const bench = await new Bench().connected();
  let answers = 0;
  bench.service.answer = () => (answers++ ? '100' : '9000');
  const withdrawn = bench.client.withdrawVendorToken();
  await settled();
  bench.clock.advance(1_000);
  await withdrawn;
  assert.deepEqual(bench.service.link.asked.map((one) => one.payload), [{ thirdChannel: 0 }, { thirdChannel: 0 }]);
});

test('events wait in the store, 10,000 at most, and go in lists of 100', async () => {
  const bench = new Bench();
  bench.service.connacks = [undefined];
  await bench.client.start({ consent: true });
  await bench.service.until(() => bench.service.links.length === 1);
  await Promise.all(Array.from({ length: 10_001 }, (_, number) => bench.client.opened(String(number + 1))));
  await bench.client.opened('10001');
  assert.equal(bench.client.outboxSize, 10_000);
  await bench.client.stop();
  const again = await new Bench(bench.store).connected();
  await again.service.until(() => again.service.link.asked.length === 100);
  await settled();
  assert.equal(again.client.outboxSize, 0);
  assert.equal(events(again.service.link.asked[0]?.payload)[0]?.k, '2');
  assert.ok(again.service.link.asked.every((one) => events(one.payload).length === 100));
  assert.deepEqual([...again.store.content.keys()], ['device']);
});

test('a list that is refused goes one by one, and the faulty entry is dropped', async () => {
  const bench = new Bench();
  bench.service.connacks = [undefined];
  await bench.client.start({ consent: true });
  await bench.service.until(() => bench.service.links.length === 1);
  await Promise.all(['1', '2', '3'].map((k) => bench.client.ignored(k)));
  bench.service.answer = ({ payload }) => (events(payload).some((one) => one.k === '2') ? '3028' : '100');
  bench.clock.advance(75_000);
  await bench.waitOut();
  await bench.service.until(() => bench.service.link.asked.length === 4);
  await settled();
  assert.equal(bench.client.outboxSize, 0);
  assert.deepEqual(bench.service.link.asked.map((one) => events(one.payload).map(({ k }) => k)), [['1', '2', '3'], ['1'], ['2'], ['3']]);
});

test('a request without an answer is asked again on another connection', async () => {
  const bench = await new Bench().connected();
  bench.service.answer = () => undefined;
  const bound = bench.client.bind('ann');
  await bench.service.until(() => bench.service.link.asked.length === 1);
  bench.service.answer = () => '100';
  bench.clock.advance(30_000);
  await bench.waitOut();
  await bound;
  assert.equal(bench.service.links.length, 2);
});

test('an answer that the device is unknown makes it register again', async () => {
  const bench = await new Bench().connected();
  bench.service.answer = () => (bench.service.links.length === 1 ? '3054' : '100');
  await bench.client.bind('ann');
  assert.equal(bench.service.link.request.userProperties['deviceSecret'], 'secret-1');
});

test('an unregistered device leaves nothing behind, and its end is no reason to come again', async () => {
  const bench = await new Bench().connected();
  await bench.client.bind('ann');
  bench.service.link.send('1');
  await bench.service.until(() => bench.service.link.acknowledged.length === 1);
  await bench.client.unregister();
  assert.equal(bench.client.state.state, 'stopped');
  assert.equal(bench.store.content.size, 0);
  assert.equal(bench.client.token, null);
});

test('a device that cannot reach the service stays registered', async () => {
  const bench = await new Bench().connected();
  bench.service.link.end();
  await bench.state('waiting');
  await assert.rejects(bench.client.unregister());
  assert.equal(bench.client.token, 'token-1');
  await bench.waitOut();
  await bench.state('connected');
});

test('the diagnostics hold neither secrets nor contents, and are bounded', async () => {
  const bench = await new Bench(new MemoryStore(), {
    onMessage: () => {
      throw new Error(`${CONFIG.clientKey} secret-1 vendor-token proof-of-ann`);
    },
  }).connected();
  await bench.client.reportVendorToken(4, 'vendor-token');
  await bench.client.bind('ann', () => 'proof-of-ann');
  for (let number = 1; number <= 600; number += 1) {
    bench.service.link.send(String(number), { title: 'private' });
  }
  await settled();
  const lines = bench.client.diagnostics();
  assert.ok(lines.length <= 501);
  assert.doesNotMatch(lines.join('\n'), /client-key-1234|secret-1|vendor-token|proof-of-ann|private/);
});
