import assert from 'node:assert/strict';
import test from 'node:test';
import { ConsentError } from '../src/core/index.js';
import { PushClient } from '../src/react_native/index.js';
import { CONFIG, FakeService } from './fake_service.js';
import { nativeStore } from './native_store.js';

const FCM = 6;
const REPORTED = { thirdChannel: FCM, thirdChannelDeviceToken: 'native-token' };

/** A client as an app makes it, on a service in memory. */
function nativeClient(service: FakeService, store = nativeStore()): PushClient {
  const nativeToken = { channel: FCM, token: 'native-token' };
  const options = { config: CONFIG, store, transport: service, nativeToken, onMessage: () => undefined };
  return new PushClient(options);
}

function reports(service: FakeService): unknown[] {
  return service.links.flatMap(({ asked }) => asked.filter(({ topic }) => topic === 'mps/report')).map(({ payload }) => payload);
}

test("a React Native app's start registers, reports the native token, and is the same device after a restart", async () => {
  const [service, store] = [new FakeService(), nativeStore()];
  const first = nativeClient(service, store);
  await first.start({ consent: true });
  await service.until(() => reports(service).length === 1);
  assert.deepEqual(reports(service), [REPORTED]);
  await service.until(() => first.token === 'token-1');
  await first.stop();

  const again = nativeClient(service, store);
  await again.start({ consent: true });
  await service.until(() => again.state.state === 'connected');
  assert.equal(service.link.request.clientId, 'token-1');
  await again.stop();
});

test('a native token that the service refuses does not fail the start', async () => {
  const service = new FakeService();
  service.answer = ({ topic }) => (topic === 'mps/report' ? '3028' : '100');
  const client = nativeClient(service);
  await client.start({ consent: true });
  await service.until(() => client.diagnostics().some((line) => line.includes('said the service')));
  assert.deepEqual([reports(service), client.state.state], [[REPORTED], 'connected']);
  await client.stop();
});

test('without consent the native token is not reported', async () => {
  const service = new FakeService();
  await assert.rejects(nativeClient(service).start({ consent: false }), ConsentError);
  assert.equal(service.links.length, 0);
});
