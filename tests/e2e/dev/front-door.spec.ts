// Entry points: the front page, alternative and invalid URLs, pages that embed the app; and rejoining after a crash.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import type { Page } from '@playwright/test';

import { everyoneShowsOnly } from '../support/people/call.ts';
import { MediaPod } from '../support/programs/media-pod.ts';
import { expect, test } from './fixtures.ts';

test('a code leads from the front page to its meeting, which is listed afterwards until the list is cleared', async ({ pod, people }) => {
  const ada = await people.open('Ada', { url: pod.url('/') });
  await ada.page.getByTestId('entry-input').fill('two words');
  await ada.page.getByTestId('entry-button').click();
  await expect(ada.page.getByTestId('error-message')).toBeVisible();
  await ada.page.getByTestId('entry-input').fill('Hello/');
  await ada.page.getByTestId('entry-button').click();
  await expect(ada.page).toHaveURL(pod.url('/m/hello'));
  await ada.enter();
  await ada.isConnected();
  await ada.leave();
  await ada.page.getByTestId('home-link').click();
  const recent = ada.page.getByRole('link', { name: /hello/ });
  await expect(recent).toHaveAttribute('href', '/m/hello');
  await ada.page.getByTestId('clear-recent').click();
  await expect(recent).toHaveCount(0);
});

test('all spellings of a URL lead into one room, and wrong URLs to a page', async ({ pod, people }) => {
  const ada = await people.join('Ada', { url: pod.url('/m/caf%C3%A9') });
  const grace = await people.join('Grace', { url: pod.url('/m/CAFE%CC%81/') });
  await everyoneShowsOnly([ada, grace]);
  const lost = await people.open('Lost', { url: pod.url('/m/a/b/c') });
  await expect(lost.page.getByTestId('error-message')).toBeVisible();
  await expect(lost.page.getByTestId('home-link')).toBeVisible();
  const program = await fetch(pod.url('/m/a/b/c'), { headers: { accept: 'application/json' } });
  expect([program.status, program.headers.get('content-type')]).toEqual([404, 'application/problem+json']);
});

/** A page of another origin with the app in a frame. */
async function embedding(page: Page, address: string): Promise<() => void> {
  const body = `<!doctype html><title>Intranet</title><iframe src="${address}" allow="camera; microphone" width="1000" height="700"></iframe>`;
  const server = createServer((_request, response) => void response.writeHead(200, { 'content-type': 'text/html' }).end(body)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  await page.goto(`http://127.0.0.1:${String((server.address() as AddressInfo).port)}/`);
  return () => {
    server.closeAllConnections();
    server.close();
  };
}

test('the app can be embedded by allowed pages, with camera and microphone, and by no others', async ({ people }) => {
  for (const [args, isShown] of [
    [['--embed-origins', '*'], true],
    [[], false],
  ] as const) {
    const pod = await MediaPod.start({ args });
    const ada = await people.open('Ada', { url: 'about:blank' });
    const close = await embedding(ada.page, pod.url('/m/hello'));
    const frame = ada.page.frameLocator('iframe');
    if (isShown) {
      await frame.getByTestId('name-input').fill('Ada');
      await frame.getByTestId('join-button').click();
      await expect(frame.getByTestId('connection-state')).toHaveAttribute('data-state', 'connected', { timeout: 20_000 });
      await expect(frame.locator('[data-testid="tile"][data-self="true"]')).toHaveAttribute('data-video', 'true');
    } else {
      await expect.poll(() => ada.console.join('\n')).toMatch(/frame-ancestors/);
      await expect(frame.getByTestId('join-button')).toHaveCount(0);
    }
    close();
    await ada.close();
    await pod.program.kill();
  }
});

/** Ends the page as a crash of its process does: without leaving. */
async function crash(page: Page): Promise<void> {
  const cdp = await page.context().newCDPSession(page);
  const crashed = page.waitForEvent('crash');
  cdp.send('Page.crash').catch(() => undefined);
  await crashed;
}

test('a participant who crashed without camera and microphone is marked, too', async ({ pod, people }) => {
  const place = { url: pod.url('/m/hello') };
  const ada = await people.join('Ada', place);
  const grace = await people.open('Grace', place);
  await grace.page.getByTestId('mute-button').click();
  await grace.page.getByTestId('camera-button').click();
  await grace.enter();
  await grace.isConnected();
  const tile = ada.page.locator(`[data-peer-id="${await grace.peerId()}"][data-testid="tile"]`);
  await expect(tile).toHaveAttribute('data-link', 'good');
  await crash(grace.page);
  await expect(tile).toHaveAttribute('data-link', 'lost', { timeout: 5_000 });
});

test('a crashed participant is marked for the others, and can rejoin a full meeting at once', async ({ people }) => {
  const pod = await MediaPod.start({ args: ['--max-peers', '2'] });
  const place = { url: pod.url('/m/hello') };
  const ada = await people.join('Ada', place);
  const grace = await people.join('Grace', place);
  const id = await grace.peerId();
  await expect(ada.page.locator(`[data-peer-id="${id}"][data-testid="tile"]`)).toHaveAttribute('data-video', 'true', { timeout: 15_000 });
  const context = grace.page.context();
  await crash(grace.page);
  await expect(ada.page.locator(`[data-peer-id="${id}"][data-testid="tile"]`)).toHaveAttribute('data-link', 'lost', { timeout: 5_000 });
  const again = await context.newPage();
  await again.goto(place.url);
  await again.getByTestId('name-input').fill('Grace');
  await again.getByTestId('join-button').click();
  await expect(again.getByTestId('connection-state')).toHaveAttribute('data-state', 'connected', { timeout: 5_000 });
  await expect(ada.page.getByTestId('tile')).toHaveCount(2);
  await pod.program.kill();
});
