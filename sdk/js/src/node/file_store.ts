import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { Store } from '../core/ports.js';
import { LockFile } from './lock_file.js';

const FILE = 'device.jsonl';
const LONGEST_JOURNAL = 5_000;

/**
 * A store in a folder of its own: a journal with a line for each write, synced before the write counts.
 *
 * It holds the device's secret, so only the user who runs the program may read it. Keep the folder out of backups.
 */
export class FileStore implements Store {
  private readonly path: string;
  private readonly lock: LockFile;
  private readonly content = new Map<string, string>();
  private file: FileHandle | undefined;
  private lines = 0;
  private writing: Promise<void> = Promise.resolve();

  /**
   * @param folder Made if it is not there.
   * @param longestJournal Writes after which the file is written anew.
   */
  constructor(
    private readonly folder: string,
    private readonly longestJournal = LONGEST_JOURNAL,
  ) {
    this.path = join(folder, FILE);
    this.lock = new LockFile(join(folder, 'lock'));
  }

  async load(): Promise<Map<string, string>> {
    mkdirSync(this.folder, { recursive: true, mode: 0o700 });
    this.lock.take();
    try {
      this.content.clear();
      for (const line of read(this.path)) {
        apply(this.content, line);
      }
      await this.rewrite();
    } catch (error) {
      this.lock.release();
      throw error;
    }
    return new Map(this.content);
  }

  /** Keep changes; concurrent calls are written in their order. */
  write(changes: ReadonlyMap<string, string | null>): Promise<void> {
    const written = this.writing.then(() => this.append(changes));
    this.writing = written.catch(() => undefined);
    return written;
  }

  async close(): Promise<void> {
    await this.writing;
    const file = this.file;
    this.file = undefined;
    if (file) {
      await file.close();
      this.lock.release();
    }
  }

  private async append(changes: ReadonlyMap<string, string | null>): Promise<void> {
    if (!this.file) {
      throw new Error('the store is closed');
    }
    const line = Object.fromEntries(changes);
    await this.file.appendFile(`${JSON.stringify(line)}\n`);
    await this.file.datasync();
    apply(this.content, line);
    this.lines += 1;
    if (this.lines > this.longestJournal) {
      await this.rewrite();
    }
  }

  /** Write what is kept to a new file, and put it in the place of the old one. */
  private async rewrite(): Promise<void> {
    const coming = `${this.path}.new`;
    rmSync(coming, { force: true });
    const file = await open(coming, 'ax', 0o600);
    await file.appendFile(`${JSON.stringify(Object.fromEntries(this.content))}\n`);
    await file.sync();
    renameSync(coming, this.path);
    syncFolder(this.folder);
    await this.file?.close();
    this.file = file;
    this.lines = 0;
  }
}

type Line = Record<string, string | null>;

/** Return the lines; a last one that a crash cut off was never promised to anybody. */
function read(path: string): Line[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      return [];
    }
    throw error;
  }
  const lines = text.split('\n');
  lines.pop();
  return lines.filter(Boolean).map((line) => JSON.parse(line) as Line);
}

function apply(content: Map<string, string>, line: Line): void {
  for (const [name, text] of Object.entries(line)) {
    if (text === null) {
      content.delete(name);
    } else {
      content.set(name, text);
    }
  }
}

/** Make a rename last; not every system lets a folder be opened. */
function syncFolder(folder: string): void {
  if (process.platform !== 'win32') {
    const opened = openSync(folder, 'r');
    fsyncSync(opened);
    closeSync(opened);
  }
}
