import type { Config } from './config.js';
import type { Identity } from './device_state.js';
import type { Answer } from './requests.js';

const GONE = 401;

/**
 * End the device over HTTP, where there is no connection.
 *
 * @throws Error if the service cannot be reached, or does not answer as such.
 */
export async function unregisterOverHttp(config: Config, identity: Identity): Promise<Answer> {
  const answer = await fetch(`${config.httpEndpoint.replace(/\/$/, '')}/device/v1/unregister`, {
    method: 'POST',
    headers: {
      authorization: `Basic ${btoa(`${identity.adToken}:${identity.secret}`)}`,
      'content-type': 'application/json',
    },
    body: '{}',
  });
  if (answer.status === GONE) {
    return { success: true, code: '100', name: 'SUCCESS', message: 'the device has ended before' };
  }
  if (!answer.ok) {
    throw new Error(`the service answered with status ${answer.status}`);
  }
  return (await answer.json()) as Answer;
}
