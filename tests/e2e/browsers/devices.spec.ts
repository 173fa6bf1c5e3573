// Devices that go, come, and are taken away by the system, in Firefox and in Chromium: what the page says is what it sends.
import { writeFileSync } from 'node:fs';

import { everyoneSeesAndHearsEveryone } from '../support/people/call.ts';
import {
  holdPicker,
  installFakeDevices,
  interruptMicrophone,
  pickScreen,
  plugIn,
  plugSpeakers,
  speakersInUse,
  unplug,
} from '../support/people/fake-devices.ts';
import { withBrowsers } from '../support/people/browsers.ts';
import { FirefoxPerson } from '../support/people/firefox-person.ts';
import { People } from '../support/people/people.ts';
import type { DrivenPerson, TrackStats } from '../support/people/person.ts';
import { MediaPod } from '../support/programs/media-pod.ts';
import { waitUntil } from '../support/wait.ts';
import { expect } from '@playwright/test';

/** Who has the devices, and who sees and hears them. */
interface Roles {
  name: string;
  one: DrivenPerson;
  other: DrivenPerson;
}

/** A call of a Firefox and a Chromium, in which each has both roles. */
const test = withBrowsers.extend<{ roles: Roles[] }>({
  roles: async ({ browsers }, use, info) => {
    const pod = await MediaPod.start({ isOnTheNetwork: true });
    const url = pod.url('/m/hello');
    const people = new People(browsers);
    const ada = await FirefoxPerson.open('Ada', url, installFakeDevices);
    try {
      const grace = await people.open('Grace', { url }, undefined, installFakeDevices);
      for (const person of [ada, grace]) await person.enter();
      for (const person of [ada, grace]) await person.isConnected();
      await everyoneSeesAndHearsEveryone([ada, grace]);
      await use([
        { name: 'Firefox', one: ada, other: grace },
        { name: 'Chromium', one: grace, other: ada },
      ]);
    } finally {
      if (info.status !== info.expectedStatus) {
        writeFileSync(info.outputPath('media-pod.log'), pod.program.output);
        await ada.screenshot(info.outputPath('Ada.png')).catch(() => undefined);
        await people.dump(info);
      }
      await Promise.all([ada.close(), people.closeAll(), pod.program.kill()]);
    }
  },
});

async function says(person: DrivenPerson, id: string, expected: string): Promise<void> {
  await waitUntil(`${id} says ${expected}`, 20, async () => {
    const text = await person.text(id);
    return text.includes(expected) ? undefined : `it says ${text}`;
  });
}

/** How many videos arrive. */
async function receives(person: DrivenPerson, count: number): Promise<void> {
  await waitUntil(`${String(count)} videos arrive`, 20, async () => {
    const videos = (await person.stats()).filter(({ kind }: TrackStats) => kind === 'video').length;
    return videos === count ? undefined : `${String(videos)} arrive`;
  });
}

async function seesMuted(person: DrivenPerson, peerId: string, isMuted: boolean): Promise<void> {
  await waitUntil(`the others see that the microphone is ${isMuted ? 'off' : 'on'}`, 20, async () => {
    const mark = await person.run((id) => document.querySelector(`[data-testid="tile"][data-peer-id="${id}"]`)?.getAttribute('data-muted'), peerId);
    return mark === String(isMuted) ? undefined : `it is marked ${String(mark)}`;
  });
}

const consumersOf = async (person: DrivenPerson): Promise<unknown> => (await person.stats()).map(({ consumerId }) => consumerId).toSorted();

test('an unplugged device is replaced by another; without another it is off, and can be turned on again', async ({ roles }) => {
  for (const { name, one, other } of roles) {
    await test.step(name, async () => {
      const before = await consumersOf(other);
      await unplug(one, 'video', true);
      await says(one, 'toast-replaced', 'Camera disconnected.');
      await unplug(one, 'audio', true);
      await says(one, 'toast-replaced', 'Microphone disconnected.');
      await everyoneSeesAndHearsEveryone([one, other]);
      expect(await consumersOf(other), 'the same streams continue').toEqual(before);

      await unplug(one, 'video', false);
      await says(one, 'error-message', 'No camera found');
      await receives(other, 0);
      await plugIn(one);
      await one.click('camera-button');
      await everyoneSeesAndHearsEveryone([one, other]);
      expect(await one.text('error-message')).toBe('');
    });
  }
});

test('a microphone that the system mutes is shown as muted until it is back, and a speaker that is gone is replaced', async ({ roles }) => {
  for (const { name, one, other } of roles) {
    await test.step(name, async () => {
      const peerId = await one.peerId();
      await interruptMicrophone(one, true);
      await says(one, 'interrupted-microphone', 'Your device has muted your microphone.');
      await seesMuted(other, peerId, true);
      await interruptMicrophone(one, false);
      await seesMuted(other, peerId, false);

      await one.click('microphone-menu');
      await one.run(() => {
        const choices = [...document.querySelectorAll<HTMLElement>('[role="menuitemradio"]')];
        choices.find((choice) => choice.textContent.includes('headset'))?.click();
      }, undefined);
      await waitUntil('the headset plays', 20, async () => ((await speakersInUse(one)).includes('headset') ? undefined : 'it does not'));
      await plugSpeakers(one, ['default']);
      await says(one, 'toast-replaced', 'Speaker disconnected.');
      await waitUntil('the default plays', 20, async () => ((await speakersInUse(one)).includes('headset') ? 'the headset does' : undefined));
    });
  }
});

test('a screen that is picked after the call is not captured, now or in the next call', async ({ roles }) => {
  for (const { name, one, other } of roles) {
    await test.step(name, async () => {
      await holdPicker(one);
      await one.click('share-button');
      await one.click('leave-button');
      await waitUntil('the call has ended', 20, async () => ((await one.text('ended-screen')) === '' ? 'it goes on' : undefined));
      const { opened, live } = await pickScreen(one);
      expect(opened, 'microphone, camera and screen').toBeGreaterThan(2);
      expect(live).toEqual([]);
      await one.click('rejoin-button');
      await one.enter();
      await one.isConnected();
      await everyoneSeesAndHearsEveryone([one, other]);
      await receives(other, 1);
    });
  }
});
