// Responsiveness of the page with 30 tiles: 30 playing videos, volumes ten times a second, a new speaker every second, and a user who
// clicks. Uses the gallery with a fake camera, so that only the page is measured. Software rendering, two cores.
import { type Browser, type CDPSession, type Page, chromium as chromiumType, expect, test } from '@playwright/test';

import { chromium, galleryDirectory } from '../support/environment.ts';
import { type Figure, report } from '../support/figures.ts';
import { FileServer } from '../support/servers/file-server.ts';

const ROUNDS = 20;
const SECONDS = 10;

let server: FileServer;
let browser: Browser;

test.beforeAll(async () => {
  server = await FileServer.start(galleryDirectory);
  browser = await chromiumType.launch({
    executablePath: chromium,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--autoplay-policy=no-user-gesture-required',
      '--use-fake-device-for-media-stream=fps=15',
      '--use-fake-ui-for-media-stream',
    ],
  });
});

test.afterAll(async () => {
  await browser.close();
  server.close();
});

for (const scene of ['call-30', 'call-49']) {
  test(`the page with the screen ${scene}`, async () => {
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
    const page = await context.newPage();
    await page.goto(server.url(`/gallery.html?scene=${scene}&camera`));
    await page.locator('html[data-scene="shown"]').waitFor();
    const playing = await allPlay(page);
    const cdp = await context.newCDPSession(page);
    await cdp.send('Performance.enable');
    const figures: Figure[] = [{ what: `${scene}: pictures that play`, unit: '', values: [playing] }, ...(await quiet(page, cdp, `${scene}, no speaker`))];
    await letThemSpeak(page);
    figures.push(...(await quiet(page, cdp, `${scene}, loudness at 10 Hz, a new speaker every second`)), ...(await answers(page, scene)));
    report(`responsiveness-${scene}`, figures);
    expect(playing).toBe(Number(scene.slice('call-'.length)));
    await context.close();
  });
}

async function allPlay(page: Page): Promise<number> {
  await page.waitForFunction(() => {
    const videos = [...document.querySelectorAll('video')];
    return videos.length >= 30 && videos.every((video) => video.getVideoPlaybackQuality().totalVideoFrames > 10);
  });
  return page.locator('video').count();
}

/** Frames, long tasks and main thread time while the page is idle. */
async function quiet(page: Page, cdp: CDPSession, what: string): Promise<Figure[]> {
  const before = await mainThread(cdp);
  const { frames, tasks } = await page.evaluate(async (seconds) => {
    const tasks: number[] = [];
    const observer = new PerformanceObserver((list) => list.getEntries().forEach(({ duration }) => tasks.push(duration)));
    observer.observe({ type: 'longtask' });
    const end = performance.now() + seconds * 1000;
    let frames = 0;
    await new Promise<void>((resolve) => {
      const next = (now: number): void => {
        frames += 1;
        if (now < end) requestAnimationFrame(next);
        else resolve();
      };
      requestAnimationFrame(next);
    });
    observer.disconnect();
    return { frames, tasks };
  }, SECONDS);
  const after = await mainThread(cdp);
  return [
    { what: `${what}: frames`, unit: 'per second', values: [frames / SECONDS] },
    { what: `${what}: longest task of the main thread, 0 if none took 50 ms`, unit: 'ms', values: [Math.max(0, ...tasks)] },
    { what: `${what}: main thread at work`, unit: '%', values: [(100 * (after.task - before.task)) / SECONDS] },
    { what: `${what}: of it scripts`, unit: '%', values: [(100 * (after.script - before.script)) / SECONDS] },
  ];
}

async function mainThread(cdp: CDPSession): Promise<{ task: number; script: number }> {
  const { metrics } = await cdp.send('Performance.getMetrics');
  const valueOf = (name: string): number => metrics.find((metric) => metric.name === name)?.value ?? Number.NaN;
  return { task: valueOf('TaskDuration'), script: valueOf('ScriptDuration') };
}

/** As sent by the server: volumes ten times a second, the active speaker once a second. */
async function letThemSpeak(page: Page): Promise<void> {
  await page.evaluate(() => {
    const { galleryEmit } = globalThis as unknown as { galleryEmit: (news: object) => void };
    const people = [...document.querySelectorAll<HTMLElement>('.tile[data-self="false"]')].map(({ dataset }) => dataset['peerId'] ?? '');
    let count = 0;
    setInterval(() => {
      count += 1;
      const volumes = people.filter((_, index) => (index + count) % 7 === 0).map((peerId) => ({ peerId, volume: -30 }));
      galleryEmit({ type: 'speakers', volumes });
      if (count % 10 === 0) galleryEmit({ type: 'activeSpeaker', peerId: people[(count / 10) % people.length] });
    }, 100);
  });
}

/** From the press until the next paint, as measured by the browser (Event Timing, in steps of 8 ms). */
async function answers(page: Page, scene: string): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const button of ['mute-button', 'chat-button', 'people-button', 'hand-button', 'more-button']) {
    const values: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) values.push(await answer(page, () => page.getByTestId(button).click()));
    if (button === 'more-button') await page.keyboard.press('Escape');
    figures.push({ what: `${scene}: from a press on ${button} to the next picture`, unit: 'ms', values });
  }
  const sizes: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) sizes.push(await resized(page, round % 2 === 0 ? 1280 : 1440));
  return [...figures, { what: `${scene}: from a new size of the window to the picture of it`, unit: 'ms', values: sizes }];
}

async function answer(page: Page, act: () => Promise<void>): Promise<number> {
  await page.evaluate(() => {
    const seen = globalThis as unknown as { longest: number };
    seen.longest = 0;
    const observer = new PerformanceObserver((list) => list.getEntries().forEach(({ duration }) => (seen.longest = Math.max(seen.longest, duration))));
    observer.observe({ type: 'event', durationThreshold: 16 } as PerformanceObserverInit);
  });
  await act();
  const handle = await page.waitForFunction(() => (globalThis as unknown as { longest: number }).longest || undefined, undefined, { timeout: 5000 });
  return (await handle.jsonValue()) ?? 0;
}

async function resized(page: Page, width: number): Promise<number> {
  await page.evaluate(() => {
    const seen = globalThis as unknown as { resized: Promise<number> };
    seen.resized = new Promise((resolve) => {
      addEventListener('resize', ({ timeStamp }) => requestAnimationFrame(() => requestAnimationFrame((now) => resolve(now - timeStamp))), { once: true });
    });
  });
  await page.setViewportSize({ width, height: 900 });
  return page.evaluate(() => (globalThis as unknown as { resized: Promise<number> }).resized);
}
