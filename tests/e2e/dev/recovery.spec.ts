// What a call survives: loss of signaling, blocked media, suspended pages.
import { writeFileSync } from 'node:fs';

import { everyoneSeesAndHearsEveryone, everyoneShowsOnly } from '../support/people/call.ts';
import { CuttablePod } from '../support/programs/cuttable-pod.ts';
import type { Participant } from '../support/people/participant.ts';
import type { TrackStats } from '../support/people/person.ts';
import { waitUntil } from '../support/wait.ts';
import { expect, test as base } from './fixtures.ts';

const test = base.extend<{ cuttable: CuttablePod }>({
  cuttable: async ({}, use, info) => {
    const cuttable = await CuttablePod.start();
    await use(cuttable);
    if (info.status !== info.expectedStatus) writeFileSync(info.outputPath('cuttable-pod.log'), cuttable.pod.program.output);
    await cuttable.stop();
  },
});

/** The connection state that a page shows: `connected`, `interrupted:signaling`, … */
async function shownState(person: Participant): Promise<string> {
  const badge = person.page.getByTestId('connection-state');
  const what = await badge.getAttribute('data-interrupted', { timeout: 1000 });
  return `${await person.connectionState()}${what === null ? '' : `:${what}`}`;
}

async function tells(person: Participant, expected: string, seconds: number): Promise<void> {
  await waitUntil(`${person.name} sees the state ${expected}`, seconds, async () => {
    const state = await shownState(person);
    return state === expected ? undefined : `it says ${state}`;
  });
}

async function write(person: Participant, text: string): Promise<void> {
  await person.page.getByTestId('chat-input').fill(text);
  await person.page.getByTestId('chat-input').press('Enter');
}

async function hasRead(person: Participant, texts: readonly string[]): Promise<void> {
  await expect(person.page.getByTestId('chat-message')).toHaveText([...texts], { timeout: 15_000 });
}

/** The video of the only other participant. */
async function pictureOf(person: Participant): Promise<TrackStats> {
  const picture = (await person.stats()).find(({ kind }) => kind === 'video');
  if (picture === undefined) throw new Error(`${person.name} receives no picture`);
  return picture;
}

async function picturesGoOn(person: Participant): Promise<void> {
  const before = (await pictureOf(person)).framesDecoded ?? 0;
  await waitUntil(`${person.name} sees new frames`, 10, async () => {
    const frames = ((await pictureOf(person)).framesDecoded ?? 0) - before;
    return frames > 5 ? undefined : `${String(frames)} new ones`;
  });
}

test('signaling is down for some seconds: the call continues, nothing is lost and no participant leaves', async ({ cuttable, people }) => {
  const ada = await people.join('Ada', cuttable.place('hello'));
  const grace = await people.join('Grace', { url: cuttable.pod.url('/m/hello') });
  for (const person of [ada, grace]) await person.page.getByTestId('chat-button').click();
  await everyoneSeesAndHearsEveryone([ada, grace]);
  const { consumerId } = await pictureOf(grace);

  cuttable.signaling.cut();
  const began = performance.now();
  await tells(ada, 'interrupted:signaling', 5);
  await write(grace, 'Can you hear me?');
  await write(ada, 'I can.');
  await picturesGoOn(ada);
  await picturesGoOn(grace);
  expect(await shownState(grace)).toBe('connected');
  await waitUntil('5 s are over', 10, () => (performance.now() - began > 5000 ? undefined : 'not yet'));
  cuttable.signaling.restore();
  await tells(ada, 'connected', 10);
  for (const person of [ada, grace]) await hasRead(person, ['Can you hear me?', 'I can.']);

  // The same, silently: the connection stays open, but nothing gets through.
  cuttable.signaling.silence();
  await write(grace, 'Still there?');
  await write(ada, 'Yes.');
  await tells(ada, 'interrupted:signaling', 15);
  await picturesGoOn(grace);
  cuttable.signaling.restore();
  await tells(ada, 'connected', 10);
  for (const person of [ada, grace]) await hasRead(person, ['Can you hear me?', 'I can.', 'Still there?', 'Yes.']);

  await everyoneShowsOnly([ada, grace]);
  await everyoneSeesAndHearsEveryone([ada, grace]);
  expect((await pictureOf(grace)).consumerId, 'Ada has never left').toBe(consumerId);
});

