// Proxies between browsers and a media pod that a test can cut: TCP (page, signaling, media as a last resort) and UDP (media).
// They forward bytes and inspect none. Both can be slow: they hold everything back for a time, in both directions and in order.
import { createSocket, type RemoteInfo, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

type State = 'open' | 'cut' | 'silent';

/** Calls `act` after a delay of `milliseconds`; immediately without one. Calls with the same delay stay in order. */
function after(milliseconds: number, act: () => void): void {
  if (milliseconds === 0) act();
  else setTimeout(act, milliseconds);
}

/** Listens on its own port and forwards everything to another one. */
export class TcpWay {
  readonly port: number;
  /** For each direction. */
  delayMilliseconds = 0;
  readonly #server: Server;
  readonly #target: number;
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  #state: State = 'open';

  private constructor(server: Server, target: number) {
    this.#server = server;
    this.#target = target;
    const address = server.address();
    this.port = typeof address === 'object' && address !== null ? address.port : 0;
    server.on('connection', (socket) => this.#take(socket));
  }

  static async open(target: number): Promise<TcpWay> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new TcpWay(server, target);
  }

  /** Closes all connections; new ones are closed immediately. */
  cut(): void {
    this.#state = 'cut';
    for (const [near, far] of this.#pairs) {
      near.resetAndDestroy();
      far.destroy();
    }
  }

  /** Drops everything silently. */
  silence(): void {
    this.#state = 'silent';
    for (const pair of this.#pairs) for (const socket of pair) socket.pause();
  }

  restore(): void {
    this.#state = 'open';
    for (const pair of this.#pairs) for (const socket of pair) socket.resume();
  }

  close(): void {
    this.cut();
    this.#server.close();
  }

  #take(near: Socket): void {
    if (this.#state === 'cut') {
      near.resetAndDestroy();
      return;
    }
    const far = connect(this.#target, '127.0.0.1');
    const pair = [near, far] as const;
    this.#pairs.add(pair);
    for (const [from, to] of [pair, [far, near] as const]) {
      from.setNoDelay(true);
      from.on('data', (bytes) => after(this.delayMilliseconds, () => to.write(bytes)));
      from.on('end', () => after(this.delayMilliseconds, () => to.end()));
      from.on('error', () => undefined);
      from.on('close', () => {
        to.destroy();
        this.#pairs.delete(pair);
      });
      if (this.#state === 'silent') from.pause();
    }
  }
}

/** The same for UDP, with a socket per sender towards the target. */
export class UdpWay {
  readonly port: number;
  isOpen = true;
  /** For each direction. */
  delayMilliseconds = 0;
  readonly #socket: UdpSocket;
  readonly #target: number;
  readonly #senders = new Map<string, UdpSocket>();

  private constructor(socket: UdpSocket, target: number) {
    this.#socket = socket;
    this.#target = target;
    this.port = socket.address().port;
    socket.on('message', (bytes, from) => {
      if (this.isOpen) after(this.delayMilliseconds, () => this.#send(this.#senderOf(from), bytes, this.#target, '127.0.0.1'));
    });
  }

  static async open(target: number): Promise<UdpWay> {
    const socket = createSocket('udp4').bind(0, '127.0.0.1');
    await once(socket, 'listening');
    return new UdpWay(socket, target);
  }

  close(): void {
    this.isOpen = false;
    for (const socket of [this.#socket, ...this.#senders.values()]) socket.close();
  }

  /** Datagrams that were held back may be late. */
  #send(socket: UdpSocket, bytes: Buffer, port: number, address: string): void {
    if (this.isOpen) socket.send(bytes, port, address);
  }

  #senderOf({ address, port }: RemoteInfo): UdpSocket {
    const key = `${address}:${String(port)}`;
    const known = this.#senders.get(key);
    if (known !== undefined) return known;
    const sender = createSocket('udp4');
    sender.on('message', (bytes) => {
      after(this.delayMilliseconds, () => this.#send(this.#socket, bytes, port, address));
    });
    sender.on('error', () => undefined);
    this.#senders.set(key, sender);
    return sender;
  }
}
