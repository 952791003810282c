import { Backoff } from './backoff.js';
import { systemRegion, usernameOf, type Config, type Description } from './config.js';
import type { DeviceState } from './device_state.js';
import { said, type Diagnostics } from './diagnostics.js';
import { Pause } from './pause.js';
import type { Clock, Connack, Connection, Incoming, Transport } from './ports.js';
import { afterConnack, afterEnd, type Verdict } from './reasons.js';
import type { State } from './state.js';

/** In a storm of connections the service lets devices wait up to 60 s. */
const CONNACK_MILLISECONDS = 75_000;
const STABLE_MILLISECONDS = 60_000;
const RECEIVE_MAXIMUM = 48;

/** What a connector tells. */
export interface ConnectorListener {
  onState(state: State): void;
  /** The connection is open, and what it assigned is stored. */
  onOpen(connection: Connection): void;
  onPublish(incoming: Incoming, connection: Connection): void;
  /** Called after each `onOpen`, when the connection has ended. */
  onClose(): void;
}

/** What a connector needs. */
export interface ConnectorPorts {
  config: Config;
  description: Description;
  keepAliveSeconds: number;
  state: DeviceState;
  transport: Transport;
  clock: Clock;
  diagnostics: Diagnostics;
  random?: () => number;
}

/** Registers the device, keeps it connected, and follows what the service says about when to come again. */
export class Connector {
  private readonly backoff: Backoff;
  private readonly pause: Pause;
  private isStopping = false;
  private isLeaving = false;
  private registersAgain = false;
  private hasRegisteredAgain = false;
  /** Ends the attempt or connection there is. */
  private end: ((verdict: Verdict) => void) | undefined;
  /** Ends the rest after `refused` or `replaced`. */
  private goOn: (() => void) | undefined;

  constructor(
    private readonly ports: ConnectorPorts,
    private readonly listener: ConnectorListener,
  ) {
    this.backoff = new Backoff(ports.random);
    this.pause = new Pause(ports.clock);
  }

  /** Stay connected until `stop`. */
  async run(): Promise<void> {
    while (!this.isStopping) {
      this.tell({ state: 'connecting' });
      try {
        await this.follow(await this.connect());
      } catch (error) {
        await this.waitFor(this.backoff.next(true), `the store or the connection failed: ${said(error)}`);
      }
    }
    this.tell({ state: 'stopped' });
  }

  /** Disconnect and end `run`. */
  stop(): void {
    this.isStopping = true;
    this.end?.({ action: 'retry', reason: 'stopped' });
    this.pause.end();
    this.goOn?.();
  }

  /** Let the end of the device be the end of `run`: it is about to unregister. */
  leave(isLeaving: boolean): void {
    this.isLeaving = isLeaving;
  }

  /** End the connection, and do what the verdict says. */
  drop(verdict: Verdict): void {
    this.end?.(verdict);
  }

  /** Try at once if it waits: the system says that a network came up. */
  networkUp(): void {
    this.pause.end();
  }

  /** Try again after `refused` or `replaced`. */
  again(): void {
    this.goOn?.();
  }

