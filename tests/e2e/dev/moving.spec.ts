// A meeting moves to another media pod while people talk: two real pods, and a stand-in for router and operator.
import { everyoneSeesAndHearsEveryone } from '../support/people/call.ts';
import { nobodyNotices, watch, withTone } from '../support/people/noticed.ts';
import type { Place } from '../support/people/participant.ts';
import { MovingMeeting } from '../support/moves/moving-meeting.ts';
import { waitUntil } from '../support/wait.ts';
import { expect, test as base } from './fixtures.ts';

const test = base.extend<{ meeting: MovingMeeting; place: Place }>({
  meeting: async ({}, use) => {
    const meeting = await MovingMeeting.start();
    await use(meeting);
    await meeting.close();
  },
  place: async ({ meeting }, use, info) => {
    await use(withTone({ url: meeting.url }, info));
  },
});

/** Waits until a pod has that many participants. */
async function holds(meeting: MovingMeeting, which: 'home' | 'other', participants: number): Promise<void> {
  await waitUntil(`the ${which} pod has ${String(participants)} participants`, 20, async () => {
    const now = await meeting.participants(meeting[which]);
    return now === participants ? undefined : `it has ${String(now)}`;
  });
}

test('no participant notices that the meeting moves, there and back', async ({ meeting, place, people }) => {
  const ada = await people.join('Ada', place);
  const grace = await people.join('Grace', place);
  await everyoneSeesAndHearsEveryone([ada, grace]);
  await ada.page.getByTestId('hand-button').click();
  await expect(grace.page.getByTestId('tile-hand')).toBeVisible();
  await watch([ada, grace]);
  for (const way of ['there', 'back']) {
    console.log(way);
    await nobodyNotices([ada, grace], async () => {
      await meeting.move(10);
      await holds(meeting, 'home', 2);
      await holds(meeting, 'other', 0);
    });
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

test('the new pod ends while people move: they stay at the old one', async ({ meeting, place, people }) => {
  const ada = await people.join('Ada', place);
  const grace = await people.join('Grace', place);
  await everyoneSeesAndHearsEveryone([ada, grace]);
  await meeting.move(30, () => meeting.home.pod.program.kill());
  await everyoneSeesAndHearsEveryone([ada, grace]);
  expect([await ada.connectionState(), await grace.connectionState()]).toEqual(['connected', 'connected']);
});
