import { Outbox } from './outbox.js';
import type { Store } from './ports.js';
import { randomHex } from './random.js';
import { Seen } from './seen.js';
import { StoreWriter } from './store_writer.js';

/** What a device connects with. */
export interface Identity {
  adToken: string;
  secret: string;
}

/** The record of the device itself. */
interface DeviceRecord {
  /** `{appId}-{workspaceId}`: a store belongs to one workspace. */
  username: string;
  installationId: string;
  registrationNonce?: string;
  adToken?: string;
  secret?: string;
}

/** A wish of the app that the service has answered, or has to. */
export interface WishRecord<T> {
  value: T;
  answered: boolean;
}

/** The user that the device is to be bound to; none to unbind `former`. */
export interface Binding {
  userId: string | null;
  /** The user whom it was bound to before, while the change is not answered. */
  former?: string;
  needsProof?: boolean;
}

/** The vendor's token to report; channel 0 withdraws it. */
export interface VendorToken {
  channel: number;
  token: string;
}

/** The names of the wishes in the store. */
export interface Wishes {
  binding: Binding;
  vendorToken: VendorToken;
}

const DEVICE = 'device';

/** The user properties that prove which installation registers. */
export interface RegistrationProof extends Record<string, string> {
  installationId: string;
  registrationNonce: string;
}

/** All that a device keeps, in memory and in its store. */
export class DeviceState {
  readonly outbox: Outbox;
  readonly seen: Seen;
  private record: DeviceRecord;
  private readonly wishes: { [Name in keyof Wishes]?: WishRecord<Wishes[Name]> } = {};

  private constructor(
    private readonly writer: StoreWriter,
    kept: Map<string, string>,
    username: string,
  ) {
    this.outbox = new Outbox(writer, kept);
    this.seen = new Seen(writer, kept);
    this.record = parse<DeviceRecord>(kept.get(DEVICE)) ?? { username, installationId: randomHex(16) };
    for (const name of ['binding', 'vendorToken'] as const) {
      const record = parse<WishRecord<never>>(kept.get(name));
      if (record) {
        this.wishes[name] = record;
      }
    }
  }

  /** Read a device's state; that of another workspace is dropped. */
  static async load(store: Store, username: string): Promise<DeviceState> {
    const kept = await store.load();
    const writer = new StoreWriter(store);
    const former = parse<DeviceRecord>(kept.get(DEVICE));
    if (former && former.username !== username) {
      await writer.write([...kept.keys()].map((name) => [name, null]));
      kept.clear();
    }
    return new DeviceState(writer, kept, username);
  }

  /** What to connect with; undefined for a device that has to register. */
  get identity(): Identity | undefined {
    const { adToken, secret } = this.record;
    return adToken && secret ? { adToken, secret } : undefined;
  }

  /** Return what proves this installation; its nonce is in the store, and is the same until `keepIdentity`. */
  async proofOfRegistration(): Promise<RegistrationProof> {
    if (!this.record.registrationNonce) {
      await this.saveRecord({ ...this.record, registrationNonce: randomHex(24) });
    }
    const { installationId, registrationNonce = '', secret } = this.record;
    return { installationId, registrationNonce, ...(secret ? { deviceSecret: secret } : {}) };
  }

  /** Keep what a registration brought. Another Ad-token is another device: its user and token are to be told again. */
  async keepIdentity(identity: Identity): Promise<void> {
    const { registrationNonce: _, ...record } = this.record;
    const changes: [string, string | null][] = [];
    if (record.adToken && record.adToken !== identity.adToken) {
      changes.push(...this.seen.forgotten(), ...this.unanswered());
    }
    await this.saveRecord({ ...record, ...identity }, changes);
  }

  /** Forget the proof of a registration that was given up: the known device has connected. */
  async registrationIsOver(): Promise<void> {
    if (this.record.registrationNonce) {
      const { registrationNonce: _, ...record } = this.record;
      await this.saveRecord(record);
    }
  }

  /** Forget a device that was removed: the next connection registers a new one. */
  async forgetIdentity(): Promise<void> {
    const { adToken: _, secret: __, ...record } = this.record;
    delete this.wishes.binding;
    await this.saveRecord(record, [['binding', null], ...this.seen.forgotten(), ...this.unanswered()]);
  }

  /** Empty the store. */
  async clear(): Promise<void> {
    const names = [DEVICE, 'binding', 'vendorToken'].map((name): [string, null] => [name, null]);
    this.record = { username: this.record.username, installationId: randomHex(16) };
    delete this.wishes.binding;
    delete this.wishes.vendorToken;
    await this.writer.write([...names, ...this.seen.forgotten(), ...this.outbox.emptied()]);
  }

  /** Return a wish of the app. */
  wish<Name extends keyof Wishes>(name: Name): WishRecord<Wishes[Name]> | undefined {
    return this.wishes[name];
  }

  /** Keep a wish, or drop it. */
  async saveWish<Name extends keyof Wishes>(name: Name, record: WishRecord<Wishes[Name]> | undefined): Promise<void> {
    if (record) {
      Object.assign(this.wishes, { [name]: record });
    } else {
      delete this.wishes[name];
    }
    await this.writer.write([[name, record ? JSON.stringify(record) : null]]);
  }

  private unanswered(): [string, string][] {
    const changes: [string, string][] = [];
    for (const name of ['binding', 'vendorToken'] as const) {
      const wish = this.wishes[name];
      if (wish) {
        wish.answered = false;
        changes.push([name, JSON.stringify(wish)]);
      }
    }
    return changes;
  }

  private async saveRecord(record: DeviceRecord, changes: [string, string | null][] = []): Promise<void> {
    this.record = record;
    await this.writer.write([[DEVICE, JSON.stringify(record)], ...changes]);
  }
}

/** Return a store's initial content for a device that was registered elsewhere, such as by a backend. */
export function contentFor(username: string, identity: Identity): Map<string, string> {
  return new Map([[DEVICE, JSON.stringify({ username, installationId: randomHex(16), ...identity })]]);
}

function parse<T>(text: string | undefined): T | undefined {
  return text === undefined ? undefined : (JSON.parse(text) as T);
}