  /** Make one attempt; resolves when it has failed, or when the connection has ended. */
  private async connect(): Promise<Verdict> {
    const { config, state, clock, transport } = this.ports;
    const identity = this.registersAgain ? undefined : state.identity;
    if (!identity && !config.clientKey) {
      return { action: 'refused', reason: 'the device is not accepted, and has no client key to register with' };
    }
    const proof = identity ? {} : await state.proofOfRegistration();
    if (this.isStopping) {
      return { action: 'retry', reason: 'stopped' };
    }
    const { capabilities, ...description } = this.ports.description;
    const userProperties = { platform: config.platform, ...systemRegion(), ...description, capabilities: capabilities?.join(','), ...proof };
    return new Promise((resolve) => {
      let isOpen = false;
      let stopTimer = clock.setTimer(CONNACK_MILLISECONDS, () => end({ action: 'retry', reason: 'no answer to the CONNECT' }));
      const end = (verdict: Verdict): void => {
        if (this.end !== end) {
          return;
        }
        this.end = undefined;
        stopTimer();
        connection.close();
        if (isOpen) {
          this.listener.onClose();
        }
        resolve(verdict);
      };
      this.end = end;
      const early: Incoming[] = [];
      const opened = async (connack: Connack): Promise<void> => {
        await this.keep(connack);
        if (this.end !== end) {
          return;
        }
        isOpen = true;
        stopTimer = clock.setTimer(STABLE_MILLISECONDS, () => {
          this.backoff.reset();
          this.hasRegisteredAgain = false;
        });
        this.tell({ state: 'connected' });
        this.listener.onOpen(connection);
        early.forEach((incoming) => this.listener.onPublish(incoming, connection));
      };
      const connection = transport.open(
        {
          url: config.endpoint,
          clientId: identity?.adToken ?? '',
          username: usernameOf(config),
          password: identity?.secret ?? config.clientKey,
          keepAliveSeconds: this.ports.keepAliveSeconds,
          receiveMaximum: RECEIVE_MAXIMUM,
          userProperties: withoutEmpty(userProperties),
        },
        {
          onConnack: (connack) => {
            if (connack.reasonCode !== 0) {
              end(afterConnack(connack.reasonCode, !identity, connack.userProperties['retryAfter']));
              return;
            }
            stopTimer();
            opened(connack).catch((error: unknown) => end({ action: 'slow', reason: `the store failed: ${said(error)}` }));
          },
          // Messages that come while the identity is written wait for it.
          onPublish: (incoming) => (isOpen ? this.listener.onPublish(incoming, connection) : early.push(incoming)),
          onEnd: ({ code, reason }) => end(afterEnd(code, reason)),
        },
      );
    });
  }

  private async keep(connack: Connack): Promise<void> {
    const adToken = connack.assignedClientId;
    const secret = connack.userProperties['secret'];
    if (adToken && secret) {
      this.ports.diagnostics.hide('secret', secret);
      await this.ports.state.keepIdentity({ adToken, secret });
      this.registersAgain = false;
    } else {
      await this.ports.state.registrationIsOver();
    }
  }

  private async follow({ action, reason, retryAfter = 0 }: Verdict): Promise<void> {
    if (this.isLeaving && action === 'register anew') {
      this.isStopping = true;
    }
    if (this.isStopping) {
      return;
    }
    switch (action) {
      case 'again':
        this.ports.diagnostics.info(`connects again: ${reason}`);
        return;
      case 'retry':
      case 'slow':
        return this.waitFor(this.backoff.next(action === 'slow', retryAfter), reason);
      case 'register again':
        this.registersAgain = true;
        if (this.hasRegisteredAgain) {
          return this.waitFor(this.backoff.longest(), reason);
        }
        this.hasRegisteredAgain = true;
        this.ports.diagnostics.info(`registers again: ${reason}`);
        return;
      case 'register anew':
        await this.ports.state.forgetIdentity();
        return this.waitFor(this.backoff.next(true, retryAfter), reason);
      case 'refused':
      case 'replaced':
        return this.rest({ state: action, reason });
    }
  }

  private async waitFor(milliseconds: number, reason: string): Promise<void> {
    if (!this.isStopping) {
      const waited = this.pause.wait(milliseconds);
      this.tell({ state: 'waiting', reason, seconds: milliseconds / 1000 });
      await waited;
    }
  }

  private rest(state: State): Promise<void> {
    return new Promise((resolve) => {
      this.goOn = () => {
        this.goOn = undefined;
        resolve();
      };
      this.tell(state);
    });
  }

  private tell(state: State): void {
    const more = 'reason' in state ? `: ${state.reason}` : '';
    this.ports.diagnostics.info(`${state.state}${more}${state.state === 'waiting' ? `; again in ${state.seconds} s` : ''}`);
    this.listener.onState(state);
  }
}

function withoutEmpty(properties: Record<string, string | undefined>): Record<string, string> {
  return Object.fromEntries(Object.entries(properties).filter((pair): pair is [string, string] => Boolean(pair[1])));
}
