import type { ProofProvider } from './binding.js';
import { DeviceCalls } from './calls.js';
import { PushClient, type CoreOptions, type DeviceClient, type VendorData } from './client.js';
import { ConsentError, NotRunningError, RefusedError } from './errors.js';
import type { Message } from './messages.js';
import type { Channel, Leader } from './ports.js';
import { randomHex } from './random.js';
import type { State } from './state.js';

/** The options of clients of which one connects for all. */
export interface SharedOptions extends CoreOptions {
  leader: Leader;
  channel: Channel;
}

/** Calls that a client which does not lead passes on. */
type Method = 'bind' | 'unbind' | 'reportVendorToken' | 'withdrawVendorToken' | 'vendorMessage' | 'opened' | 'ignored' | 'unregister' | 'again' | 'request';

type Note =
  | { type: 'hello' }
  | { type: 'leading' }
  | { type: 'state'; state: State; token: string | null }
  | { type: 'message'; message: Message }
  | { type: 'revoked'; k: string }
  | { type: 'call'; from: string; id: number; method: Method; args: unknown[]; hasProvider: boolean }
  | { type: 'answer'; to: string; id: number; result?: unknown; error?: { name: string; message: string; code?: string } }
  | { type: 'prove'; to: string; id: number; userId: string; adToken: string }
  | { type: 'proof'; from: string; id: number; proof?: string; error?: string };

interface Pending {
  method: Method;
  args: unknown[];
  provider: ProofProvider | undefined;
  resolve(result: unknown): void;
  reject(error: Error): void;
}

/**
 * One of several clients on one store, such as a browser's tabs: one of them leads and connects, the others ask it and get
 * what it gets. When it ends, another one leads.
 *
 * The leader's handler decides whether a message is acknowledged; the handlers of the others get it too.
 */
export class SharedClient extends DeviceCalls implements DeviceClient {
  private readonly name = randomHex(8);
  private readonly pending = new Map<number, Pending>();
  private readonly proofs = new Map<string, (note: Note & { type: 'proof' }) => void>();
  private number = 0;
  private leading: PushClient | undefined;
  private stopping: AbortController | undefined;
  private known: { state: State; token: string | null } = { state: { state: 'stopped' }, token: null };
  private ended: Promise<void> = Promise.resolve();

  constructor(private readonly options: SharedOptions) {
    super();
    options.channel.listen((note) => this.receive(note as Note));
  }

  get token(): string | null {
    return this.leading?.token ?? this.known.token;
  }

  get state(): State {
    return this.leading?.state ?? this.known.state;
  }

  /** How many reports of events wait to be sent, where this client leads. */
  get outboxSize(): number {
    return this.leading?.outboxSize ?? 0;
  }

  /** Whether this client is the one that connects. */
  get isLeading(): boolean {
    return this.leading !== undefined;
  }

  /**
   * Take part: lead, or follow the one that leads. If it was refused, replaced or unregistered, it connects again.
   *
   * @throws ConsentError
   */
  async start({ consent }: { consent: boolean }): Promise<void> {
    if (consent !== true) {
      throw new ConsentError("the client starts only with the user's consent");
    }
    if (this.stopping) {
      if (['refused', 'replaced', 'stopped'].includes(this.state.state)) {
        await this.call('again', []);
      }
      return;
    }
    const stopping = (this.stopping = new AbortController());
    this.options.channel.post({ type: 'hello' } satisfies Note);
    this.ended = this.takePart(stopping.signal);
  }

  /** Take part no more; another client leads, if there is one. */
  async stop(): Promise<void> {
    this.stopping?.abort();
    this.stopping = undefined;
    await this.ended;
    this.tell({ state: 'stopped' }, this.known.token);
    const pending = [...this.pending.values()];
    this.pending.clear();
    pending.forEach((one) => one.reject(new NotRunningError('the client was stopped')));
  }

  async bind(userId: string, proofProvider?: ProofProvider): Promise<void> {
    await this.call('bind', [userId], proofProvider ?? this.options.proofProvider);
  }

  async unbind(userId?: string): Promise<void> {
    await this.call('unbind', [userId]);
  }

  async reportVendorToken(channel: number, token: string): Promise<void> {
    await this.call('reportVendorToken', [channel, token]);
  }

  async withdrawVendorToken(): Promise<void> {
    await this.call('withdrawVendorToken', []);
  }

  async vendorMessage(data: VendorData): Promise<boolean> {
    return (await this.call('vendorMessage', [data])) as boolean;
  }

  async opened(k: string): Promise<void> {
    await this.call('opened', [k]);
    if (!this.leading) {
      this.options.onNotificationOpened?.(k);
    }
  }

  async ignored(k: string): Promise<void> {
    await this.call('ignored', [k]);
  }

  async request(topic: string, payload: object): Promise<unknown> {
    return this.call('request', [topic, payload]);
  }

  async unregister(): Promise<void> {
    await this.call('unregister', []);
  }

  networkUp(): void {
    this.leading?.networkUp();
  }

  diagnostics(): string[] {
    return this.leading?.diagnostics() ?? [`follows another client, which is ${this.known.state.state}`];
  }

  // -- leading ------------------------------------------------------------------------------------------------------

  private async takePart(signal: AbortSignal): Promise<void> {
    let release: () => void;
    try {
      release = await this.options.leader.lead(signal);
    } catch {
      return; // stopped before it led
    }
    try {
      await this.lead(signal);
    } catch (error) {
      this.options.logger?.warn(`the client cannot lead: ${String(error)}`);
    } finally {
      this.leading = undefined;
      release();
    }
  }

