import assert from 'node:assert/strict';
import test from 'node:test';
import { MemoryStore } from '../src/core/index.js';
import { Bench, settled } from './fake_service.js';

test('a message is acknowledged after its handler has returned and it is stored', async () => {
  let finish = (): void => undefined;
  const held = new Promise<void>((resolve) => (finish = resolve));
  const bench = await new Bench(new MemoryStore(), { onMessage: () => held }).connected();
  bench.service.link.send('1');
  await settled();
  assert.deepEqual(bench.service.link.acknowledged, []);
  assert.equal(bench.store.content.has('seen/1'), false);
  const write = bench.store.write.bind(bench.store);
  let acknowledgedBefore = -1;
  bench.store.write = (changes) => {
    acknowledgedBefore = bench.service.link.acknowledged.length;
    return write(changes);
  };
  finish();
  await bench.service.until(() => bench.service.link.acknowledged.length === 1);
  assert.equal(acknowledgedBefore, 0);
  assert.ok(bench.store.content.has('seen/1'));
});

test('a message whose handler failed is not acknowledged, and is handed over again', async () => {
  let attempts = 0;
  const bench = await new Bench(new MemoryStore(), {
    onMessage: () => {
      attempts += 1;
      if (attempts === 1) {
        throw new Error('not now');
      }
    },
  }).connected();
  bench.service.link.send('1');
  await settled();
  assert.equal(attempts, 1);
  assert.equal(bench.service.link.acknowledged.length, 0);
  assert.equal(bench.store.content.has('seen/1'), false);
  bench.clock.advance(1_000);
  await bench.service.until(() => bench.service.link.acknowledged.length === 1);
  assert.equal(attempts, 2);
  assert.equal(bench.service.link.acknowledged.at(0)?.refused, false);
});

test('a message whose handler fails again and again is left to the next connection, and delays no other', async () => {
  const bench = await new Bench(new MemoryStore(), {
    onMessage: ({ k }) => {
      if (k === '1') {
        throw new Error('never');
      }
    },
  }).connected();
  bench.service.link.send('1');
  bench.service.link.send('2');
  await bench.service.until(() => bench.service.link.acknowledged.length === 1);
  assert.deepEqual(bench.service.link.acknowledged, [{ packetId: 2, refused: false }]);
  for (let attempt = 0; attempt < 4; attempt += 1) {
    bench.clock.advance(10_000);
    await settled();
  }
  assert.deepEqual(bench.service.link.acknowledged[1], { packetId: 1, refused: true });
});

test('a repeat is acknowledged and not handed over, also after a restart', async () => {
  const bench = await new Bench().connected();
  bench.service.link.send('1');
  bench.service.link.send('1');
  await bench.service.until(() => bench.service.link.acknowledged.length === 2);
  assert.equal(bench.messages.length, 1);
  await bench.client.stop();
  const again = await new Bench(bench.store).connected();
  again.service.link.send('1');
  await again.service.until(() => again.service.link.acknowledged.length === 1);
  assert.equal(again.messages.length, 0);
});

test('a message is remembered for its validity and a day, at least the latest 1,000, at most 10,000', async () => {
  const bench = await new Bench().connected();
  for (let number = 1; number <= 1_000; number += 1) {
    bench.service.link.send(String(number));
  }
  await bench.service.until(() => bench.service.link.acknowledged.length === 1_000);
  bench.clock.advance(60_000 + 86_400_000);
  const kept = (): number => [...bench.store.content.keys()].filter((name) => name.startsWith('seen/')).length;
  assert.equal(kept(), 1_000);
  bench.service.link.send('5000');
  await bench.service.until(() => bench.service.link.acknowledged.length === 1_001);
  assert.equal(kept(), 1_000);
  for (let number = 10_001; number <= 20_000; number += 1) {
    bench.service.link.send(String(number));
  }
  await bench.service.until(() => bench.service.link.acknowledged.length === 11_001);
  assert.equal(kept(), 10_000);
});

test('what a vendor and the connection bring is handed over once, whichever comes first', async () => {
  const bench = await new Bench().connected();
  assert.equal(await bench.client.vendorMessage({ k: '70', taskId: '70' }), true);
  assert.equal(await bench.client.vendorMessage({ k: '70', taskId: '70' }), false);
  bench.service.link.send('7'); // of task 70
  bench.service.link.send('8');
  await bench.service.until(() => bench.service.link.acknowledged.length === 2);
  assert.deepEqual(bench.messages.map((message) => message.k), ['8']);
  assert.equal(await bench.client.vendorMessage({ k: '80', taskId: '80' }), false);
  assert.equal(await bench.client.vendorMessage({ k: '8', taskId: '80' }), false);
  assert.equal(await bench.client.vendorMessage({ custom: 'data' }), true);
  assert.deepEqual(bench.service.link.asked.at(-1)?.payload, [{ k: '70', event: 'arrived', at: bench.clock.now() }]);
});

test('a revoked message that was shown is taken back, and one that waits or comes later is not shown', async () => {
  let finish = (): void => undefined;
  const held = new Promise<void>((resolve) => (finish = resolve));
  const shown: string[] = [];
  const bench = await new Bench(new MemoryStore(), {
    onMessage: async ({ k }) => {
      shown.push(k);
      await held;
    },
  }).connected();
  const { link } = bench.service;
  link.send('1');
  link.send('2');
  link.send('11', { pushType: 'revoke', revokes: '1' });
  link.send('12', { pushType: 'revoke', revokes: '2' });
  link.send('13', { pushType: 'revoke', revokes: '3' });
  await settled();
  finish();
  link.send('3');
  await bench.service.until(() => link.acknowledged.length === 6);
  assert.deepEqual(shown, ['1']);
  assert.deepEqual(bench.revoked, ['1', '2', '3']);
});

test('a message that expired while it waited is acknowledged and not shown', async () => {
  let finish = (): void => undefined;
  const held = new Promise<void>((resolve) => (finish = resolve));
  const shown: string[] = [];
  const bench = await new Bench(new MemoryStore(), {
    onMessage: async ({ k }) => {
      shown.push(k);
      await held;
    },
  }).connected();
  bench.service.link.send('1');
  const payload = JSON.stringify({ k: '2', bData: {} });
  bench.service.link.listener.onPublish({ topic: 'mps/inbox', payload, packetId: 2, duplicate: false, secondsLeft: 30 });
  bench.clock.advance(30_000);
  finish();
  await bench.service.until(() => bench.service.link.acknowledged.length === 2);
  assert.deepEqual(shown, ['1']);
});

test('what cannot be read is acknowledged, or it would come for ever', async () => {
  const bench = await new Bench().connected();
  for (const payload of ['no JSON', 'null', '{"k": {}}', '{"k": "1"}']) {
    bench.service.link.listener.onPublish({ topic: 'mps/inbox', payload, packetId: 9, duplicate: false });
  }
  assert.equal(bench.service.link.acknowledged.length, 4);
});
