// The Chromium processes of the participants. Tests share them, each participant in a context (a profile) of its own: to start one takes seconds of a processor.
// Participants whose browsers need other flags get another process; in measurements everyone has one.
import { type Browser, chromium as chromiumType, test as base } from '@playwright/test';

import { chromium } from '../environment.ts';

export class Browsers {
  readonly #shared: boolean;
  readonly #running = new Map<string, Promise<Browser>>();

  constructor(shared: boolean) {
    this.#shared = shared;
  }

  /** With these flags; one that runs already, unless it has crashed. */
  async withFlags(flags: readonly string[], program = chromium): Promise<Browser> {
    const key = [this.#shared ? '' : this.#running.size, program, ...flags].join(' ');
    const running = await this.#running.get(key);
    if (running?.isConnected() === true) return running;
    const started = chromiumType.launch({ executablePath: program, args: [...flags] });
    this.#running.set(key, started);
    return started;
  }

  async closeAll(): Promise<void> {
    const all = await Promise.allSettled(this.#running.values());
    this.#running.clear();
    await Promise.allSettled(all.map(async (started) => (started.status === 'fulfilled' ? started.value.close() : undefined)));
  }
}

/** Of projects in playwright.config.ts. */
export interface BrowserOptions {
  /** Whether participants and tests share processes of the browser. */
  sharedBrowsers: boolean;
}

export const withBrowsers = base.extend<object, BrowserOptions & { browsers: Browsers }>({
  sharedBrowsers: [true, { scope: 'worker', option: true }],
  browsers: [
    async ({ sharedBrowsers }, use) => {
      const browsers = new Browsers(sharedBrowsers);
      await use(browsers);
      await browsers.closeAll();
    },
    { scope: 'worker' },
  ],
});
