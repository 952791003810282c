import { linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { StoreInUseError } from '../core/errors.js';

/** A lock that ends with the program that holds it: a file that names its process. */
export class LockFile {
  private isHeld = false;

  constructor(private readonly path: string) {}

  /** @throws StoreInUseError if a program that still runs holds it. */
  take(): void {
    if (this.isHeld) {
      throw new StoreInUseError('this program uses the store already');
    }
    const mine = `${this.path}.${process.pid}`;
    writeFileSync(mine, owner(process.pid), { mode: 0o600 });
    try {
      this.link(mine);
    } finally {
      rmSync(mine, { force: true });
    }
    this.isHeld = true;
  }

  release(): void {
    if (this.isHeld) {
      this.isHeld = false;
      rmSync(this.path, { force: true });
    }
  }

  /** Linking fails where the lock exists, and the lock is never without its content. */
  private link(mine: string): void {
    for (let attempt = 0; ; attempt += 1) {
      try {
        linkSync(mine, this.path);
        return;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
          throw error;
        }
      }
      const holder = read(this.path);
      if (attempt > 2 || (holder && runs(holder))) {
        throw new StoreInUseError(`process ${holder.split(' ')[0]} uses the store`);
      }
      rmSync(this.path, { force: true });
    }
  }
}

/** Return what names a process, also after its ID went to another one: ID, and on Linux when it was started. */
function owner(pid: number): string {
  const stat = read(`/proc/${pid}/stat`);
  return `${pid} ${stat ? (stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '') : ''}`;
}

function runs(holder: string): boolean {
  const pid = Number(holder.split(' ')[0]);
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  return owner(pid) === holder;
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
