// Serves the client pages locally: browsers let a page reach local addresses only if it comes from one itself.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

import { bundle } from '../programs/bundle.ts';

const CLIENTS = join(import.meta.dirname, '../../conformance/clients');

export class PageServer {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<PageServer> {
    const html = readFileSync(join(CLIENTS, 'index.html'), 'utf8');
    const [older, newer] = await Promise.all([bundle(join(CLIENTS, 'legacy/client.ts')), bundle(join(CLIENTS, 't3/client.ts'))]);
    const files: Readonly<Record<string, string>> = { '/L/': html, '/T3/': html, '/L/client.js': older, '/T3/client.js': newer };
    const server = createServer(({ url = '' }, response) => {
      const body = files[url];
      response.writeHead(body === undefined ? 404 : 200, { 'content-type': url.endsWith('.js') ? 'text/javascript' : 'text/html' }).end(body);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new PageServer(server);
  }

  /** Browsers allow cameras only on trustworthy origins: this host name counts as one. */
  url(path: string): string {
    return `http://localhost:${String((this.#server.address() as AddressInfo).port)}${path}`;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}
