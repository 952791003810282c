import type { Clock, Logger } from './ports.js';

const MOST_LINES = 500;

/** A bounded log for support, without secrets and without contents of messages. */
export class Diagnostics {
  private readonly kept: string[] = [];
  private readonly secrets = new Map<string, string>();

  constructor(
    private readonly clock: Clock,
    private readonly logger: Logger | undefined,
  ) {}

  /** Never show this secret, which replaces a former one of that name. */
  hide(name: string, secret: string | undefined): void {
    if (secret && secret.length >= 4) {
      this.secrets.set(name, secret);
    }
  }

  /** Note what happened. */
  info(text: string): void {
    const shown = this.keep(text); // also without a logger
    this.logger?.info(shown);
  }

  /** Note what went wrong. */
  warn(text: string): void {
    const shown = this.keep(text);
    this.logger?.warn(shown);
  }

  /** Return the latest lines. */
  lines(): string[] {
    return [...this.kept];
  }

  private keep(text: string): string {
    let shown = text;
    for (const secret of this.secrets.values()) {
      shown = shown.replaceAll(secret, '***');
    }
    this.kept.push(`${new Date(this.clock.now()).toISOString()} ${shown}`);
    if (this.kept.length > MOST_LINES) {
      this.kept.shift();
    }
    return shown;
  }
}

/** Return what an error says. */
export function said(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
