// A program under test: started, watched, terminated, and never left behind.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';

import { waitUntil } from '../wait.ts';

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export class Program {
  readonly #child: ChildProcess;
  readonly #ended: Promise<Exit>;
  #output = '';
  #exit: Exit | undefined;

  /** With the environment of this process and additional variables. */
  constructor(command: string, args: readonly string[], environment: Readonly<Record<string, string>> = {}) {
    this.#child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...environment } });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => (this.#output += text));
    }
    this.#ended = once(this.#child, 'close').then(([code, signal]) => {
      this.#exit = { code: code as number | null, signal: signal as NodeJS.Signals | null };
      return this.#exit;
    });
    this.#ended.catch(() => undefined); // a failure to start is reported by `ended`
  }

  /** Standard output and standard error, interleaved. */
  get output(): string {
    return this.#output;
  }

  get hasEnded(): boolean {
    return this.#exit !== undefined;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Waits for its exit; fails if it still runs after that time. */
  async ended(seconds: number): Promise<Exit> {
    await waitUntil('the program ends', seconds, () => (this.hasEnded ? undefined : 'it still runs'));
    return this.#ended;
  }

  /** Memory it holds now, in bytes. */
  residentBytes(): number {
    const status = readFileSync(`/proc/${String(this.#child.pid)}/status`, 'utf8');
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? Number.NaN) * 1024;
  }

  async kill(): Promise<void> {
    if (this.hasEnded) return;
    this.signal('SIGKILL');
    await this.#ended;
  }
}
