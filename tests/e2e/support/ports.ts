// Ports nobody uses on this machine: one for HTTP, blocks for media.
import { once } from 'node:events';
import { createServer } from 'node:net';

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('the system gave no port');
  return address.port;
}

async function isFree(port: number): Promise<boolean> {
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

/** First port of `size` free ones in a row, away from the default range, so that a pod of a person on this machine does not matter. */
export async function freeBlock(size: number): Promise<number> {
  for (let first = 21_000; first < 30_000; first += size) {
    const ports = Array.from({ length: size }, (_, index) => first + index);
    const free = await Promise.all(ports.map(isFree));
    if (free.every(Boolean)) return first;
  }
  throw new Error(`no ${String(size)} free ports in a row`);
}
