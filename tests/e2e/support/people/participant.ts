// One participant: a Chromium with a fake camera and microphone, driven as by a user, which reports what it
// really receives.
import type { BrowserContext, Page } from '@playwright/test';

import type { Browsers } from './browsers.ts';
import type { DrivenPerson, TrackStats } from './person.ts';
import { waitUntil } from '../wait.ts';

declare global {
  interface Window {
    convene: { stats(): Promise<TrackStats[]> };
  }
}

const FLAGS = [
  '--use-fake-ui-for-media-stream',
  // Shares the whole (fake) screen without a prompt.
  '--auto-select-desktop-capture-source=Entire screen',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** So few that three cameras in three sizes fit two cores. */
const FRAMES_PER_SECOND = 10;

export interface Place {
  readonly url: string;
  /** Of the camera. */
  readonly framesPerSecond?: number;
  /** SHA-256 of the only untrusted key that the browser accepts, for Chromium's flag; without it, normal trust applies. */
  readonly keyFingerprint?: string;
  /** The program of the browser, if it is not the usual one. */
  readonly program?: string;
  /** More of the browser's flags. */
  readonly flags?: readonly string[];
  /** For measurements that need scripts of their own in the page. */
  readonly ignoresContentPolicy?: boolean;
}

export class Participant implements DrivenPerson {
  readonly name: string;
  readonly page: Page;
  readonly console: string[] = [];
  readonly #context: BrowserContext;

  private constructor(name: string, context: BrowserContext, page: Page) {
    this.name = name;
    this.#context = context;
    this.page = page;
    page.on('console', (message) => this.console.push(`${message.type()} ${message.text()}`));
    page.on('pageerror', (error) => this.console.push(`pageerror ${error.message}`));
    page.on('requestfailed', (request) => this.console.push(`request failed ${request.url()} ${request.failure()?.errorText ?? ''}`));
  }

  /** Opens the page; the pre-join screen is shown. `script` runs in the page before everything else. */
  static async open(browsers: Browsers, name: string, place: Place, viewport = { width: 1280, height: 800 }, script?: () => void): Promise<Participant> {
    const trust = place.keyFingerprint === undefined ? [] : [`--ignore-certificate-errors-spki-list=${place.keyFingerprint}`];
    const camera = `--use-fake-device-for-media-stream=fps=${String(place.framesPerSecond ?? FRAMES_PER_SECOND)}`;
    const browser = await browsers.withFlags([...FLAGS, camera, ...trust, ...(place.flags ?? [])], place.program);
    const context = await browser.newContext({ viewport, permissions: ['camera', 'microphone'], bypassCSP: place.ignoresContentPolicy ?? false });
    const participant = new Participant(name, context, await context.newPage());
    if (script !== undefined) await participant.page.addInitScript(script);
    await participant.page.goto(place.url);
    return participant;
  }

  /** Opens another page in the same browser: the same person to servers. It closes with this one. */
  async openTab(place: Place): Promise<Participant> {
    const other = new Participant(`${this.name}'s second page`, this.#context, await this.#context.newPage());
    await other.page.goto(place.url);
    return other;
  }

  /** Waits until only the join itself is left to do. */
  async isPrepared(): Promise<void> {
    await this.page.locator('[data-prepared="true"]').waitFor({ timeout: 30_000 });
  }

  async enter(): Promise<void> {
    await this.page.getByTestId('name-input').fill(this.name);
    await this.click('join-button');
  }

  async connectionState(): Promise<string> {
    return (await this.page.getByTestId('connection-state').getAttribute('data-state', { timeout: 5000 })) ?? 'none';
  }

  async isConnected(seconds = 30): Promise<void> {
    await waitUntil(`${this.name} is connected`, seconds, async () => {
      const state = await this.connectionState();
      return state === 'connected' ? undefined : `the connection state is ${state}`;
    });
  }

  /** Waits until the page shows that the call is interrupted, whatever the cause. */
  async seesTrouble(seconds: number): Promise<void> {
    await waitUntil(`${this.name} sees that the call is interrupted`, seconds, async () => {
      const state = await this.connectionState();
      return ['interrupted', 'reconnecting'].includes(state) ? undefined : `the connection state is ${state}`;
    });
  }

  /** The id this participant has in the room. */
  async peerId(): Promise<string> {
    const id = await this.page.locator('[data-testid="tile"][data-self="true"]').getAttribute('data-peer-id');
    if (id === null) throw new Error(`${this.name} has no tile of their own`);
    return id;
  }

  /** Peer ids of all tiles, including its own. */
  async tiles(): Promise<string[]> {
    return this.page.getByTestId('tile').evaluateAll((tiles) => tiles.map((tile) => tile.getAttribute('data-peer-id') ?? ''));
  }

  async stats(): Promise<TrackStats[]> {
    return this.page.evaluate(() => window.convene.stats());
  }

  async click(id: string): Promise<void> {
    await this.page.getByTestId(id).click();
  }

  async text(id: string): Promise<string> {
    return (await this.page.getByTestId(id).allTextContents()).join('\n');
  }

  async run<Argument, Result>(script: (argument: Argument) => Result | Promise<Result>, argument: Argument): Promise<Result> {
    return (await this.page.evaluate(script as (argument: unknown) => unknown, argument)) as Result;
  }

  async leave(): Promise<void> {
    await this.click('leave-button');
  }

  async seesEnd(seconds: number): Promise<void> {
    await this.page.getByTestId('ended-screen').waitFor({ state: 'visible', timeout: seconds * 1000 });
  }

  async screenshot(path: string): Promise<void> {
    await this.page.screenshot({ path });
  }

  /** Closes the pages without leaving the call. */
  async close(): Promise<void> {
    await this.#context.close().catch(() => undefined);
  }
}
