// A meeting that can be moved between two media pods, with what a cluster has around it: an address that leads to the current pod, and the
// operator's requests. Router and operator themselves are tested on a cluster.
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import { type AddressInfo, type Socket, connect } from 'node:net';
import { extname, join } from 'node:path';

import { webDirectory } from '../environment.ts';
import { MediaPod } from '../programs/media-pod.ts';
import { adminToken, admissionToken, handoverToken, publicKeys } from './tokens.ts';

const LOOPBACK = '127.0.0.1';
const MEETING = { namespace: 'team', name: 'standup', uid: 'uid-1' };
const PATH = `${MEETING.namespace}/${MEETING.name}`;
const TYPES: Readonly<Record<string, string>> = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' };

interface Home {
  readonly uid: string;
  readonly pod: MediaPod;
}

export class MovingMeeting {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly pods: readonly Home[];
  readonly #address: string;
  #home = 0;
  #moves = 0;

  private constructor(pods: readonly Home[], address: string) {
    this.pods = pods;
    this.#address = address;
    this.#server = createServer((request, response) => void this.#answer(request, response));
    this.#server.on('upgrade', (request: IncomingMessage, socket: Socket) => this.#splice(request, socket));
  }

  /** `address`: of media; pages are always served on the loopback interface, where they may use cameras. */
  static async start(address = LOOPBACK): Promise<MovingMeeting> {
    const pods = await Promise.all(
      ['pod-a', 'pod-b'].map(async (uid) => ({ uid, pod: await MediaPod.start({ workers: 1, address, admission: { keys: publicKeys, uid } }) })),
    );
    const meeting = new MovingMeeting(pods, address);
    meeting.#server.listen(0, LOOPBACK);
    await once(meeting.#server, 'listening');
    return meeting;
  }

  get url(): string {
    return `http://${this.#host}/m/${PATH}`;
  }

  /** The pod that the address leads to. */
  get home(): Home {
    return this.#at(this.#home);
  }

  get other(): Home {
    return this.#at(1 - this.#home);
  }

  /** The participants of the meeting on a pod. */
  async participants({ pod }: Home): Promise<number> {
    const answer = await fetch(pod.url('/admin/v1/rooms'), { headers: { authorization: `Bearer ${adminToken()}` } });
    const { rooms } = (await answer.json()) as { rooms: { participants: number }[] };
    return rooms[0]?.participants ?? 0;
  }

  /** Moves the meeting to the other pod. `between` runs when the new pod has the meeting, before participants of the old one learn of it. */
  async move(deadlineSeconds: number, between: () => Promise<void> = () => Promise.resolve()): Promise<void> {
    const [from, to] = [this.home, this.other];
    const id = `m-${String((this.#moves += 1))}`;
    const snapshot = await this.#step(from, 'POST', 'handover', id);
    await this.#step(to, 'PUT', 'restore', id, snapshot);
    this.#home = 1 - this.#home;
    await between();
    await this.#step(from, 'POST', 'leave', id, JSON.stringify({ tickets: {}, deadlineSeconds }));
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.closeAllConnections();
    this.#server.close();
    await Promise.all(this.pods.map(({ pod }) => pod.program.kill()));
  }

  #at(index: number): Home {
    const home = this.pods[index];
    if (home === undefined) throw new Error('there are two pods');
    return home;
  }

  get #host(): string {
    return `localhost:${String((this.#server.address() as AddressInfo).port)}`;
  }

  async #step({ uid, pod }: Home, method: string, what: string, id: string, body?: string): Promise<string> {
    const url = pod.url(`/admin/v1/rooms/${PATH}/${what}?uid=${MEETING.uid}&move=${id}`);
    const headers = { authorization: `Bearer ${handoverToken(uid, MEETING)}`, 'content-type': 'application/json' };
    const answer = await fetch(url, { method, headers, ...(body === undefined ? {} : { body }) });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${what}: ${String(answer.status)} ${text}`);
    return text;
  }

  /** The page, and the two calls of the router's API that it makes. */
  async #answer({ url = '', method }: IncomingMessage, response: ServerResponse): Promise<void> {
    if (url.startsWith('/api/')) {
      const joined = { signalingUrl: `ws://${this.#host}/signal/${PATH}`, token: 'ticket', iceServers: [], expiresAt: Date.now() / 1000 + 600 };
      const body = method === 'POST' ? joined : { title: 'Stand-up', ready: true, phase: 'Ready' };
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
      return;
    }
    const file = extname(url) === '' ? '/index.html' : url;
    const content = await readFile(join(webDirectory, file)).catch(() => undefined);
    response.writeHead(content === undefined ? 404 : 200, { 'content-type': TYPES[extname(file)] ?? 'application/octet-stream' }).end(content);
  }

  /** Like the router: a socket stays with the pod that it was connected to. */
  #splice({ url = '', rawHeaders }: IncomingMessage, socket: Socket): void {
    const lines = rawHeaders.flatMap((name, index) => (index % 2 === 0 ? [`${name}: ${rawHeaders[index + 1] ?? ''}`] : []));
    const head = [`GET ${url} HTTP/1.1`, ...lines, `Authorization: Bearer ${admissionToken(MEETING)}`, '', ''].join('\r\n');
    const upstream = connect(this.home.pod.port, this.#address, () => upstream.write(head));
    for (const [from, to] of [
      [socket, upstream],
      [upstream, socket],
    ] as const) {
      this.#sockets.add(from);
      from.pipe(to);
      from.on('error', () => to.destroy());
      from.on('close', () => {
        this.#sockets.delete(from);
        to.destroy();
      });
    }
  }
}
