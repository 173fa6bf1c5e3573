// The page as an installable app, and what browsers and audits require of a page. Chromium itself reports what is missing.
// The headers that protect the page belong to the router and are tested there.
import { type BrowserContext, type CDPSession, type Page, chromium as chromiumType } from '@playwright/test';

import { chromium } from '../support/environment.ts';
import { expect, test } from './fixtures.ts';

interface Manifest {
  name: string;
  short_name: string;
  start_url: string;
  scope: string;
  display: string;
  theme_color: string;
  background_color: string;
  icons: { src: string; sizes: string; purpose: string }[];
}

interface Opened {
  context: BrowserContext;
  page: Page;
  cdp: CDPSession;
  /** Errors and warnings of console and network. */
  complaints: string[];
}

/** A separate profile: apps cannot be installed from private windows. */
async function open(url: string): Promise<Opened> {
  const context = await chromiumType.launchPersistentContext('', {
    executablePath: chromium,
    args: ['--no-sandbox', '--disable-gpu', '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'],
  });
  const page = context.pages()[0] ?? (await context.newPage());
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('response', (response) => {
    if (response.status() >= 400) complaints.push(`${String(response.status())} ${response.url()}`);
  });
  await page.goto(url);
  await page.getByTestId('join-button').waitFor();
  return { context, page, cdp: await context.newCDPSession(page), complaints };
}

test('Chromium reports no obstacle to installing the app, and no errors', async ({ pod }) => {
  const { context, page, cdp, complaints } = await open(pod.url('/m/hello'));
  const { installabilityErrors } = await cdp.send('Page.getInstallabilityErrors');
  expect(installabilityErrors).toEqual([]);

  const { url, data, errors } = await cdp.send('Page.getAppManifest');
  expect(errors).toEqual([]);
  const manifest = JSON.parse(data ?? '{}') as Manifest;
  expect(manifest).toMatchObject({ name: 'Convene', display: 'standalone', start_url: '/', scope: '/' });
  expect(manifest.short_name.length).toBeLessThanOrEqual(12);
  expect([manifest.theme_color, manifest.background_color]).toEqual([expect.stringMatching(/^#/), expect.stringMatching(/^#/)]);
  const icons = manifest.icons.map(({ sizes, purpose }) => `${sizes} ${purpose}`);
  expect(icons).toEqual(expect.arrayContaining(['192x192 any', '512x512 any', '512x512 maskable']));
  const sizes = await Promise.all(manifest.icons.map(({ src }) => sizeOf(page, new URL(src, url).href)));
  expect(sizes).toEqual(manifest.icons.map(({ sizes: size }) => size));
  expect((await page.request.get(new URL(manifest.start_url, url).href)).status()).toBe(200);
  expect(complaints).toEqual([]);
  await context.close();
});

function sizeOf(page: Page, address: string): Promise<string> {
  return page.evaluate(async (src) => {
    const image = new Image();
    image.src = src;
    await image.decode();
    return `${String(image.naturalWidth)}x${String(image.naturalHeight)}`;
  }, address);
}

test('the page has a title, a description and a language, and can be zoomed', async ({ pod }) => {
  const { context, page } = await open(pod.url('/m/hello'));
  const head = await page.evaluate(() => {
    const contentOf = (name: string): string => document.querySelector<HTMLMetaElement>(`meta[name="${name}"]`)?.content ?? '';
    return {
      language: document.documentElement.lang,
      title: document.title,
      description: contentOf('description'),
      viewport: contentOf('viewport'),
      themes: document.querySelectorAll('meta[name="theme-color"]').length,
      touchIcon: document.querySelector<HTMLLinkElement>('link[rel="apple-touch-icon"]')?.href ?? '',
      doctype: document.doctype?.name,
      charset: document.characterSet,
    };
  });
  expect(head).toMatchObject({ language: 'en', doctype: 'html', charset: 'UTF-8', themes: 2 });
  expect(head.title).toContain('Convene');
  expect(head.description.length).toBeGreaterThan(50);
  expect(head.viewport).toContain('width=device-width');
  expect(head.viewport).not.toMatch(/user-scalable|maximum-scale/);
  expect(await sizeOf(page, head.touchIcon)).toBe('180x180');
  await context.close();
});