test('signaling is down for 40 s, longer than the pod waits: both rejoin', async ({ cuttable, people }) => {
  const place = cuttable.place('hello');
  const both = [await people.join('Ada', place), await people.join('Grace', place)] as const;
  await everyoneSeesAndHearsEveryone(both);
  cuttable.signaling.cut();
  const began = performance.now();
  for (const person of both) await tells(person, 'interrupted:signaling', 5);
  for (const person of both) await tells(person, 'reconnecting', 20);
  await waitUntil('the pod has dropped them', 20, async () => {
    const { participants } = await cuttable.pod.stats();
    return participants === 0 ? undefined : `${String(participants)} are there`;
  });
  await waitUntil('40 s are over', 40, () => (performance.now() - began > 40_000 ? undefined : 'not yet'));
  expect(await shownState(both[0])).toBe('reconnecting');
  cuttable.signaling.restore();
  for (const person of both) await tells(person, 'connected', 20);
  await everyoneSeesAndHearsEveryone(both);
  await everyoneShowsOnly(both);
});

test('media is blocked: it is shown while chat still works, and recovers when media is unblocked', async ({ cuttable, people }) => {
  const place = cuttable.place('hello');
  const both = [await people.join('Ada', place), await people.join('Grace', place)] as const;
  for (const person of both) await person.page.getByTestId('chat-button').click();
  await everyoneSeesAndHearsEveryone(both);
  cuttable.blockMedia();
  for (const person of both) await tells(person, 'interrupted:media', 20);
  await expect(both[0].page.getByTestId('connection-state')).toContainText('We can’t reach the media server');
  await write(both[0], 'I cannot see you.');
  await hasRead(both[1], ['I cannot see you.']);
  cuttable.letMediaThrough();
  for (const person of both) await tells(person, 'connected', 30);
  await everyoneSeesAndHearsEveryone(both);
});

test('media is blocked from the start: it is shown soon, then with advice, and rejoining helps once media is unblocked', async ({ cuttable, people }) => {
  const place = cuttable.place('hello');
  cuttable.blockMedia();
  const ada = await people.join('Ada', place);
  await tells(ada, 'interrupted:media', 15);
  const advice = ada.page.getByTestId('error-message');
  await expect(advice).toContainText('We can’t reach the media server', { timeout: 75_000 });
  await expect(advice).toContainText('Your network may be blocking calls.');
  cuttable.letMediaThrough();
  await ada.page.getByTestId('rejoin-button').click();
  await ada.enter();
  await ada.isConnected();
  await everyoneSeesAndHearsEveryone([ada, await people.join('Grace', place)]);
});

test('a page that was frozen for 30 s rejoins the call', async ({ pod, people }) => {
  const place = { url: pod.url('/m/hello') };
  const ada = await people.join('Ada', place);
  const grace = await people.join('Grace', place);
  for (const person of [ada, grace]) await person.page.getByTestId('chat-button').click();
  await everyoneSeesAndHearsEveryone([ada, grace]);
  const devtools = await ada.page.context().newCDPSession(ada.page);
  await devtools.send('Page.setWebLifecycleState', { state: 'frozen' });
  const began = performance.now();
  await write(grace, 'Are you asleep?');
  await waitUntil('30 s are over', 40, () => (performance.now() - began > 30_000 ? undefined : 'not yet'));
  await devtools.send('Page.setWebLifecycleState', { state: 'active' });
  await tells(ada, 'connected', 20);
  await hasRead(ada, ['Are you asleep?']);
  await everyoneSeesAndHearsEveryone([ada, grace]);
  await everyoneShowsOnly([ada, grace]);
});
