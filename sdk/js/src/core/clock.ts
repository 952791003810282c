import type { Clock } from './ports.js';

/** The system's clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimer(milliseconds, run) {
    const timer = setTimeout(run, milliseconds);
    return () => clearTimeout(timer);
  },
};

interface Timer {
  due: number;
  run: () => void;
}

/** A clock for tests, which stands still until it is advanced. */
export class ManualClock implements Clock {
  private passed = 0;
  private readonly timers = new Set<Timer>();

  /** @param began What it shows at first, in milliseconds since 1970. */
  constructor(private readonly began: number = Date.now()) {}

  now(): number {
    return this.began + this.passed;
  }

  monotonic(): number {
    return this.passed;
  }

  setTimer(milliseconds: number, run: () => void): () => void {
    const timer = { due: this.passed + milliseconds, run };
    this.timers.add(timer);
    return () => this.timers.delete(timer);
  }

  /** Let milliseconds pass, and run what is due in its order. */
  advance(milliseconds: number): void {
    const end = this.passed + milliseconds;
    for (;;) {
      const due = [...this.timers].filter((one) => one.due <= end).sort((one, other) => one.due - other.due)[0];
      if (due === undefined) {
        break;
      }
      this.timers.delete(due);
      this.passed = Math.max(this.passed, due.due);
      due.run();
    }
    this.passed = end;
  }
}
