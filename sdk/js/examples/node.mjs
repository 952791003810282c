// Usage: node node.mjs mps-device.json [user ID]
import { FileStore, PushClient, loadConfig } from '@mps/device';

const [path = 'mps-device.json', userId] = process.argv.slice(2);

const client = new PushClient({
  config: loadConfig(path),
  store: new FileStore('device'),
  onState: (state) => console.log('state:', state.state, state.reason ?? ''),
  onRevoked: (k) => console.log('revoked:', k),
  async onMessage({ k, data }) {
    console.log('message:', data.title, data.content, data.params);
    await client.opened(k);
  },
});

await client.start({ consent: true });
if (userId) {
  await client.bind(userId);
  console.log('bound to', userId);
}
process.once('SIGINT', () => client.stop());
