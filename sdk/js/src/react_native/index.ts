/** The device client for React Native: the app hands over its store and the vendor's token. */
import { PushClient as CoreClient, type ClientOptions } from '../core/client.js';
import type { Store } from '../core/ports.js';
import { mqttTransport } from '../mqtt/transport.js';

export * from '../core/index.js';

/** The token of the phone's vendor, as its native SDK gives it. */
export interface NativeToken {
  /** The vendor's number, such as 2 for APNs and 6 for FCM. */
  channel: number;
  token: string;
}

/** What an app hands to its client. */
export interface NativeOptions extends ClientOptions {
  /** Where there is one at start; later ones go to `reportVendorToken`. */
  nativeToken?: NativeToken;
}

/** A device of the message push service; its endpoint is `ws:` or `wss:`. */
export class PushClient extends CoreClient {
  constructor(private readonly native: NativeOptions) {
    super({ transport: mqttTransport, ...native });
  }

  override async start(options: { consent: boolean }): Promise<void> {
    await super.start(options);
    if (this.native.nativeToken) {
      const { channel, token } = this.native.nativeToken;
      // A refusal is in the diagnostics; the device works without a vendor.
      this.reportVendorToken(channel, token).catch(() => undefined);
    }
  }
}

/** The part of AsyncStorage that a store needs. */
export interface AsyncStorage {
  getAllKeys(): Promise<readonly string[]>;
  multiGet(names: readonly string[]): Promise<readonly (readonly [string, string | null])[]>;
  multiSet(pairs: [string, string][]): Promise<unknown>;
  multiRemove(names: string[]): Promise<unknown>;
}

/** The platform's safe place, such as the Keychain or Keystore, for the record with the device's secret. */
export interface SecretStorage {
  get(): Promise<string | null>;
  set(text: string): Promise<unknown>;
  remove(): Promise<unknown>;
}

const PREFIX = 'mps-device/';
const SECRET = 'device';

/** A store on AsyncStorage, with the device's secret in the platform's safe place. */
export class NativeStore implements Store {
  constructor(
    private readonly storage: AsyncStorage,
    private readonly secret: SecretStorage,
  ) {}

  async load(): Promise<Map<string, string>> {
    const names = (await this.storage.getAllKeys()).filter((name) => name.startsWith(PREFIX));
    const pairs = (await this.storage.multiGet(names)).filter((pair): pair is [string, string] => pair[1] !== null);
    const content = new Map(pairs.map(([name, text]) => [name.slice(PREFIX.length), text]));
    const secret = await this.secret.get();
    if (secret === null) {
      content.clear(); // the state of a device whose secret is gone is of no use
    } else {
      content.set(SECRET, secret);
    }
    return content;
  }

  async write(changes: ReadonlyMap<string, string | null>): Promise<void> {
    const secret = changes.get(SECRET);
    if (secret) {
      await this.secret.set(secret);
    } else if (secret === null) {
      await this.secret.remove();
    }
    const others = [...changes].filter(([name]) => name !== SECRET);
    const kept = others.filter((pair): pair is [string, string] => pair[1] !== null);
    if (kept.length) {
      await this.storage.multiSet(kept.map(([name, text]) => [PREFIX + name, text]));
    }
    const removed = others.filter(([, text]) => text === null);
    if (removed.length) {
      await this.storage.multiRemove(removed.map(([name]) => PREFIX + name));
    }
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
