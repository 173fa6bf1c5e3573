// One media pod without a cluster (`convene-media-pod --dev`), on its own ports.
import { mediaPodProgram, webDirectory } from '../environment.ts';
import { freeBlock, freePort } from './ports.ts';
import { Program } from './program.ts';
import { type Missing, waitUntil } from '../wait.ts';

const WORKERS = 2;
/** Short, because this time is measured too. */
const READY_POLL_MILLISECONDS = 10;

/** Counters of `/stats`; the test names the ones it reads. */
export type Stats = Readonly<Record<'workers' | 'routers' | 'rooms' | 'connections' | 'participants' | 'transports' | 'producers' | 'consumers', number>>;

export interface MediaPodOptions {
  /** The port of an earlier pod, to replace it. */
  readonly port?: number;
  /** First port of its media, likewise. */
  readonly rtcPort?: number;
  readonly workers?: number;
  /** Ports for media besides those of the workers. */
  readonly plainPorts?: number;
  readonly args?: readonly string[];
  /** Uses the default addresses for media, including those of network interfaces. */
  readonly isOnTheNetwork?: boolean;
  /** The only address that it listens on. */
  readonly address?: string;
  /** Makes it a pod of a cluster, which admits only with tokens, instead of a standalone one. */
  readonly admission?: { readonly keys: string; readonly uid: string };
}

const LOOPBACK = '127.0.0.1';

export class MediaPod {
  readonly program: Program;
  readonly port: number;
  readonly rtcPort: number;
  readonly #host: string;

  private constructor(program: Program, address: string, port: number, rtcPort: number) {
    this.program = program;
    this.#host = address === LOOPBACK ? 'localhost' : address;
    this.port = port;
    this.rtcPort = rtcPort;
  }

  /** Starts the pod and waits until it is ready. */
  static async start(options: MediaPodOptions = {}): Promise<MediaPod> {
    const { workers = WORKERS, plainPorts = 0, args = [], isOnTheNetwork = false, address = LOOPBACK, admission } = options;
    const port = options.port ?? (await freePort());
    const first = options.rtcPort ?? (await freeBlock(workers + plainPorts));
    const program = new Program(mediaPodProgram, [
      ...(admission === undefined ? ['--dev'] : ['--admission-keys', admission.keys, '--pod-uid', admission.uid, '--announced-address', address]),
      ...['--listen', `${address}:${String(port)}`, '--web-dir', webDirectory],
      ...['--workers', String(workers), '--rtc-ports', `${String(first)}-${String(first + workers + plainPorts - 1)}`],
      // Traffic stays on the loopback interface, unless the test has its own network.
      ...(isOnTheNetwork ? [] : ['--rtc-listen-ip', address]),
      ...args,
    ]);
    const pod = new MediaPod(program, address, port, first);
    await waitUntil('the media pod is ready', 20, () => pod.#whatIsMissing(), READY_POLL_MILLISECONDS);
    return pod;
  }

  async #whatIsMissing(): Promise<Missing> {
    if (this.program.hasEnded) throw new Error(`it ended: ${this.program.output}`);
    const answer = await fetch(this.url('/readyz'));
    return answer.ok ? undefined : `/readyz says ${String(answer.status)} ${await answer.text()}`;
  }

  url(path: string): string {
    return `http://${this.#host}:${String(this.port)}${path}`;
  }

  signalUrl(room: string, peerId: string): string {
    return `ws://localhost:${String(this.port)}/signal/${room}?peerId=${peerId}`;
  }

  /** The address form of the mediasoup demo; with a port, that of TLS. */
  demoUrl(room: string, peerId: string, query: Readonly<Record<string, string>> = {}, tlsPort?: number): string {
    const origin = tlsPort === undefined ? `ws://localhost:${String(this.port)}` : `wss://localhost:${String(tlsPort)}`;
    return `${origin}/?${new URLSearchParams({ roomId: room, peerId, ...query }).toString()}`;
  }

  async stats(): Promise<Stats> {
    const answer = await fetch(this.url('/stats'));
    return (await answer.json()) as Stats;
  }
}
