// The page before the call does not move while the browser prompts for camera and microphone, or once they are listed: a click on
// a button that moves is lost.
import { type Browser, type Page, chromium as chromiumType, expect, test } from '@playwright/test';

import { chromium, galleryDirectory } from '../support/environment.ts';
import { FileServer } from '../support/servers/file-server.ts';
import { showScene } from '../support/scenes.ts';

const SIZES = [
  { width: 360, height: 640 },
  { width: 740, height: 360 },
  { width: 768, height: 1024 },
  { width: 1440, height: 900 },
];

let server: FileServer;
let browser: Browser;

test.beforeAll(async () => {
  server = await FileServer.start(galleryDirectory);
  browser = await chromiumType.launch({ executablePath: chromium, args: ['--no-sandbox', '--disable-gpu', '--autoplay-policy=no-user-gesture-required'] });
});

test.afterAll(async () => {
  await browser.close();
  server.close();
});

async function placeOfButton(page: Page, scene: string): Promise<unknown> {
  await showScene(page, server, { scene, language: 'en' });
  return page.getByTestId('join-button').evaluate((button) => {
    const { left, top, width, height } = button.getBoundingClientRect();
    return { left, top: top + scrollY, width, height };
  });
}

for (const size of SIZES) {
  test(`the button is where it will be, at ${String(size.width)}×${String(size.height)}`, async () => {
    const page = await browser.newPage({ viewport: size });
    const expected = await placeOfButton(page, 'pre-join-asking');
    expect(await placeOfButton(page, 'pre-join')).toEqual(expected);
    expect(await placeOfButton(page, 'pre-join-no-speakers')).toEqual(expected);
    await page.close();
  });
}
