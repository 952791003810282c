const LONGEST_SECONDS = 300;
const SLOW_SECONDS = 60;

/** Waits between attempts: exponential with full jitter, from 1 s to 5 minutes. */
export class Backoff {
  private attempts = 0;

  /** @param random Returns a number from 0 to 1. */
  constructor(private readonly random: () => number = Math.random) {}

  /**
   * Return the milliseconds to wait before the next attempt.
   *
   * @param slow Where the service is to be spared: the first upper bound is a minute.
   * @param atLeastSeconds What the service asks for.
   */
  next(slow = false, atLeastSeconds = 0): number {
    const bound = Math.min(LONGEST_SECONDS, Math.max(slow ? SLOW_SECONDS : 1, 2 ** this.attempts));
    this.attempts = Math.min(this.attempts + 1, 10);
    return Math.max(this.jittered(bound), Math.ceil(atLeastSeconds * 1000));
  }

  /** Return the milliseconds of a wait as after many attempts. */
  longest(): number {
    return this.jittered(LONGEST_SECONDS);
  }

  /** Begin anew: a connection has been stable. */
  reset(): void {
    this.attempts = 0;
  }

  private jittered(seconds: number): number {
    return Math.max(1, Math.floor(this.random() * seconds * 1000));
  }
}
