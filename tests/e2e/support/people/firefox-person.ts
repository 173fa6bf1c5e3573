// A participant with a stock Firefox, driven by WebDriver BiDi. Only the camera and the microphone are fake:
// no preference changes how Firefox connects.
import { type Browser, type Page, launch } from 'puppeteer-core';

import { firefox } from '../environment.ts';
import type { DrivenPerson, TrackStats } from './person.ts';
import { waitUntil } from '../wait.ts';

/** Firefox's fake camera, microphone and screen, without prompts. */
const FAKE_DEVICES = {
  'media.navigator.streams.fake': true,
  'media.navigator.permission.disabled': true,
  'media.autoplay.default': 0,
};

const testId = (id: string): string => `[data-testid="${id}"]`;

export class FirefoxPerson implements DrivenPerson {
  readonly name: string;
  readonly console: string[] = [];
  readonly page: Page;
  readonly #browser: Browser;

  private constructor(name: string, browser: Browser, page: Page) {
    this.name = name;
    this.#browser = browser;
    this.page = page;
    page.on('console', (message) => this.console.push(`${message.type()} ${message.text()}`));
    page.on('pageerror', (error) => this.console.push(`pageerror ${String(error)}`));
  }

  /** Opens the page; the pre-join screen is shown. `script` runs in the page before everything else. */
  static async open(name: string, url: string, script?: () => void): Promise<FirefoxPerson> {
    const browser = await launch({
      browser: 'firefox',
      executablePath: firefox,
      // Without a screen there is none to share.
      headless: process.env['DISPLAY'] === undefined,
      extraPrefsFirefox: FAKE_DEVICES,
    });
    const page = await browser.newPage();
    await page.setViewport({ width: 1280, height: 800 });
    const person = new FirefoxPerson(name, browser, page);
    if (script !== undefined) await page.evaluateOnNewDocument(script);
    await page.goto(url);
    return person;
  }

  /** Waits until only the join itself is left to do. */
  async isPrepared(): Promise<void> {
    await this.page.waitForSelector('[data-prepared="true"]', { timeout: 30_000 });
  }

  async enter(): Promise<void> {
    await this.page.locator(testId('name-input')).fill(this.name);
    await this.page.locator(`${testId('join-button')}:enabled`).click();
  }

  async click(id: string): Promise<void> {
    await this.page.locator(testId(id)).click();
  }

  async type(id: string, text: string): Promise<void> {
    await this.page.locator(testId(id)).fill(text);
  }

  /** The value of a field. */
  async value(id: string): Promise<string> {
    return this.page.$eval(testId(id), (field) => (field as HTMLInputElement | HTMLTextAreaElement).value);
  }

  async text(id: string): Promise<string> {
    return this.page.$$eval(testId(id), (found) => found.map((one) => one.textContent).join('\n'));
  }

  async run<Argument, Result>(script: (argument: Argument) => Result | Promise<Result>, argument: Argument): Promise<Result> {
    return (await this.page.evaluate(script as (argument: unknown) => unknown, argument)) as Result;
  }

  async connectionState(): Promise<string> {
    return this.page.$$eval(testId('connection-state'), ([badge]) => badge?.getAttribute('data-state') ?? 'none');
  }

  async isConnected(seconds = 30): Promise<void> {
    await waitUntil(`${this.name} is connected`, seconds, async () => {
      const state = await this.connectionState();
      return state === 'connected' ? undefined : `the connection state is ${state}`;
    });
  }

  async peerId(): Promise<string> {
    return this.page.$eval(`${testId('tile')}[data-self="true"]`, (tile) => tile.getAttribute('data-peer-id') ?? '');
  }

  async tiles(): Promise<string[]> {
    return this.page.$$eval(testId('tile'), (tiles) => tiles.map((tile) => tile.getAttribute('data-peer-id') ?? ''));
  }

  async stats(): Promise<TrackStats[]> {
    return this.page.evaluate(() => window.convene.stats());
  }

  async screenshot(path: string): Promise<void> {
    await this.page.screenshot({ path: path });
  }

  /** Kills the browser without leaving the call. */
  async close(): Promise<void> {
    await this.#browser.close().catch(() => undefined);
  }
}
