// A pod on a machine without network accepts media only at 127.0.0.1, to which Firefox does not connect: the page says so before the call.
import { FirefoxPerson } from '../support/people/firefox-person.ts';
import { MediaPod } from '../support/programs/media-pod.ts';
import { waitUntil } from '../support/wait.ts';
import { expect, test } from '@playwright/test';

test('Firefox warns of a pod to which it cannot send media, and of no other', async ({}, info) => {
  const pods = await Promise.all([MediaPod.start(), MediaPod.start({ isOnTheNetwork: true })]);
  const [near, far] = pods;
  const ada = await FirefoxPerson.open('Ada', near.url('/m/hello'));
  try {
    await waitUntil('the page says so', 10, async () => {
      const text = await ada.text('out-of-reach-hint');
      return text.includes('127.0.0.1') ? undefined : `it says "${text}"`;
    });
    expect(near.program.output).toContain('loopback addresses only');
    await ada.page.goto(far.url('/m/hello'));
    await waitUntil('another meeting is shown', 10, async () => ((await ada.text('join-button')) === '' ? 'not yet' : undefined));
    expect(await ada.text('out-of-reach-hint')).toBe('');
  } finally {
    if (info.status !== info.expectedStatus) await ada.screenshot(info.outputPath('Ada.png')).catch(() => undefined);
    await Promise.all([ada.close(), ...pods.map(({ program }) => program.kill())]);
  }
});
