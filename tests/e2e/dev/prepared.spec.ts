// A page that prepares its join: what it does before the click, who notices, and what happens when it is used, not used, or lost.
import { everyoneSeesAndHearsEveryone, everyoneShowsOnly } from '../support/people/call.ts';
import { CuttablePod } from '../support/programs/cuttable-pod.ts';
import type { Participant } from '../support/people/participant.ts';
import type { MediaPod } from '../support/programs/media-pod.ts';
import { waitUntil } from '../support/wait.ts';
import { expect, test } from './fixtures.ts';

/** Runs in the page before everything else: counts sockets and peer connections that were opened. */
function counts(): void {
  const opened = { sockets: 0, media: 0 };
  Object.assign(globalThis, { opened });
  const { WebSocket: Socket, RTCPeerConnection: Media } = globalThis;
  globalThis.WebSocket = class extends Socket {
    constructor(...options: ConstructorParameters<typeof Socket>) {
      super(...options);
      opened.sockets += 1;
    }
  };
  globalThis.RTCPeerConnection = class extends Media {
    constructor(...options: ConstructorParameters<typeof Media>) {
      super(...options);
      opened.media += 1;
    }
  };
}

const openedBy = (person: Participant): Promise<unknown> => person.page.evaluate(() => (globalThis as unknown as { opened: unknown }).opened);

/** Also waits for what the pod does in the background. */
async function podHas(pod: MediaPod, expected: { participants: number; transports: number; connections: number }): Promise<void> {
  const wanted = JSON.stringify(expected);
  await waitUntil(`the pod has ${wanted}`, 20, async () => {
    const { participants, transports, connections } = await pod.stats();
    const has = JSON.stringify({ participants, transports, connections });
    return has === wanted ? undefined : `it has ${has}`;
  });
}

async function tilesOf(person: Participant, count: number): Promise<void> {
  await expect(person.page.getByTestId('tile')).toHaveCount(count);
}

test('is not in the meeting before the click, and needs no other connection after it', async ({ pod, people }) => {
  const place = { url: pod.url('/m/hello') };
  const ada = await people.join('Ada', place);
  await ada.page.getByTestId('people-button').click();
  const grace = await people.open('Grace', place, undefined, counts);
  await grace.isPrepared();
  expect(await openedBy(grace)).toMatchObject({ sockets: 1 });
  await podHas(pod, { participants: 1, transports: 4, connections: 2 });
  await tilesOf(ada, 1);
  await expect(ada.page.getByTestId('person')).toHaveCount(1);
  const before = await openedBy(grace);

  await grace.enter();
  await grace.isConnected();
  await everyoneSeesAndHearsEveryone([ada, grace]);
  expect(await openedBy(grace)).toEqual(before);
  await podHas(pod, { participants: 2, transports: 4, connections: 2 });

  await grace.page.getByTestId('more-button').click();
  await grace.page.getByTestId('statistics-item').click();
  await expect(grace.page.getByTestId('joining').getByRole('row')).toHaveCount(11);
  const steps = await grace.page.evaluate(() =>
    performance
      .getEntriesByType('mark')
      .map(({ name }) => name)
      .filter((name) => name.startsWith('convene:join:')),
  );
  expect(steps.slice(-5)).toEqual(['click', 'join', 'joined', 'consumer', 'frame'].map((step) => `convene:join:${step}`));
});

test('a page that is left leaves nothing behind, and neither do many', async ({ pod, people }) => {
  const place = { url: pod.url('/m/hello') };
  const grace = await people.open('Grace', place);
  for (let visit = 0; visit < 5; visit += 1) {
    await grace.isPrepared();
    await podHas(pod, { participants: 0, transports: 2, connections: 1 });
    await grace.page.goto('about:blank');
    await podHas(pod, { participants: 0, transports: 0, connections: 0 });
    await grace.page.goto(place.url);
  }
});

test('two pages of one browser with the same peer id: the one in the call stays until the other joins', async ({ pod, people }) => {
  const place = { url: pod.url('/m/hello') };
  // The browser grants the lock on the id to both pages, as if the first had crashed.
  const ada = await people.open('Ada', place, undefined, () => {
    Object.assign(navigator.locks, { request: (_name: string, _options: unknown, granted: (lock: object) => unknown) => Promise.resolve(granted({})) });
  });
  await ada.enter();
  await ada.isConnected();
  const id = await ada.peerId();
  const second = await ada.openTab(place);
  await second.isPrepared();
  await podHas(pod, { participants: 1, transports: 4, connections: 2 });
  expect(await ada.connectionState()).toBe('connected');

  await second.enter();
  await second.isConnected();
  expect(await second.peerId()).toBe(id);
  await ada.seesEnd(10);
  await podHas(pod, { participants: 1, transports: 2, connections: 1 });
});

test('a prepared page of a meeting that is locked meanwhile joins as any other', async ({ pod, people }) => {
  const place = { url: pod.url('/m/hello') };
  const ada = await people.join('Ada', place);
  const grace = await people.open('Grace', place);
  await grace.isPrepared();
  await ada.page.getByTestId('people-button').click();
  await ada.page.getByTestId('lock-button').click();
  await expect(ada.page.getByTestId('locked-mark')).toBeVisible();
  // With --dev every participant is a moderator, whom a lock lets in.
  await grace.enter();
  await grace.isConnected();
  await expect(grace.page.getByTestId('locked-mark')).toBeVisible();
  await everyoneSeesAndHearsEveryone([ada, grace]);
});

test('the server is gone at the click, and comes back: the join works as without a preparation', async ({ people }) => {
  const cuttable = await CuttablePod.start();
  const ada = await people.join('Ada', { url: cuttable.pod.url('/m/hello') });
  const grace = await people.open('Grace', cuttable.place('hello'));
  await grace.isPrepared();
  cuttable.signaling.cut();
  await grace.enter();
  await expect(grace.page.getByTestId('connection-state')).toBeAttached();
  cuttable.signaling.restore();
  await grace.isConnected();
  await everyoneSeesAndHearsEveryone([ada, grace]);
  await everyoneShowsOnly([ada, grace]);
  await cuttable.stop();
});
