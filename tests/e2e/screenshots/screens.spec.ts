// All screens of the web app on one sheet per size, for the documentation. Not a test; `make screenshots` runs it.
import { join } from 'node:path';

import { type Page, chromium as chromiumType, test } from '@playwright/test';

import { chromium, galleryDirectory, repository } from '../support/environment.ts';
import { FileServer } from '../support/servers/file-server.ts';
import { namesOfScenes, showScene } from '../support/scenes.ts';

/** Size of the window, and how wide each screen is on the sheet. */
const SHEETS = [
  { name: 'phone', width: 360, height: 640, shown: 200 },
  { name: 'tablet', width: 768, height: 1024, shown: 260 },
  { name: 'desktop', width: 1440, height: 900, shown: 440 },
] as const;
const SHEET_WIDTH = 1840;

for (const sheet of SHEETS) {
  test(`every screen of a ${sheet.name}`, async () => {
    test.setTimeout(600_000);
    const server = await FileServer.start(galleryDirectory);
    const browser = await chromiumType.launch({
      executablePath: chromium,
      args: ['--no-sandbox', '--disable-gpu', '--autoplay-policy=no-user-gesture-required'],
    });
    const page = await browser.newPage({ viewport: { width: sheet.width, height: sheet.height }, reducedMotion: 'reduce' });
    const screens: string[] = [];
    for (const scene of await namesOfScenes(browser, server)) {
      await showScene(page, server, { scene, theme: 'dark', language: 'en' });
      const picture = (await page.screenshot({ type: 'jpeg', quality: 80 })).toString('base64');
      screens.push(`<figure><img src="data:image/jpeg;base64,${picture}" width="${String(sheet.shown)}"><figcaption>${scene}</figcaption></figure>`);
    }
    await lay(await browser.newPage({ viewport: { width: SHEET_WIDTH, height: 1000 } }), screens, join(repository, `docs/images/screens-${sheet.name}.jpg`));
    await browser.close();
    server.close();
  });
}

async function lay(page: Page, screens: readonly string[], path: string): Promise<void> {
  const style = 'body { display: flex; flex-wrap: wrap; gap: 12px; margin: 12px; font: 12px sans-serif } figure { margin: 0 } img { display: block }';
  await page.setContent(`<style>${style}</style>${screens.join('')}`);
  await page.screenshot({ path, type: 'jpeg', quality: 75, fullPage: true });
}
