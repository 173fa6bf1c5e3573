// Every screen with fixed data, at three sizes: nothing sticks out, nothing that can be pressed is covered or too small to hit, and axe
// finds nothing. With CONVENE_GALLERY_PICTURES each is photographed into that folder, to be looked at.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

import { type Browser, type Page, chromium as chromiumType, expect, test } from '@playwright/test';

import { chromium, galleryDirectory, galleryPictures } from '../support/environment.ts';
import { FileServer } from '../support/file-server.ts';

const SIZES = [
  { width: 360, height: 640 },
  { width: 768, height: 1024 },
  { width: 1440, height: 900 },
] as const;

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

let server: FileServer;
let browser: Browser;
let scenes: string[];

test.beforeAll(async () => {
  server = await FileServer.start(galleryDirectory);
  browser = await chromiumType.launch({ executablePath: chromium, args: ['--no-sandbox', '--disable-gpu', '--autoplay-policy=no-user-gesture-required'] });
  const page = await browser.newPage();
  await page.goto(server.url('/gallery.html'));
  scenes = await page.getByRole('link').allTextContents();
  await page.close();
  expect(scenes.length).toBeGreaterThan(30);
});

test.afterAll(async () => {
  await browser.close();
  server.close();
});

for (const size of SIZES) {
  test(`every screen fits ${String(size.width)}×${String(size.height)} and axe finds nothing`, async () => {
    test.setTimeout(600_000);
    await look(size, scenes, { theme: 'dark', language: 'en' });
  });
}

test('the light colours have enough contrast, and longer words fit', async () => {
  test.setTimeout(600_000);
  await look({ width: 360, height: 640 }, scenes, { theme: 'light', language: 'de' });
});

async function look(viewport: { width: number; height: number }, names: readonly string[], query: Record<string, string>): Promise<void> {
  const context = await browser.newContext({ viewport, reducedMotion: 'reduce' });
  const page = await context.newPage();
  const problems: string[] = [];
  page.on('pageerror', (error) => problems.push(`an error: ${error.message}`));
  const found: string[] = [];
  for (const scene of names) {
    problems.length = 0;
    await page.goto(server.url(`/gallery.html?${new URLSearchParams({ scene, ...query }).toString()}`));
    await page.locator('html[data-scene="shown"]').waitFor();
    await picturesAreThere(page);
    if (galleryPictures !== undefined) {
      await page.screenshot({ path: join(galleryPictures, `${scene}-${String(viewport.width)}-${query['theme'] ?? ''}.png`) });
    }
    problems.push(...(await layoutProblems(page)), ...(await axeProblems(page)));
    found.push(...problems.map((problem) => `${scene}: ${problem}`));
  }
  await context.close();
  expect(found).toEqual([]);
}

/** Tiles are there, and show their picture if they have one. */
async function picturesAreThere(page: Page): Promise<void> {
  await page.waitForFunction(() => {
    if (document.querySelector('.call') !== null && document.querySelector('.tile') === null) return false;
    const withPicture = document.querySelectorAll('.tile[data-video="true"]').length;
    if (document.querySelectorAll('.tile video').length < withPicture) return false;
    const onScreen = [...document.querySelectorAll('video')].filter((video) => video.clientWidth > 0);
    return onScreen.every((video) => video.classList.contains('video-visible'));
  });
}

async function layoutProblems(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const problems: string[] = [];
    const nameOf = (element: Element): string => element.getAttribute('aria-label') ?? element.textContent.trim().slice(0, 40);
    if (document.documentElement.scrollWidth > innerWidth) problems.push(`the page is ${String(document.documentElement.scrollWidth)} wide`);
    const top = document.querySelector('dialog[open]') ?? document;
    for (const button of top.querySelectorAll<HTMLElement>('button, [role="menuitem"], input, select, textarea')) {
      const box = button.getBoundingClientRect();
      if (box.width === 0 || getComputedStyle(button).opacity === '0' || button.closest('[class*="panel"], .people, .messages, dialog') !== null) continue;
      if (box.left < -0.5 || box.right > innerWidth + 0.5) problems.push(`"${nameOf(button)}" sticks out sideways`);
      if (button.closest('.call') !== null && (box.top < -0.5 || box.bottom > innerHeight + 0.5)) problems.push(`"${nameOf(button)}" is off the screen`);
      if (box.width < 24 && !button.matches('.control-arrow')) problems.push(`"${nameOf(button)}" is only ${String(box.width)} wide`);
    }
    return problems;
  });
}

interface Violation {
  id: string;
  nodes: { target: unknown[]; failureSummary?: string }[];
}

async function axeProblems(page: Page): Promise<string[]> {
  await page.evaluate(axe);
  const violations = await page.evaluate(async () => {
    const run = (globalThis as unknown as { axe: { run(): Promise<{ violations: Violation[] }> } }).axe.run();
    return (await run).violations;
  });
  return violations.map(({ id, nodes }) => `axe ${id}: ${nodes.map(({ target, failureSummary = '' }) => `${String(target[0])} ${failureSummary.split('\n')[1] ?? ''}`).join('; ').slice(0, 500)}`);
}
