// One media pod without a cluster (`convene-media-pod --dev`), on ports of its own.
import { mediaPodProgram, webDirectory } from './environment.ts';
import { freeBlock, freePort } from './ports.ts';
import { Program } from './program.ts';
import { type Missing, waitUntil } from './wait.ts';

const WORKERS = 2;
/** Short, because this time is measured too. */
const READY_POLL_MILLISECONDS = 10;

/** What `/stats` counts; the test names what it reads. */
export type Stats = Readonly<Record<'workers' | 'routers' | 'rooms' | 'connections' | 'participants' | 'transports' | 'producers' | 'consumers', number>>;

export class MediaPod {
  readonly program: Program;
  readonly port: number;

  private constructor(program: Program, port: number) {
    this.program = program;
    this.port = port;
  }

  /** Runs and is ready. `port`: the same as an earlier one's, to take its place. */
  static async start(options: { port?: number; args?: readonly string[] } = {}): Promise<MediaPod> {
    const port = options.port ?? (await freePort());
    const first = await freeBlock(WORKERS);
    const program = new Program(mediaPodProgram, [
      ...['--dev', '--listen', `127.0.0.1:${String(port)}`, '--web-dir', webDirectory],
      ...['--workers', String(WORKERS), '--rtc-ports', `${String(first)}-${String(first + WORKERS - 1)}`],
      ...(options.args ?? []),
    ]);
    const pod = new MediaPod(program, port);
    await waitUntil('the media pod is ready', 20, () => pod.#whatIsMissing(), READY_POLL_MILLISECONDS);
    return pod;
  }

  async #whatIsMissing(): Promise<Missing> {
    if (this.program.hasEnded) throw new Error(`it ended: ${this.program.output}`);
    const answer = await fetch(this.url('/readyz'));
    return answer.ok ? undefined : `/readyz says ${String(answer.status)} ${await answer.text()}`;
  }

  url(path: string): string {
    return `http://localhost:${String(this.port)}${path}`;
  }

  signalUrl(room: string, peerId: string): string {
    return `ws://localhost:${String(this.port)}/signal/${room}?peerId=${peerId}`;
  }

  async stats(): Promise<Stats> {
    const answer = await fetch(this.url('/stats'));
    return (await answer.json()) as Stats;
  }
}
