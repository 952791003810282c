import type { Channel, Leader } from '../core/ports.js';

/** One tab leads: the one that holds a Web Lock. A tab that is closed or crashes lets it go. */
export class WebLockLeader implements Leader {
  constructor(private readonly name: string) {}

  lead(signal: AbortSignal): Promise<() => void> {
    if (!navigator.locks) {
      // Not a secure context. Two tabs then take over from each other once, and the first stays `replaced`.
      return Promise.resolve(() => undefined);
    }
    return new Promise((resolve, reject) => {
      navigator.locks
        .request(this.name, { signal }, () => new Promise<void>((release) => resolve(release)))
        .catch(reject);
    });
  }
}

/** The tabs' messages to each other. */
export class TabChannel implements Channel {
  private readonly channel: BroadcastChannel;

  constructor(name: string) {
    this.channel = new BroadcastChannel(name);
  }

  post(message: unknown): void {
    this.channel.postMessage(message);
  }

  listen(receive: (message: unknown) => void): void {
    this.channel.onmessage = (event: MessageEvent<unknown>) => receive(event.data);
  }

  close(): void {
    this.channel.close();
  }
}
