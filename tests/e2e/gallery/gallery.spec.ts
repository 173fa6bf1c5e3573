// Every screen with fixed data, at three sizes and with touch: nothing overflows or is cut off, nothing covers names, targets are
// large enough, tiles use the space and have a suitable aspect ratio, and axe finds nothing. With
// CONVENE_GALLERY_PICTURES a screenshot of each is written to that folder.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

import { type Browser, type BrowserContextOptions, type Page, chromium as chromiumType, expect, test } from '@playwright/test';

import { chromium, galleryDirectory, galleryPictures } from '../support/environment.ts';
import { FileServer } from '../support/servers/file-server.ts';
import { namesOfScenes, showScene } from '../support/scenes.ts';

const SIZES = [
  { width: 360, height: 640 },
  { width: 768, height: 1024 },
  { width: 1440, height: 900 },
] as const;

/** Generous, since in `make test` other steps have priority. Usually a size takes a minute. */
const LIMIT = 1_800_000;

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

let server: FileServer;
let browser: Browser;
let scenes: string[];

test.beforeAll(async () => {
  server = await FileServer.start(galleryDirectory);
  browser = await chromiumType.launch({ executablePath: chromium, args: ['--no-sandbox', '--disable-gpu', '--autoplay-policy=no-user-gesture-required'] });
  scenes = await namesOfScenes(browser, server);
  expect(scenes.length).toBeGreaterThan(30);
});

test.afterAll(async () => {
  await browser.close();
  server.close();
});

for (const size of SIZES) {
  test(`every screen fits ${String(size.width)}×${String(size.height)} and axe finds nothing`, async () => {
    test.setTimeout(LIMIT);
    await look(size, scenes, { theme: 'dark', language: 'en' });
  });
}

test('the light theme has enough contrast, longer texts fit, and touch targets are large enough', async () => {
  test.setTimeout(LIMIT);
  await look({ width: 360, height: 640 }, scenes, { theme: 'light', language: 'de' }, { hasTouch: true });
});

test('the third language fits, on a phone in landscape', async () => {
  test.setTimeout(LIMIT);
  await look({ width: 740, height: 360 }, scenes, { theme: 'dark', language: 'es' }, { hasTouch: true });
});

interface Viewport {
  width: number;
  height: number;
}

async function look(viewport: Viewport, names: readonly string[], query: Record<string, string>, device: BrowserContextOptions = {}): Promise<void> {
  const context = await browser.newContext({ viewport, reducedMotion: 'reduce', ...device });
  const page = await context.newPage();
  const problems: string[] = [];
  page.on('pageerror', (error) => problems.push(`an error: ${error.message}`));
  const found: string[] = [];
  for (const scene of names) {
    problems.length = 0;
    await showScene(page, server, { scene, ...query });
    if (galleryPictures !== undefined) {
      await page.screenshot({ path: join(galleryPictures, `${scene}-${String(viewport.width)}-${query['theme'] ?? ''}.png`) });
    }
    problems.push(...(await layoutProblems(page)), ...(await textProblems(page)), ...(await tileProblems(page)), ...(await axeProblems(page)));
    if (device.hasTouch === true) problems.push(...(await targetProblems(page)));
    found.push(...problems.map((problem) => `${scene}: ${problem}`));
  }
  await context.close();
  expect(found).toEqual([]);
}

async function layoutProblems(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const problems: string[] = [];
    const nameOf = (element: Element): string => element.getAttribute('aria-label') ?? element.textContent.trim().slice(0, 40);
    if (document.documentElement.scrollWidth > innerWidth) problems.push(`the page is ${String(document.documentElement.scrollWidth)} wide`);
    const top = document.querySelector('dialog[open]') ?? document;
    for (const button of top.querySelectorAll<HTMLElement>('button, .menu, input, select, textarea')) {
      const box = button.getBoundingClientRect();
      if (
        box.width === 0 ||
        getComputedStyle(button).opacity === '0' ||
        button.closest('[class*="panel"], .people, .messages, .focus-strip, .menu > *, dialog') !== null
      )
        continue;
      if (box.left < -0.5 || box.right > innerWidth + 0.5) problems.push(`"${nameOf(button)}" sticks out sideways`);
      if (button.closest('.call') !== null && (box.top < -0.5 || box.bottom > innerHeight + 0.5)) problems.push(`"${nameOf(button)}" is off the screen`);
      if (box.width < 24 && !button.matches('.control-arrow')) problems.push(`"${nameOf(button)}" is only ${String(box.width)} wide`);
    }
    return problems;
  });
}

