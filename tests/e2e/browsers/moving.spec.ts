// A meeting moves to another media pod while Firefox and Chromium are in it.
import { networkInterfaces } from 'node:os';

import { expect } from '@playwright/test';

import { everyoneSeesAndHearsEveryone } from '../support/people/call.ts';
import { withBrowsers } from '../support/people/browsers.ts';
import { FirefoxPerson } from '../support/people/firefox-person.ts';
import { People } from '../support/people/people.ts';
import { MovingMeeting } from '../support/moves/moving-meeting.ts';
import { waitUntil } from '../support/wait.ts';

/** Firefox sends no media to the loopback interface. */
function addressOfNetwork(): string {
  const found = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .find(({ family, internal }) => family === 'IPv4' && !internal);
  if (found === undefined) throw new Error('there is no network interface; see tests/in-network.sh');
  return found.address;
}

withBrowsers('Firefox and Chromium move with their meeting, and both stay connected', async ({ browsers }, info) => {
  const meeting = await MovingMeeting.start(addressOfNetwork());
  const ada = await FirefoxPerson.open('Ada', meeting.url);
  const people = new People(browsers);
  try {
    await ada.isPrepared();
    await ada.enter();
    const grace = await people.join('Grace', { url: meeting.url });
    await everyoneSeesAndHearsEveryone([ada, grace]);
    for (const way of ['there', 'back']) {
      await meeting.move(10);
      await waitUntil(`${way}: the old pod has no participants`, 20, async () => {
        const left = await meeting.participants(meeting.other);
        return left === 0 ? undefined : `${String(left)} are left`;
      });
      expect([await ada.connectionState(), await grace.connectionState()]).toEqual(['connected', 'connected']);
      await everyoneSeesAndHearsEveryone([ada, grace]);
    }
  } finally {
    if (info.status !== info.expectedStatus) {
      await ada.screenshot(info.outputPath('Ada.png')).catch(() => undefined);
      await people.dump(info);
    }
    await Promise.all([ada.close(), people.closeAll(), meeting.close()]);
  }
});
