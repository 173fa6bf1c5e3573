// A third-party client in a browser page: opened, driven, its messages recorded, and its received media measured.
import { type Browser, type BrowserContext, type Page, chromium as chromiumType } from '@playwright/test';

import type { ClientOptions, ClientState, ConformanceClient, Received } from '../../conformance/clients/api.ts';
import { chromium } from '../environment.ts';
import { type Missing, waitUntil } from '../wait.ts';
import { Wire } from '../wire.ts';

export type Dialect = 'L' | 'T3';

const FLAGS = [
  '--use-fake-ui-for-media-stream',
  '--use-fake-device-for-media-stream=fps=10',
  '--autoplay-policy=no-user-gesture-required',
  '--disable-background-timer-throttling',
  '--disable-renderer-backgrounding',
  '--disable-backgrounding-occluded-windows',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** One browser for all clients of a run: two cores cannot carry a browser for each. */
export async function launchBrowser(): Promise<Browser> {
  return chromiumType.launch({ executablePath: chromium, args: FLAGS });
}

export class Guest {
  readonly dialect: Dialect;
  readonly peerId: string;
  readonly name: string;
  readonly wire: Wire;
  /** URL of its WebSocket. */
  readonly url: string;
  readonly console: string[] = [];
  readonly #page: Page;
  readonly #context: BrowserContext;

  private constructor(dialect: Dialect, peerId: string, url: string, context: BrowserContext, page: Page) {
    this.dialect = dialect;
    this.peerId = peerId;
    this.name = `${dialect} ${peerId}`;
    this.url = url;
    this.#context = context;
    this.#page = page;
    this.wire = new Wire(page);
    page.on('console', (message) => this.console.push(`${message.type()} ${message.text()}`));
    page.on('pageerror', (error) => this.console.push(`pageerror ${error.message}`));
  }

  /** Opens the page at that URL and lets its client connect. */
  static async open(browser: Browser, page: string, dialect: Dialect, peerId: string, options: Omit<ClientOptions, 'displayName'>): Promise<Guest> {
    const context = await browser.newContext({ permissions: ['camera', 'microphone'], ignoreHTTPSErrors: true });
    const guest = new Guest(dialect, peerId, options.url, context, await context.newPage());
    await guest.#page.goto(page);
    await guest.#page.evaluate((all) => window.client.start(all), { ...options, displayName: guest.name });
    return guest;
  }

  /** Calls a method of the client. */
  async do<K extends keyof ConformanceClient>(what: K, ...args: Parameters<ConformanceClient[K]>): Promise<Awaited<ReturnType<ConformanceClient[K]>>> {
    const answer = await this.#page.evaluate(([name, given]) => (window.client[name] as (...all: unknown[]) => unknown)(...given), [what, args] as [
      keyof ConformanceClient,
      unknown[],
    ]);
    return answer as Awaited<ReturnType<ConformanceClient[K]>>;
  }

  async state(): Promise<ClientState> {
    return this.do('state');
  }

  async received(): Promise<Received[]> {
    return this.do('received');
  }

  async waitFor(what: string, whatIsMissing: (state: ClientState) => Missing, seconds = 15): Promise<ClientState> {
    let state: ClientState | undefined;
    await waitUntil(`${this.name}: ${what}`, seconds, async () => {
      state = await this.state();
      const missing = whatIsMissing(state);
      return missing === undefined || state.faults.length === 0 ? missing : `${missing} (${state.faults.join('; ')})`;
    });
    return state as ClientState;
  }

  async isJoined(seconds = 20): Promise<void> {
    await this.waitFor('has joined', ({ connection }) => (connection === 'joined' ? undefined : `it is ${connection}`), seconds);
  }

  async close(): Promise<void> {
    await this.#context.close().catch(() => undefined);
  }
}