/** Text is ellipsized or wrapped, never cut off, and no banner or toast covers a name. */
async function textProblems(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const problems: string[] = [];
    const textOf = (element: Element): string => element.textContent.trim().slice(0, 40);
    // Elements for screen readers only are one pixel large.
    const isHeardOnly = (element: Element): boolean =>
      element.closest('.visually-hidden') !== null || (element.clientWidth === 1 && element.clientHeight === 1);
    const isShown = (element: HTMLElement): boolean => element.checkVisibility() && !isHeardOnly(element);
    for (const element of document.querySelectorAll<HTMLElement>('#root *, .menu *')) {
      const hasWords = [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.nodeValue?.trim() !== '');
      if (!hasWords || !isShown(element)) continue;
      const { overflowX, textOverflow } = getComputedStyle(element);
      const box = element.getBoundingClientRect();
      const endsWell = textOverflow === 'ellipsis' || ['TEXTAREA', 'SELECT', 'OPTION'].includes(element.tagName);
      if (!endsWell && overflowX !== 'visible' && element.scrollWidth > element.clientWidth + 1) problems.push(`"${textOf(element)}" is cut off`);
      if (box.width > 0 && (box.right > innerWidth + 1 || box.left < -1) && element.closest('.focus-strip') === null)
        problems.push(`"${textOf(element)}" sticks out`);
    }
    const names = [...document.querySelectorAll('.tile-name')].map((name) => [name, name.getBoundingClientRect()] as const);
    for (const toast of document.querySelectorAll<HTMLElement>('.toast')) {
      const box = toast.getBoundingClientRect();
      const covered = names.filter(([, name]) => name.left < box.right && name.right > box.left && name.top < box.bottom && name.bottom > box.top);
      if (isShown(toast)) problems.push(...covered.map(([name]) => `the notice "${textOf(toast)}" covers the name "${textOf(name)}"`));
    }
    return problems;
  });
}

/** Tiles do not overlap, are not too narrow for a face or a name, and use the available space. */
async function tileProblems(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const problems: string[] = [];
    for (const grid of document.querySelectorAll('.grid-tiles')) {
      const space = grid.getBoundingClientRect();
      const boxes = [...grid.querySelectorAll('.tile')].map((tile) => tile.getBoundingClientRect());
      for (const { width, height, left, right, top, bottom } of boxes) {
        const shape = width / height;
        if (shape < 0.74 || shape > 1.79) problems.push(`a tile is ${String(Math.round(width))}×${String(Math.round(height))}`);
        if (width < 100 || height < 60) problems.push(`a tile is only ${String(Math.round(width))}×${String(Math.round(height))}`);
        if (left < space.left - 1 || right > space.right + 1 || top < space.top - 1 || bottom > space.bottom + 1)
          problems.push('a tile is outside of the grid');
        const covering = boxes.filter((other) => other.left < right - 1 && other.right > left + 1 && other.top < bottom - 1 && other.bottom > top + 1);
        if (covering.length > 1) problems.push('tiles cover each other');
      }
      const used = boxes.reduce((sum, { width, height }) => sum + width * height, 0) / (space.width * space.height);
      const width = Math.max(...boxes.map(({ right }) => right)) - Math.min(...boxes.map(({ left }) => left));
      const height = Math.max(...boxes.map(({ bottom }) => bottom)) - Math.min(...boxes.map(({ top }) => top));
      if (width < space.width * 0.9 && height < space.height * 0.85) problems.push('the tiles fill neither the width nor the height');
      // One wide tile in a wider space can do no better.
      if (used < 0.35) problems.push(`${String(boxes.length)} tiles use only ${String(Math.round(used * 100))} % of their space`);
    }
    return problems;
  });
}

/** Touch targets are 44 px high and nearly as wide. */
async function targetProblems(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const top = document.querySelector('dialog[open]') ?? document;
    const targets = [...top.querySelectorAll<HTMLElement>('button, [role^="menuitem"], select, textarea, input:not([type="checkbox"])')];
    // The whole row of a switch is its target.
    const lines = [...top.querySelectorAll<HTMLElement>('.switch')];
    return [...targets, ...lines]
      .filter((target) => target.checkVisibility({ opacityProperty: true }))
      .map((target) => ({ target, box: target.getBoundingClientRect() }))
      .filter(({ target, box }) => box.width > 0 && (box.height < 43.5 || box.width < (target.matches('.control-arrow') ? 21 : 43.5)))
      .map(({ target, box }) => `"${target.getAttribute('aria-label') ?? target.textContent}" is only ${String(box.width)}×${String(box.height)}`);
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
  return violations.map(
    ({ id, nodes }) =>
      `axe ${id}: ${nodes
        .map(({ target, failureSummary = '' }) => `${String(target[0])} ${failureSummary.split('\n')[1] ?? ''}`)
        .join('; ')
        .slice(0, 500)}`,
  );
}