  private async lead(signal: AbortSignal): Promise<void> {
    const { channel, onMessage, onRevoked, onState } = this.options;
    const client = new PushClient({
      ...this.options,
      onMessage: async (message) => {
        await onMessage(message);
        channel.post({ type: 'message', message } satisfies Note);
      },
      onRevoked: async (k) => {
        await onRevoked?.(k);
        channel.post({ type: 'revoked', k } satisfies Note);
      },
      onState: (state) => {
        this.announce(client);
        onState?.(state);
      },
    });
    await client.start({ consent: true });
    this.leading = client;
    channel.post({ type: 'leading' } satisfies Note);
    this.announce(client);
    for (const [id, one] of this.pending) {
      this.pending.delete(id);
      perform(client, one.method, one.args, one.provider).then(one.resolve, one.reject);
    }
    await new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => resolve());
      if (signal.aborted) {
        resolve();
      }
    });
    await client.stop();
  }

  private announce(client: PushClient): void {
    this.known = { state: client.state, token: client.token };
    this.options.channel.post({ type: 'state', ...this.known } satisfies Note);
  }

  private async serve({ from, id, method, args, hasProvider }: Note & { type: 'call' }): Promise<void> {
    const client = this.leading;
    if (!client) {
      return; // whoever leads next is asked again
    }
    const provider: ProofProvider | undefined = hasProvider ? (userId, adToken) => this.askForProof(from, id, userId, adToken) : undefined;
    let answer: Note;
    try {
      answer = { type: 'answer', to: from, id, result: await perform(client, method, args, provider) };
    } catch (error) {
      const { name, message, code } = error as RefusedError;
      answer = { type: 'answer', to: from, id, error: { name, message, ...(code ? { code } : {}) } };
    }
    this.options.channel.post(answer);
  }

  /** Ask the client that called `bind`, whose provider cannot leave it. */
  private askForProof(to: string, id: number, userId: string, adToken: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const key = `${to}/${id}`;
      this.proofs.set(key, ({ proof, error }) => {
        this.proofs.delete(key);
        if (proof === undefined) {
          reject(new Error(error));
        } else {
          resolve(proof);
        }
      });
      this.options.channel.post({ type: 'prove', to, id, userId, adToken } satisfies Note);
    });
  }

  // -- following ----------------------------------------------------------------------------------------------------

  private call(method: Method, args: unknown[], provider?: ProofProvider): Promise<unknown> {
    if (!this.stopping) {
      return Promise.reject(new NotRunningError('the client is not started'));
    }
    if (this.leading) {
      return perform(this.leading, method, args, provider);
    }
    const id = ++this.number;
    return new Promise((resolve, reject) => {
      this.pending.set(id, { method, args, provider, resolve, reject });
      this.pass(id);
    });
  }

  private pass(id: number): void {
    const one = this.pending.get(id);
    if (one) {
      const { method, args, provider } = one;
      this.options.channel.post({ type: 'call', from: this.name, id, method, args, hasProvider: provider !== undefined } satisfies Note);
    }
  }

  private receive(note: Note): void {
    if (!this.stopping) {
      return;
    }
    switch (note.type) {
      case 'hello':
        return this.leading && this.announce(this.leading);
      case 'leading':
        return [...this.pending.keys()].forEach((id) => this.pass(id));
      case 'state':
        return this.tell(note.state, note.token);
      case 'message':
        return void Promise.resolve(note.message).then(this.options.onMessage).catch(() => undefined);
      case 'revoked':
        return void Promise.resolve(note.k).then(this.options.onRevoked).catch(() => undefined);
      case 'call':
        return void this.serve(note);
      case 'answer':
        return note.to === this.name ? this.settle(note) : undefined;
      case 'prove':
        return note.to === this.name ? void this.prove(note) : undefined;
      case 'proof':
        return this.proofs.get(`${note.from}/${note.id}`)?.(note);
    }
  }

  private tell(state: State, token: string | null): void {
    this.known = { state, token };
    if (!this.leading) {
      this.options.onState?.(state);
    }
  }

  private settle({ id, result, error }: Note & { type: 'answer' }): void {
    const one = this.pending.get(id);
    this.pending.delete(id);
    if (error) {
      one?.reject(error.code ? new RefusedError(error.code, error.message) : Object.assign(new Error(error.message), { name: error.name }));
    } else {
      one?.resolve(result);
    }
  }

  private async prove({ id, userId, adToken }: Note & { type: 'prove' }): Promise<void> {
    let proof: { proof: string } | { error: string };
    try {
      const provider = this.pending.get(id)?.provider ?? this.options.proofProvider;
      proof = { proof: (await provider?.(userId, adToken)) ?? '' };
    } catch (error) {
      proof = { error: String(error) };
    }
    this.options.channel.post({ type: 'proof', from: this.name, id, ...proof } satisfies Note);
  }
}

async function perform(client: PushClient, method: Method, args: unknown[], provider: ProofProvider | undefined): Promise<unknown> {
  switch (method) {
    case 'again':
      return client.start({ consent: true });
    case 'bind':
      return client.bind(args[0] as string, provider);
    case 'unbind':
      return client.unbind(args[0] as string | undefined);
    case 'reportVendorToken':
      return client.reportVendorToken(args[0] as number, args[1] as string);
    case 'withdrawVendorToken':
      return client.withdrawVendorToken();
    case 'vendorMessage':
      return client.vendorMessage(args[0] as VendorData);
    case 'opened':
      return client.opened(args[0] as string);
    case 'ignored':
      return client.ignored(args[0] as string);
    case 'request':
      return client.request(args[0] as string, args[1] as object);
    case 'unregister':
      return client.unregister();
  }
}
