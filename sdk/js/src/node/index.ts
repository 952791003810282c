/** The device client for Node. */
import { arch, release, type } from 'node:os';
import { readFileSync } from 'node:fs';
import { PushClient as CoreClient, type ClientOptions } from '../core/client.js';
import { checkConfig, type Config } from '../core/config.js';
import { mqttTransport } from '../mqtt/transport.js';

export * from '../core/index.js';
export { FileStore } from './file_store.js';

/** A device of the message push service, connected over TCP or WebSocket. */
export class PushClient extends CoreClient {
  constructor(options: ClientOptions) {
    super({
      transport: mqttTransport,
      ...options,
      description: { manufacturer: type(), model: arch(), osVersion: release(), ...options.description },
    });
  }
}

/**
 * Read `mps-device.json`.
 *
 * @throws TypeError Naming what is wrong with it.
 */
export function loadConfig(path: string): Config {
  return checkConfig(JSON.parse(readFileSync(path, 'utf8')));
}
