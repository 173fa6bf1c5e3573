// A meeting moves to another media pod while people talk: two real pods, and a stand-in for router and operator.
import { everyoneSeesAndHearsEveryone } from '../support/people/call.ts';
import { forgetGaps, gapsOf, recordGaps, writeTone } from '../support/people/gaps.ts';
import type { Participant, Place } from '../support/people/participant.ts';
import { MovingMeeting } from '../support/moves/moving-meeting.ts';
import { waitUntil } from '../support/wait.ts';
import { expect, test as base } from './fixtures.ts';

/** Far more than a move takes on an idle machine; docs/measurements.md has the figures. */
const LONGEST_MILLISECONDS = 1000;

const test = base.extend<{ meeting: MovingMeeting; place: Place }>({
  meeting: async ({}, use) => {
    const meeting = await MovingMeeting.start();
    await use(meeting);
    await meeting.close();
  },
  place: async ({ meeting }, use, info) => {
    const tone = info.outputPath('tone.wav');
    writeTone(tone);
    await use({ url: meeting.url, framesPerSecond: 20, flags: [`--use-file-for-fake-audio-capture=${tone}`, '--autoplay-policy=no-user-gesture-required'] });
  },
});

/** Waits until a pod has that many participants. */
async function holds(meeting: MovingMeeting, which: 'home' | 'other', participants: number): Promise<void> {
  await waitUntil(`the ${which} pod has ${String(participants)} participants`, 20, async () => {
    const now = await meeting.participants(meeting[which]);
    return now === participants ? undefined : `it has ${String(now)}`;
  });
}

/** Notes every state of the connection that the page shows, and who is missing from it. */
async function watchPage({ page }: Participant): Promise<() => Promise<{ states: string[]; fewestTiles: number; toasts: string[] }>> {
  await page.evaluate(() => {
    const seen = { states: new Set<string>(), fewestTiles: Infinity, toasts: new Set<string>() };
    Object.assign(window, { seen });
    const look = (): void => {
      seen.states.add(document.querySelector('[data-testid="connection-state"]')?.getAttribute('data-state') ?? 'none');
      seen.fewestTiles = Math.min(seen.fewestTiles, document.querySelectorAll('[data-testid="tile"]:not([data-stale="true"]) video.video-visible').length);
      for (const toast of document.querySelectorAll('[data-testid="toast"]')) seen.toasts.add(toast.textContent);
    };
    new MutationObserver(look).observe(document.body, { subtree: true, childList: true, attributes: true });
    look();
  });
  return () =>
    page.evaluate(() => {
      const { seen } = window as unknown as { seen: { states: Set<string>; fewestTiles: number; toasts: Set<string> } };
      return { states: [...seen.states], fewestTiles: seen.fewestTiles, toasts: [...seen.toasts] };
    });
}

test('nobody notices that the meeting moves, there and back', async ({ meeting, place, people }) => {
  const ada = await people.join('Ada', place);
  const grace = await people.join('Grace', place);
  await everyoneSeesAndHearsEveryone([ada, grace]);
  await ada.page.getByTestId('hand-button').click();
  for (const one of [ada, grace]) await recordGaps(one);
  await waitUntil('both are heard', 10, async () => {
    const since = await grace.page.evaluate(() => window.gaps.silentSince);
    return since === undefined && (await grace.page.evaluate(() => window.gaps.frames.length)) > 20 ? undefined : 'silence';
  });
  for (const _way of ['there', 'back']) {
    const seenBy = await Promise.all([ada, grace].map(watchPage));
    for (const one of [ada, grace]) await forgetGaps(one);
    await meeting.move(10);
    await holds(meeting, 'home', 2);
    await holds(meeting, 'other', 0);
    for (const [index, one] of [ada, grace].entries()) {
      const gaps = await gapsOf(one);
      console.log(`${one.name}: ${JSON.stringify(gaps)}`);
      expect(gaps.pictureMilliseconds, `${one.name}: time between two pictures`).toBeLessThan(LONGEST_MILLISECONDS);
      expect(gaps.silenceMilliseconds, `${one.name}: silence`).toBeLessThan(LONGEST_MILLISECONDS);
      expect(await seenBy[index]?.()).toEqual({ states: ['connected'], fewestTiles: 2, toasts: [] });
    }
  }
  await expect(grace.page.getByTestId('tile-hand')).toBeVisible();
  await everyoneSeesAndHearsEveryone([ada, grace]);
  await grace.page.getByTestId('chat-button').click();
  await grace.page.getByTestId('chat-input').fill('Still here.');
  await grace.page.getByTestId('chat-input').press('Enter');
  await expect(ada.page.getByTestId('chat-button-badge')).toHaveAttribute('data-count', '1');
});

test('the old pod ends while people move: they go on at the new one', async ({ meeting, place, people }) => {
  const ada = await people.join('Ada', place);
  const grace = await people.join('Grace', place);
  await everyoneSeesAndHearsEveryone([ada, grace]);
  await meeting.move(10);
  await meeting.other.pod.program.kill();
  await everyoneSeesAndHearsEveryone([ada, grace]);
});

test('the new pod ends while people move: they stay until the old one is over, and come back once there is a pod', async ({ meeting, place, people }) => {
  const ada = await people.join('Ada', place);
  const grace = await people.join('Grace', place);
  await everyoneSeesAndHearsEveryone([ada, grace]);
  await meeting.move(30, () => meeting.home.pod.program.kill());
  await everyoneSeesAndHearsEveryone([ada, grace]);
  expect([await ada.connectionState(), await grace.connectionState()]).toEqual(['connected', 'connected']);
});
