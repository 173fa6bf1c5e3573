// Fixtures of the conformance tests: one media pod and one browser for all of them, and guests that end with their test. A guest that
// found a fault in what the media pod sent fails its test.
import { writeFileSync } from 'node:fs';

import { type Browser, type TestInfo, test as base } from '@playwright/test';

import { type Dialect, Guest, launchBrowser } from '../support/people/guest.ts';
import { MediaPod, type MediaPodOptions } from '../support/programs/media-pod.ts';
import { PageServer } from '../support/servers/page-server.ts';
import type { ClientOptions } from './clients/api.ts';

interface Query {
  readonly consumerReplicas?: string;
  readonly usePipeTransports?: string;
}

export type GuestOptions = Partial<Omit<ClientOptions, 'url' | 'displayName'>> & {
  readonly query?: Query;
  /** Over TLS, at this port. */ readonly port?: number;
};

/** A pod that accepts the origin of these pages, with the switches for tests. */
export async function startPod(pages: PageServer, options: MediaPodOptions = {}): Promise<MediaPod> {
  const args = ['--allowed-origins', new URL(pages.url('/')).origin, '--allow-test-switches', ...(options.args ?? [])];
  return MediaPod.start({ ...options, args });
}

/** Opens guests in a room, keeps them, and checks them at the end. */
export class Guests {
  readonly #browser: Browser;
  readonly #pages: PageServer;
  readonly #all: Guest[] = [];
  #count = 0;

  constructor(browser: Browser, pages: PageServer) {
    this.#browser = browser;
    this.#pages = pages;
  }

  /** Connects without waiting for anything. */
  async open(pod: MediaPod, room: string, dialect: Dialect, options: GuestOptions = {}): Promise<Guest> {
    const { query = {}, port, ...rest } = options;
    this.#count += 1;
    const peerId = `${dialect.toLowerCase()}guest${String(this.#count)}`;
    const url = pod.demoUrl(room, peerId, queryOf(dialect, query), port);
    const guest = await Guest.open(this.#browser, this.#pages.url(`/${dialect}/`), dialect, peerId, { url, ...rest });
    this.#all.push(guest);
    return guest;
  }

  async join(pod: MediaPod, room: string, dialect: Dialect, options: GuestOptions = {}): Promise<Guest> {
    const guest = await this.open(pod, room, dialect, options);
    await guest.isJoined();
    return guest;
  }

  async faults(): Promise<string[]> {
    const all = await Promise.all(
      this.#all.map(async (guest) => (await guest.state().catch(() => undefined))?.faults.map((fault) => `${guest.name}: ${fault}`)),
    );
    return all.flatMap((faults) => faults ?? []);
  }

  dump(info: TestInfo): void {
    for (const guest of this.#all) {
      const wire = guest.wire.entries.map(({ way, message }) => `${way} ${JSON.stringify(message)}`);
      writeFileSync(info.outputPath(`${guest.peerId}-wire.log`), `${wire.join('\n')}\n`);
      writeFileSync(info.outputPath(`${guest.peerId}-console.log`), `${guest.console.join('\n')}\n`);
    }
  }

  async closeAll(): Promise<void> {
    await Promise.all(this.#all.splice(0).map((guest) => guest.close()));
  }
}

/** The query that each application always adds to the URL: the older one adds a parameter without a value, the newer one a switch. */
function queryOf(dialect: Dialect, query: Query): Record<string, string> {
  return dialect === 'L' ? { consumerReplicas: 'undefined', ...query } : { usePipeTransports: 'false', ...query };
}

interface TestFixtures {
  guests: Guests;
}

interface WorkerFixtures {
  browser: Browser;
  pages: PageServer;
  pod: MediaPod;
}

export const test = base.extend<TestFixtures, WorkerFixtures>({
  browser: [
    async ({}, use) => {
      const browser = await launchBrowser();
      await use(browser);
      await browser.close();
    },
    { scope: 'worker' },
  ],
  pages: [
    async ({}, use) => {
      const pages = await PageServer.start();
      await use(pages);
      pages.close();
    },
    { scope: 'worker' },
  ],
  pod: [
    async ({ pages }, use) => {
      const pod = await startPod(pages, { plainPorts: 16 });
      await use(pod);
      await pod.program.kill();
    },
    { scope: 'worker' },
  ],
  guests: async ({ browser, pages, pod }, use, info) => {
    const guests = new Guests(browser, pages);
    await use(guests);
    const faults = await guests.faults();
    if (info.status !== info.expectedStatus || faults.length > 0) {
      guests.dump(info);
      writeFileSync(info.outputPath('media-pod.log'), pod.program.output);
    }
    await guests.closeAll();
    if (faults.length > 0) throw new Error(`clients found faults:\n${faults.join('\n')}`);
  },
});

export { expect } from '@playwright/test';
