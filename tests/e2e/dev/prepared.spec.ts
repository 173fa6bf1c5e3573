// A page that prepares its join: what it does before the click, who notices, and what happens when it is used, not used, or lost.
import { everyoneSeesAndHearsEveryone, everyoneShowsOnly } from '../support/people/call.ts';
import { CuttablePod } from '../support/programs/cuttable-pod.ts';
import type { Participant } from '../support/people/participant.ts';
import { MediaPod } from '../support/programs/media-pod.ts';
import { installFakeDevices, unplug } from '../support/people/fake-devices.ts';
import { waitUntil } from '../support/wait.ts';
import { expect, test } from './fixtures.ts';

/** Runs in the page before everything else: counts sockets and peer connections that were opened, and keeps the latter. */
function counts(): void {
  const opened = { sockets: 0, media: 0 };
  const connections: RTCPeerConnection[] = [];
  Object.assign(globalThis, { opened, connections });
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
      connections.push(this);
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

/** RTP packets that the page has sent, by kind; a kind that is not negotiated is missing. */
function packetsSentBy(person: Participant): Promise<Record<string, number>> {
  return person.page.evaluate(async () => {
    const { connections } = globalThis as unknown as { connections: RTCPeerConnection[] };
    const sent: Record<string, number> = {};
    for (const connection of connections)
      for (const report of (await connection.getStats()).values() as Iterable<{ type: string; kind: string; packetsSent: number }>)
        if (report.type === 'outbound-rtp') sent[report.kind] = (sent[report.kind] ?? 0) + report.packetsSent;
    return sent;
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

test('camera and microphone are negotiated before the click, and nothing of them is sent', async ({ pod, people }) => {
  const place = { url: pod.url('/m/hello') };
  const ada = await people.join('Ada', place);
  const grace = await people.open('Grace', place, undefined, counts);
  await grace.isPrepared();
  // Long enough for cameras of 10 frames a second and for audio, of which there are 50 packets a second.
  await everyoneSeesAndHearsEveryone([ada, await people.join('Linus', place)]);
  expect(await packetsSentBy(grace)).toEqual({ audio: 0, video: 0 });
  await grace.enter();
  await grace.isConnected();
  await everyoneSeesAndHearsEveryone([ada, grace]);
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

test('a camera that is unplugged while the page is prepared is replaced by another; without another the call starts without it', async ({ pod, people }) => {
  const place = { url: pod.url('/m/hello') };
  const ada = await people.join('Ada', place);
  const grace = await people.open('Grace', place, undefined, installFakeDevices);
  await grace.isPrepared();
  await unplug(grace, 'video', true);
  await unplug(grace, 'audio', true);
  await podHas(pod, { participants: 1, transports: 4, connections: 2 });
  await grace.enter();
  await grace.isConnected();
  await everyoneSeesAndHearsEveryone([ada, grace]);
  await grace.leave();

  const linus = await people.open('Linus', place, undefined, installFakeDevices);
  await linus.isPrepared();
  await unplug(linus, 'video', false);
  await linus.enter();
  await linus.isConnected();
  await waitUntil('Ada hears Linus, and has no video of him', 10, async () => {
    const id = await linus.peerId();
    const kinds = (await ada.stats()).filter(({ peerId }) => peerId === id).map(({ kind }) => kind);
    return kinds.join() === 'audio' ? undefined : `she has ${kinds.join()}`;
  });
  await expect(ada.page.locator('[data-testid="tile"][data-video="true"]')).toHaveCount(1);
});

test('a meeting that ends while the page is prepared takes the preparation with it, and can be joined again', async ({ pod, people }) => {
  const place = { url: pod.url('/m/hello') };
  const ada = await people.join('Ada', place);
  const grace = await people.open('Grace', place);
  await grace.isPrepared();
  await ada.page.getByTestId('leave-menu').click();
  await ada.page.getByTestId('end-meeting').click();
  await ada.page.getByTestId('confirm-button').click();
  await ada.seesEnd(10);
  await podHas(pod, { participants: 0, transports: 0, connections: 0 });
  await expect(grace.page.locator('[data-prepared="true"]')).toHaveCount(0);
  await grace.enter();
  await grace.isConnected();
  await podHas(pod, { participants: 1, transports: 2, connections: 1 });
});

test('a meeting that moves to another pod while the page is prepared is joined there', async ({ pod, people }) => {
  const place = { url: pod.url('/m/hello') };
  const ada = await people.join('Ada', place);
  const grace = await people.open('Grace', place);
  await grace.isPrepared();
  await pod.program.kill();
  const successor = await MediaPod.start({ port: pod.port });
  try {
    await ada.isConnected(40);
    await grace.enter();
    await grace.isConnected(40);
    await everyoneSeesAndHearsEveryone([ada, grace]);
    await podHas(successor, { participants: 2, transports: 4, connections: 2 });
  } finally {
    await successor.program.kill();
  }
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
