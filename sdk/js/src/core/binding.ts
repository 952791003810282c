import type { Binding } from './device_state.js';
import type { Answer } from './requests.js';
import { Wish, type Asked, type WishPorts } from './wish.js';

/** Returns the bind token that the app's backend signs for this user on this device. */
export type ProofProvider = (userId: string, adToken: string) => Promise<string> | string;

const WRONG_PROOF = '-1';

/** The user of the device. */
export class UserBinding {
  private readonly wish: Wish<'binding'>;
  private provider: ProofProvider | undefined;

  /**
   * @param provider For bindings that are asked for again after a restart.
   * @param onSettled Called when a bind or unbind was answered, with whether the device had another user before.
   */
  constructor(
    private readonly ports: WishPorts,
    provider: ProofProvider | undefined,
    onSettled: (hasChanged: boolean) => void,
  ) {
    this.provider = provider;
    this.wish = new Wish('binding', ports, (binding) => this.ask(binding), bindingAfter, (answer, { former }) =>
      onSettled(answer.success && former !== undefined),
    );
  }

  /** Whether messages may be a former user's: the change is not answered yet. */
  get isChanging(): boolean {
    const record = this.wish.record;
    return record !== undefined && !record.answered && record.value.former !== undefined;
  }

  /** Bind a user. */
  async bind(userId: string, provider: ProofProvider | undefined): Promise<void> {
    if (provider) {
      this.provider = provider;
    }
    const former = this.former();
    await this.wish.want({
      userId,
      ...(former === undefined || former === userId ? {} : { former }),
      ...(provider ? { needsProof: true } : {}),
    });
  }

  /** Unbind a user; without one, whoever is bound as far as the device knows. */
  async unbind(userId: string | undefined): Promise<void> {
    const former = userId || this.former();
    if (former !== undefined) {
      await this.wish.want({ userId: null, former });
    }
  }

  pursue(): Promise<void> {
    return this.wish.pursue();
  }

  fail(error: Error): void {
    this.wish.fail(error);
  }

  wake(): void {
    this.wish.wake();
  }

  /** The user the service knows, as far as the device knows. */
  private former(): string | undefined {
    const record = this.wish.record;
    return record?.value.former ?? record?.value.userId ?? undefined;
  }

  private async ask({ userId, former, needsProof }: Binding): Promise<Asked> {
    if (userId === null) {
      return this.ports.requests.ask('mps/unbind', { userId: former });
    }
    const provider = this.provider;
    if (!needsProof && !provider) {
      return this.ports.requests.ask('mps/bind', { userId });
    }
    if (!provider) {
      return 'later'; // the app restarted, and has to bind again
    }
    const answer = await this.askWithProof(userId, provider);
    return !answer.success && answer.code === WRONG_PROOF ? this.askWithProof(userId, provider) : answer;
  }

  private async askWithProof(userId: string, provider: ProofProvider): Promise<Answer> {
    const bindToken = await provider(userId, this.ports.state.identity?.adToken ?? '');
    this.ports.diagnostics.hide('bindToken', bindToken);
    return this.ports.requests.ask('mps/bind', { userId, bindToken });
  }
}

/** Return the binding after an answer: once unbound nobody; where the service refused, the former user still is. */
function bindingAfter(answer: Answer, { userId, former, needsProof }: Binding): Binding | undefined {
  if (answer.success) {
    return userId === null ? undefined : { userId, ...(needsProof ? { needsProof } : {}) };
  }
  return former === undefined ? undefined : { userId: former };
}
