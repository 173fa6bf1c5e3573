// The gallery: every screen of the web app with fixed data, one scene for each.
import type { Browser, Page } from '@playwright/test';

import type { FileServer } from './servers/file-server.ts';

export async function namesOfScenes(browser: Browser, server: FileServer): Promise<string[]> {
  const page = await browser.newPage();
  await page.goto(server.url('/gallery.html'));
  const names = await page.getByRole('link').allTextContents();
  await page.close();
  return names;
}

/** Opens a scene and waits until it is complete. */
export async function showScene(page: Page, server: FileServer, query: Record<string, string>): Promise<void> {
  await page.goto(server.url(`/gallery.html?${new URLSearchParams(query).toString()}`));
  await page.locator('html[data-scene="shown"]').waitFor();
  await picturesAreThere(page);
}

/** Waits until tiles are shown with their video, if they have one, or with a note that it is not received. */
async function picturesAreThere(page: Page): Promise<void> {
  await page.waitForFunction(() => {
    if (document.querySelector('.call') !== null && document.querySelector('.tile') === null) return false;
    const withPicture = document.querySelectorAll('.tile[data-video="true"]').length;
    if (document.querySelectorAll('.tile video').length < withPicture) return false;
    const missing = [...document.querySelectorAll('.tile[data-sent="true"][data-video="false"]')];
    if (missing.length > 0 && !missing.some((tile) => tile.querySelector('.tile-note') !== null)) return false;
    const onScreen = [...document.querySelectorAll('video')].filter((video) => video.clientWidth > 0);
    return onScreen.every((video) => video.classList.contains('video-visible'));
  });
}
