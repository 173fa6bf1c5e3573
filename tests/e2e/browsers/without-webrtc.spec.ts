// A browser without WebRTC: WebKitGTK as built by Debian. Every page says so, and what to use instead.
import { writeFileSync } from 'node:fs';

import { MediaPod } from '../support/programs/media-pod.ts';
import { waitUntil } from '../support/wait.ts';
import { WebKit } from '../support/people/webkit.ts';
import { expect, test as base } from '@playwright/test';

const DOORS = ['/', '/m/hello', '/m/team/hello'];
const HOME_LINK = '[data-testid="home-link"]';

const test = base.extend<{ pod: MediaPod; webkit: WebKit }>({
  pod: async ({}, use) => {
    const pod = await MediaPod.start();
    await use(pod);
    await pod.program.kill();
  },
  webkit: async ({ pod }, use, info) => {
    const webkit = await WebKit.open();
    try {
      await use(webkit);
    } finally {
      if (info.status !== info.expectedStatus) {
        writeFileSync(info.outputPath('media-pod.log'), pod.program.output);
        await webkit.screenshot(info.outputPath('webkit.png')).catch(() => undefined);
      }
      await webkit.close();
    }
  },
});

/** The page shows only the message, without any button or link. */
async function saysThatItCannot(webkit: WebKit): Promise<void> {
  await waitUntil('the page says what is wrong', 10, async () => {
    const text = await webkit.evaluate<string>('return document.body.innerText');
    return /This browser doesn’t support video calls\s+.*\bChrome, Edge, Firefox, or Safari\b/u.test(text) ? undefined : `it says ${text}`;
  });
  expect(await webkit.evaluate(`return [...document.querySelectorAll('a, button, input, select')].map(({ outerHTML }) => outerHTML)`)).toEqual([]);
}

/** Opens the page in a frame and listens to its window before any script of the page runs; collects errors and warnings. */
const OPEN_IN_FRAME = `
  const frame = document.createElement('iframe');
  frame.src = arguments[0];
  document.body.replaceChildren(frame);
  const page = frame.contentWindow;
  window.complaints = [];
  page.addEventListener('error', ({ message }) => window.complaints.push(message));
  page.addEventListener('unhandledrejection', ({ reason }) => window.complaints.push(String(reason)));
  page.console.error = (...words) => window.complaints.push(words.join(' '));
  page.console.warn = page.console.error;`;

/** Throws in the frame at the end, to check that errors are noticed. */
const THROW_IN_FRAME = `
  const page = document.querySelector('iframe').contentWindow;
  page.Promise.reject(new page.Error('on purpose'));`;

test('without WebRTC, the front page and meetings say so and what to use instead, and have no buttons', async ({ pod, webkit }) => {
  for (const door of DOORS) {
    await webkit.goto(pod.url(door));
    expect(await webkit.evaluate('return typeof RTCPeerConnection'), 'this WebKitGTK is built without WebRTC').toBe('undefined');
    await saysThatItCannot(webkit);
  }
  await webkit.goto(pod.url('/m/a/b/c'));
  await waitUntil('the link to the front page is shown', 10, async () => {
    const isThere = await webkit.evaluate<boolean>(`return document.querySelector('${HOME_LINK}') !== null`);
    return isThere ? undefined : 'not yet';
  });
  await webkit.evaluate(`document.querySelector('${HOME_LINK}').click()`);
  await saysThatItCannot(webkit);
});

test('without WebRTC, nothing throws', async ({ pod, webkit }) => {
  await webkit.goto(pod.url('/healthz'));
  for (const door of DOORS) {
    await webkit.evaluate(OPEN_IN_FRAME, door);
    await waitUntil(`${door} is shown`, 10, async () => {
      const isShown = await webkit.evaluate<boolean>(`return document.querySelector('iframe').contentDocument.querySelector('h1') !== null`);
      return isShown ? undefined : `complaints: ${await webkit.evaluate<string>('return window.complaints.join()')}`;
    });
    await webkit.evaluate(THROW_IN_FRAME);
    await waitUntil('the error is noticed', 10, async () => {
      const complaints = await webkit.evaluate<string[]>('return window.complaints');
      return complaints.includes('Error: on purpose') ? undefined : `complaints: ${complaints.join()}`;
    });
    expect(await webkit.evaluate('return window.complaints'), door).toEqual(['Error: on purpose']);
  }
});
