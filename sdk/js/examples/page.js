/* global MpsDevice */
const show = (id, text) => (document.getElementById(id).textContent = text);

async function main() {
  const client = new MpsDevice.PushClient({
    config: await (await fetch('mps-device.json')).json(),
    onState(state) {
      show('state', state.state);
      show('token', client.token ?? '-');
    },
    onMessage({ k, data }) {
      const item = document.createElement('li');
      item.dataset.k = k;
      item.textContent = `${data.title}: ${data.content}`;
      item.addEventListener('click', () => client.opened(k));
      document.getElementById('messages').append(item);
    },
    onRevoked: (k) => document.querySelector(`[data-k="${k}"]`)?.remove(),
  });
  // Web Push: browsers ask the user only after a click. On later visits call it again after start.
  const subscribe = document.getElementById('subscribe');
  subscribe.hidden = !client.webPush.isOffered;
  subscribe.addEventListener('click', async () => {
    try {
      await client.webPush.subscribe();
      show('subscribed', 'subscribed');
    } catch (error) {
      show('subscribed', error.message);
    }
  });
  // The click is the consent; ask yours in your own words.
  document.getElementById('start').addEventListener('click', () => client.start({ consent: true }));
}

main();
