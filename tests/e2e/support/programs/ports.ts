// Free ports on this machine: one for HTTP, blocks for media.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('the system assigned no port');
  return address.port;
}

async function isFree(port: number): Promise<boolean> {
  return (await isFreeForTcp(port)) && (await isFreeForUdp(port));
}

async function isFreeForUdp(port: number): Promise<boolean> {
  const socket = createSocket('udp4').bind(port, '0.0.0.0');
  const free = await once(socket, 'listening').then(
    () => true,
    () => false,
  );
  await new Promise<void>((resolve) => socket.close(resolve));
  return free;
}

async function isFreeForTcp(port: number): Promise<boolean> {
  const server = createServer().listen(port, '0.0.0.0');
  // `once` rejects when the server says "error" instead.
  const free = await once(server, 'listening').then(
    () => true,
    () => false,
  );
  if (free) {
    server.close();
    await once(server, 'close');
  }
  return free;
}

const FIRST = 21_000;
const LAST = 30_000;
/** A media pod opens ports of its block only on demand: no block is reused until all others have been. */
let next = FIRST;

/** First of `size` consecutive free ports, outside of the default range, so that another pod on this machine does not matter. */
export async function freeBlock(size: number): Promise<number> {
  for (let tried = 0; tried < (LAST - FIRST) / size; tried += 1) {
    if (next + size > LAST) next = FIRST;
    const ports = Array.from({ length: size }, (_, index) => next + index);
    next += size;
    const free = await Promise.all(ports.map(isFree));
    if (free.every(Boolean)) return ports[0] ?? FIRST;
  }
  throw new Error(`no ${String(size)} free ports in a row`);
}
