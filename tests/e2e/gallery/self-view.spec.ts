// Waiting screens have a self view with the buttons of microphone and camera: no camera is on without its video being shown.
import { type Browser, type Page, chromium as chromiumType, expect, test } from '@playwright/test';

import { chromium, galleryDirectory } from '../support/environment.ts';
import { FileServer } from '../support/servers/file-server.ts';
import { showScene } from '../support/scenes.ts';

let server: FileServer;
let browser: Browser;
let page: Page;

test.beforeAll(async () => {
  server = await FileServer.start(galleryDirectory);
  browser = await chromiumType.launch({ executablePath: chromium, args: ['--no-sandbox', '--disable-gpu', '--autoplay-policy=no-user-gesture-required'] });
  page = await browser.newPage();
});

test.afterAll(async () => {
  await browser.close();
  server.close();
});

for (const scene of ['pre-join', 'lobby', 'waiting-scheduled', 'waiting-capacity', 'waiting-broken']) {
  test(`${scene} has a self view, and both devices can be toggled`, async () => {
    await showScene(page, server, { scene, language: 'en' });
    await expect(page.getByTestId('self-view').locator('video')).toHaveClass(/video-visible/u);
    for (const id of ['mute-button', 'camera-button']) {
      await expect(page.getByTestId(id)).toHaveAttribute('aria-pressed', 'true');
      await page.getByTestId(id).click();
      await expect(page.getByTestId(id)).toHaveAttribute('aria-pressed', 'false');
    }
    await expect(page.getByTestId('self-view').locator('video')).toHaveCount(0);
  });
}
