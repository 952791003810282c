import type { Clock } from './ports.js';

/** A wait that can be ended early. */
export class Pause {
  private finish: (() => void) | undefined;

  constructor(private readonly clock: Clock) {}

  /** Wait for milliseconds, or until `end`. */
  wait(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const finish = (): void => {
        cancel();
        this.finish = undefined;
        resolve();
      };
      const cancel = this.clock.setTimer(milliseconds, finish);
      this.finish = finish;
    });
  }

  /** End the wait, if there is one. */
  end(): void {
    this.finish?.();
  }
}
