// The chat history in a browser: earlier messages are loaded by keyboard and by scrolling, and the scroll position is kept.
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
});

test.beforeEach(async () => {
  page = await browser.newPage({ viewport: { width: 1000, height: 560 } });
  await showScene(page, server, { scene: 'chat-earlier', language: 'en' });
});

test.afterEach(async () => {
  await page.close();
});

test.afterAll(async () => {
  await browser.close();
  server.close();
});

const topOf = (text: string): Promise<number> => page.getByText(text).evaluate((element) => Math.round(element.getBoundingClientRect().top));
const messages = (): ReturnType<Page['getByTestId']> => page.getByTestId('chat-message');
const list = (): ReturnType<Page['getByRole']> => page.getByRole('log', { name: 'Messages' });
const isAtEnd = (): Promise<boolean> => list().evaluate((element) => element.scrollHeight - element.scrollTop - element.clientHeight < 2);

/** Emits a message of another participant. */
function arrives(id: number): Promise<void> {
  return page.evaluate((number) => {
    const message = { id: number, peerId: 'peer2', displayName: 'Linus Öberg', text: `Live message ${String(number)}`, sentAt: Date.now() };
    (globalThis as unknown as { galleryEmit: (news: object) => void }).galleryEmit({ type: 'chatMessage', message });
  }, id);
}

test('the button works by keyboard and keeps the focus, until all messages are loaded', async () => {
  expect(await isAtEnd()).toBe(true);
  await page.getByTestId('load-earlier').focus();
  await page.keyboard.press('Enter');
  await expect(messages()).toHaveCount(26);
  await expect(page.getByTestId('load-earlier')).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(messages()).toHaveCount(46);
  await expect(messages().first()).toHaveText('Message number 1');
  await expect(page.getByTestId('load-earlier')).toHaveCount(0);
  await expect(list()).toBeFocused();
});

test('scrolling to the top loads earlier messages, and keeps the scroll position', async () => {
  const scrolled = await list().evaluate((element) => element.scrollTop);
  expect(scrolled).toBeGreaterThan(48);
  const before = await topOf('We start in a minute.');
  await list().evaluate((element) => (element.scrollTop = 0));
  await expect(messages()).toHaveCount(26);
  expect(Math.abs((await topOf('We start in a minute.')) - before - scrolled)).toBeLessThanOrEqual(2);
});

test('new messages are followed at the end, and do not move the list further up', async () => {
  await arrives(47);
  await expect(messages()).toHaveCount(7);
  expect(await isAtEnd()).toBe(true);
  await page.getByTestId('load-earlier').press('Enter');
  await expect(messages()).toHaveCount(26 + 1);
  await list().evaluate((element) => (element.scrollTop = 200));
  await page.evaluate(() => new Promise(requestAnimationFrame));
  const before = await topOf('Message number 30');
  await arrives(48);
  await expect(messages()).toHaveCount(28);
  expect([await topOf('Message number 30'), await isAtEnd()]).toEqual([before, false]);
});
