// The README's first command, with a stock Firefox and a Chromium in one call.
import { writeFileSync } from 'node:fs';

import { everyoneSeesAndHearsEveryone, everyoneShowsOnly } from '../support/people/call.ts';
import { withBrowsers } from '../support/people/browsers.ts';
import { FirefoxPerson } from '../support/people/firefox-person.ts';
import { MediaPod } from '../support/programs/media-pod.ts';
import { People } from '../support/people/people.ts';
import type { Participant } from '../support/people/participant.ts';
import { waitUntil } from '../support/wait.ts';
import { expect } from '@playwright/test';

interface Call {
  pod: MediaPod;
  url: string;
  ada: FirefoxPerson;
  grace: Participant;
}

const test = withBrowsers.extend<{ call: Call }>({
  call: async ({ browsers }, use, info) => {
    const pod = await MediaPod.start({ isOnTheNetwork: true });
    const url = pod.url('/m/hello');
    const ada = await FirefoxPerson.open('Ada', url);
    const people = new People(browsers);
    try {
      await ada.isPrepared();
      await ada.enter();
      const grace = await people.join('Grace', { url });
      await use({ pod, url, ada, grace });
    } finally {
      if (info.status !== info.expectedStatus) {
        writeFileSync(info.outputPath('media-pod.log'), pod.program.output);
        writeFileSync(info.outputPath('Ada-console.log'), `${ada.console.join('\n')}\n`);
        await ada.screenshot(info.outputPath('Ada.png')).catch(() => undefined);
        await people.dump(info);
      }
      await Promise.all([ada.close(), people.closeAll(), pod.program.kill()]);
    }
  },
});

/** New frames of a shared screen arrive. */
async function seesScreen(person: FirefoxPerson | Participant, of: string): Promise<void> {
  await waitUntil(`${person.name} sees a shared screen`, 20, async () => {
    const pictures = (await person.stats()).filter(({ peerId, kind, framesDecoded = 0 }) => peerId === of && kind === 'video' && framesDecoded > 0);
    return pictures.length === 2 ? undefined : `${String(pictures.length)} pictures arrive`;
  });
}

test('Firefox and Chromium see and hear each other, also after the media pod has died', async ({ call: { pod, ada, grace } }) => {
  await ada.isConnected();
  await everyoneSeesAndHearsEveryone([ada, grace]);

  await pod.program.kill();
  await grace.seesTrouble(10);
  const successor = await MediaPod.start({ port: pod.port, isOnTheNetwork: true });
  try {
    await ada.isConnected(40);
    await everyoneSeesAndHearsEveryone([ada, grace]);
  } finally {
    await successor.program.kill();
  }
});

test('they chat, share their screens, and switch their cameras off and on', async ({ call: { ada, grace } }) => {
  await everyoneSeesAndHearsEveryone([ada, grace]);

  await ada.click('chat-button');
  await ada.type('chat-input', 'From Firefox');
  await ada.page.keyboard.press('Enter');
  await grace.page.getByTestId('chat-button').click();
  await expect(grace.page.getByTestId('chat-message')).toContainText(['From Firefox']);
  await grace.page.getByTestId('chat-input').fill('From Chromium');
  await grace.page.getByTestId('chat-input').press('Enter');
  await waitUntil('the answer is shown', 10, async () => ((await ada.text('chat-message')).includes('From Chromium') ? undefined : 'not yet'));

  await grace.page.getByTestId('share-button').click();
  await seesScreen(ada, await grace.peerId());
  await grace.page.getByTestId('share-button').click();
  await ada.click('share-button');
  await seesScreen(grace, await ada.peerId());
  await ada.click('share-button');
  await expect(grace.page.getByTestId('share-tile')).toHaveCount(0);

  const picture = grace.page.locator(`[data-testid="tile"][data-peer-id="${await ada.peerId()}"] video`);
  await ada.click('camera-button');
  await expect(picture).toBeHidden();
  await ada.click('camera-button');
  await everyoneSeesAndHearsEveryone([ada, grace]);
});

test('typing in the chat of a Firefox toggles no device, and the last press of a button counts', async ({ call: { ada, grace } }) => {
  await everyoneSeesAndHearsEveryone([ada, grace]);
  const tile = grace.page.locator(`[data-testid="tile"][data-peer-id="${await ada.peerId()}"]`);
  await ada.click('mute-button');
  await ada.click('camera-button');
  await expect(tile).toHaveAttribute('data-muted', 'true');
  await expect(tile).toHaveAttribute('data-video', 'false');
  await ada.click('chat-button');
  await ada.page.keyboard.type('demo move cave');
  await waitUntil('the words are in the message box', 10, async () => ((await ada.value('chat-input')) === 'demo move cave' ? undefined : 'not yet'));
  await expect(tile).toHaveAttribute('data-muted', 'true');
  await expect(tile).toHaveAttribute('data-video', 'false');
  // On, off, on: faster than a microphone opens.
  for (let press = 0; press < 3; press += 1) await ada.click('mute-button');
  await expect(tile).toHaveAttribute('data-muted', 'false');
  for (let press = 0; press < 3; press += 1) await ada.click('mute-button');
  await expect(tile).toHaveAttribute('data-muted', 'true');
});

test('a Firefox that leaves disappears at once', async ({ call: { ada, grace } }) => {
  await everyoneSeesAndHearsEveryone([ada, grace]);
  await ada.click('leave-button');
  await everyoneShowsOnly([grace]);
});
