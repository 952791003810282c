// The agent of the TypeScript SDK: JSON lines on standard input and output (sdk/conformance/README.md).
import { createInterface } from 'node:readline';
import { FileStore, ManualClock, PushClient } from '../../js/dist/node/index.js';

const write = (values) => process.stdout.write(`${JSON.stringify(values)}\n`);

let client;
let clock;
let mode = 'accept';
let release = () => undefined;
let released = Promise.resolve();

async function onMessage({ k, data, repeat }) {
  write({ event: 'message', k, bData: data, repeat });
  if (mode === 'fail') {
    throw new Error('the scenario wants the handler to fail');
  }
  if (mode === 'hold') {
    await released;
  }
}

const commands = {
  configure({ config, store, clock: kind, now }) {
    clock = kind === 'manual' ? new ManualClock(now === undefined ? Date.now() : now * 1000) : undefined;
    client = new PushClient({
      config,
      store: new FileStore(store),
      ...(clock ? { clock } : {}),
      logger: { info: console.error, warn: console.error },
      onMessage,
      onRevoked: (k) => write({ event: 'revoked', k }),
      onNotificationOpened: (k) => write({ event: 'opened', k }),
      onState: (state) => write({ event: 'state', ...state }),
    });
  },
  start: ({ consent = true }) => client.start({ consent }),
  stop: () => client.stop(),
  token: () => client.token,
  bind: ({ userId, proof }) => client.bind(userId, proof === undefined || proof === null ? undefined : () => proof),
  unbind: () => client.unbind(),
  report: ({ channel, token }) => client.reportVendorToken(channel, token),
  withdraw: () => client.withdrawVendorToken(),
  vendor: ({ data }) => client.vendorMessage(data),
  opened: ({ k }) => client.opened(k),
  ignored: ({ k }) => client.ignored(k),
  unregister: () => client.unregister(),
  handler({ mode: wanted }) {
    mode = wanted;
    released = new Promise((resolve) => (release = resolve));
  },
  release() {
    mode = 'accept';
    release();
  },
  advance: ({ seconds }) => clock.advance(Math.round(seconds * 1000)),
  diagnostics: () => client.diagnostics(),
  outbox: () => client.outboxSize,
  async exit() {
    await client?.stop();
  },
};

async function answer(line) {
  try {
    write({ id: line.id, ok: true, result: (await commands[line.do](line)) ?? null });
  } catch (error) {
    write({ id: line.id, ok: false, error: `${error.name}: ${error.message}` });
  }
  if (line.do === 'exit') {
    process.exit();
  }
}

write({ event: 'ready' });
for await (const text of createInterface({ input: process.stdin })) {
  void answer(JSON.parse(text)); // a request that waits for a connection delays no other
}
process.exit();
