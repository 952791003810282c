// What the agents of the TypeScript SDK do with the suite's commands, in Node and in Chromium (sdk/conformance/README.md).

/**
 * Make an agent.
 *
 * @param sdk The SDK's module.
 * @param openStore Returns the store at a path.
 * @param write Takes answers and events.
 * @returns A function that carries a command out and answers it.
 */
export function makeAgent({ ManualClock, PushClient }, openStore, write) {
  let client;
  let clock;
  let mode = 'accept';
  let release = () => undefined;
  let released = Promise.resolve();
  let written = Promise.resolve();

  /** Open a store, and note when its latest write is kept. */
  function watched(path) {
    const store = openStore(path);
    const keep = store.write.bind(store);
    store.write = (changes) => (written = keep(changes));
    return store;
  }

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
        store: watched(store),
        ...(clock ? { clock } : {}),
        logger: { info: (text) => console.error(text), warn: (text) => console.error(text) },
        onMessage,
        onRevoked: (k) => write({ event: 'revoked', k }),
        onNotificationOpened: (k) => write({ event: 'opened', k }),
        onState: (state) => write({ event: 'state', ...state }),
      });
    },
    start: ({ consent = true }) => client.start({ consent }),
    stop: () => client.stop(),
    async token() {
      // What was asked before is in the store when this is answered.
      await new Promise((resolve) => setTimeout(resolve));
      await written.catch(() => undefined);
      return client.token;
    },
    bind: ({ userId, proof }) => client.bind(userId, proof === undefined || proof === null ? undefined : () => proof),
    unbind: () => client.unbind(),
    report: ({ channel, token }) => client.reportVendorToken(channel, token),
    withdraw: () => client.withdrawVendorToken(),
    vendor: ({ data }) => client.vendorMessage(data),
    opened: ({ k }) => client.opened(k),
    ignored: ({ k }) => client.ignored(k),
    async readInbox({ before, limit }) {
      const { messages, next, unread } = await client.readInbox({ before, limit });
      return { messages: messages.map(({ k, msgKey, read }) => ({ k, msgKey, read })), next, unread };
    },
    countUnread: () => client.countUnread(),
    markRead: ({ ks }) => client.markRead(...ks),
    markAllRead: () => client.markAllRead(),
    deleteFromInbox: ({ ks }) => client.deleteFromInbox(...ks),
    addTags: ({ names }) => client.addTags(...names),
    removeTags: ({ names }) => client.removeTags(...names),
    subscribe: ({ names }) => client.subscribe(...names),
    unsubscribe: ({ names }) => client.unsubscribe(...names),
    setAttributes: ({ values }) => client.setAttributes(values),
    unsetAttributes: ({ names }) => client.unsetAttributes(...names),
    setMarketingConsent: ({ consent }) => client.setMarketingConsent(consent),
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
    exit: () => client?.stop(),
  };

  return async function answer(line) {
    try {
      write({ id: line.id, ok: true, result: (await commands[line.do](line)) ?? null });
    } catch (error) {
      write({ id: line.id, ok: false, error: `${error.name}: ${error.message}` });
    }
  };
}
