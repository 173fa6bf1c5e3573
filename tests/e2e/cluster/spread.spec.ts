// One meeting on three media pods, on a real Kubernetes: who is served where, what all see and hear, and the loss of a pod. The tests build on
// each other: they are one story, from installation to removal.
import type { Page } from '@playwright/test';

import { everyoneSeesAndHearsEveryone } from '../support/people/call.ts';
import { cluster } from '../support/environment.ts';
import { Loss } from '../support/cluster/cut-off.ts';
import { type MediaPod, meeting, podOf, podsOf, pool, poolHas } from '../support/cluster/fleet.ts';
import { applyAll, conditionOf, describeShows, getObject, kubectl } from '../support/cluster/kubectl.ts';
import { withTone } from '../support/people/noticed.ts';
import type { Participant, Place } from '../support/people/participant.ts';
import type { People } from '../support/people/people.ts';
import { Recording, keepConnections } from '../support/people/received.ts';
import { processesOfPod } from '../support/programs/node-process.ts';
import { NAMESPACE, install, place, programsRun, publicUrl } from '../support/cluster/release.ts';
import { waitUntil } from '../support/wait.ts';
import { expect, tellsOneStory, test } from './fixtures.ts';

const SUMMIT = ['meeting', 'summit'] as const;
const URL_OF_SUMMIT = `${publicUrl}/m/default/summit`;

/** Of all media pods: each has an address of its own. */
const PIPE_PORTS = '20000:20007';

tellsOneStory();

/** The pods that serve the meeting, its own first, once there are so many or more. */
async function servingPods(count: number): Promise<MediaPod[]> {
  const own = await podOf('summit');
  let sites: string[] = [];
  await waitUntil(`${String(count)} pods serve the meeting`, 60, async () => {
    const { status } = await getObject(...SUMMIT);
    sites = ((status?.['sites'] ?? []) as { uid: string }[]).map(({ uid }) => uid);
    return sites.length + 1 >= count ? undefined : `${String(sites.length + 1)} do`;
  });
  const all = await podsOf('shelf');
  const others = sites.map((uid) => all.find((pod) => pod.uid === uid) ?? own);
  for (const { name } of others) {
    await waitUntil(`${name} is linked`, 15, async () => {
      const log = await kubectl('logs', name, '--namespace', NAMESPACE);
      return log.includes('lending media workers to a room of another pod') ? undefined : 'it has not said so';
    });
  }
  return [own, ...others];
}

/** The ports that the page's media goes to. */
async function mediaPorts(page: Page): Promise<number[]> {
  return page.evaluate(async () => {
    const open = window.connections.filter(({ connectionState }) => connectionState === 'connected');
    const reports = (await Promise.all(open.map((one) => one.getStats()))).map((report) => report as ReadonlyMap<string, Record<string, unknown>>);
    const ports = reports.flatMap((report) => {
      const transport = [...report.values()].find(({ type }) => type === 'transport');
      const pair = report.get(String(transport?.['selectedCandidatePairId']));
      const port = report.get(String(pair?.['remoteCandidateId']))?.['port'];
      return typeof port === 'number' ? [port] : [];
    });
    return [...new Set(ports)].sort();
  });
}

/** The pod that serves this participant. */
async function podServing({ page, name }: Participant, pods: readonly MediaPod[]): Promise<MediaPod> {
  let found: MediaPod | undefined;
  await waitUntil(`one pod serves ${name}`, 15, async () => {
    const ports = await mediaPorts(page);
    found = pods.find(
      ({ block }) =>
        ports.length === 1 &&
        block
          .split('-')
          .map(Number)
          .includes(ports[0] ?? 0),
    );
    return found === undefined ? `its ports are ${ports.join(', ')}` : undefined;
  });
  return found as MediaPod;
}

/** Each joins when the pods of those before have been added. */
async function joinSummit(people: People, at: Place = place(URL_OF_SUMMIT)): Promise<{ all: Participant[]; pods: MediaPod[] }> {
  const all: Participant[] = [];
  for (const [index, name] of ['Ada', 'Grace', 'Linus'].entries()) {
    await servingPods(index + 1);
    const one = await people.open(name, at, undefined, keepConnections);
    await one.enter();
    await one.isConnected();
    all.push(one);
  }
  return { all, pods: await servingPods(3) };
}

const tileOf = async (seen: Participant, by: Participant): Promise<ReturnType<Page['locator']>> =>
  by.page.locator(`[data-testid="tile"][data-peer-id="${await seen.peerId()}"]`);

test('a pool whose pods serve one participant each, and a meeting for three', async () => {
  await install('--set', 'defaultPool.enabled=false');
  await programsRun();
  const resources = { requests: { cpu: '20m', memory: '32Mi' } };
  const capacity = { meetings: 10, participants: 1 };
  await applyAll([
    pool('shelf', { rtcPorts: { min: 45_600, max: 45_609 }, warm: 3, max: 5, capacity, resources, pipePorts: 8 }),
    meeting('summit', { pool: 'shelf', maxParticipants: 3, spread: { maxPods: 3 } }),
    meeting('crowd', { pool: 'shelf', maxParticipants: 4, spread: { maxPods: 3 } }),
  ]);
  await conditionOf([...SUMMIT], 'Ready', { status: 'True' }, 90);
  await conditionOf(['meeting', 'crowd'], 'Accepted', { status: 'False', reason: /^MeetingTooLarge$/ }, 30);
  await poolHas('shelf', { ready: 4 }, 90);
});

test('three people on three pods see and hear each other, and mute, layers and chat are the same for all', async ({ people }) => {
  const { all, pods } = await joinSummit(people);
  await everyoneSeesAndHearsEveryone(all);
  const serving = await Promise.all(all.map((one) => podServing(one, pods)));
  expect(new Set(serving.map(({ uid }) => uid)).size, 'pods that serve one of them').toBe(3);
  await describeShows([...SUMMIT], /Sites:/, /Spread +\d+s.* the meeting uses 3 media pods/);
  const [ada, grace, linus] = all as [Participant, Participant, Participant];

  await grace.page.getByTestId('mute-button').click();
  for (const other of [ada, linus]) await expect(await tileOf(grace, other)).toHaveAttribute('data-muted', 'true', { timeout: 2000 });
  await grace.page.getByTestId('mute-button').click();
  for (const other of [ada, linus]) await expect(await tileOf(grace, other)).toHaveAttribute('data-muted', 'false', { timeout: 2000 });

  for (const one of all) await one.page.getByTestId('chat-button').click();
  for (const [index, one] of all.entries()) {
    await one.page.getByTestId('chat-input').fill(`message ${String(index)}`);
    await one.page.getByTestId('chat-input').press('Enter');
    for (const other of all) await expect(other.page.getByTestId('chat-message')).toHaveCount(index + 1);
  }
  const texts = await Promise.all(all.map((one) => one.page.getByTestId('chat-message').allTextContents()));
  for (const own of texts) expect(own.map((text) => /message \d/.exec(text)?.[0])).toEqual(['message 0', 'message 1', 'message 2']);
  await everyoneSeesAndHearsEveryone(all);
});

test('5 % of the packets between the nodes are lost: sound and pictures of all pods go on', async ({ people }, info) => {
  test.skip(!cluster.isOwn, 'the network of a foreign cluster is not on this machine');
  const { all, pods } = await joinSummit(people, withTone(place(URL_OF_SUMMIT), info));
  await everyoneSeesAndHearsEveryone(all);
  const nodes = [...new Set(pods.map(({ node }) => node))];
  expect(nodes.length, 'nodes of the pods').toBeGreaterThan(1);
  // A packet passes both nodes.
  const losses = nodes.map((node) => new Loss(node, PIPE_PORTS, 0.025));
  const recordings = all.map((one) => Recording.ofAll(one));
  const lost: number[] = [];
  try {
    await Promise.all(recordings.map((recording) => recording.run(15)));
  } finally {
    for (const loss of losses) lost.push(loss.stop());
  }
  for (const packets of lost) expect(packets, 'packets that were lost').toBeGreaterThan(10);
  for (const [index, recording] of recordings.entries()) {
    const { leastMoving, freezes, frozenSeconds, worstMadeUpPercent } = recording.between(0, 15);
    const figures = `${String(freezes)} freezes, ${frozenSeconds.toFixed(2)} s; ${worstMadeUpPercent.toFixed(2)} % of the sound made up`;
    info.annotations.push({ type: 'measured', description: `${all[index]?.name ?? ''}: ${figures}` });
    console.log(`${all[index]?.name ?? ''}, with 5 % of the packets between nodes lost (${lost.join(' and ')} packets): ${figures}`);
    // How smoothly they move depends on the load of this machine.
    expect(leastMoving, `pictures that move in every second: ${figures}`).toBe(2);
    expect(worstMadeUpPercent, figures).toBeLessThan(10);
  }
});

test('a pod that serves one of them dies: that one keeps its connection and is served by another pod, and no one is seen leaving', async ({ people }, info) => {
  test.skip(!cluster.isOwn, 'the processes of a foreign cluster are not on this machine');
  const { all, pods } = await joinSummit(people, withTone(place(URL_OF_SUMMIT), info));
  await everyoneSeesAndHearsEveryone(all);
  const serving = await Promise.all(all.map((one) => podServing(one, pods)));
  const lost = serving.findIndex(({ uid }) => uid === pods[2]?.uid);
  const leaves = all[lost] as Participant;
  const stay = all.filter((one) => one !== leaves);
  const processes = processesOfPod(pods[2]?.uid ?? '', 'convene-media-pod');
  expect(processes).toHaveLength(1);
  const before = new Set((await leaves.stats()).map(({ consumerId }) => consumerId));
  const sockets: string[] = [];
  leaves.page.on('websocket', (socket) => sockets.push(socket.url()));
  const killed = performance.now();
  process.kill(processes[0] as number, 'SIGKILL');
  await waitUntil(`${leaves.name} sees all others again`, 20, async () => {
    const pictures = (await leaves.stats()).filter(
      ({ kind, consumerId, framesDecoded = 0 }) => kind === 'video' && framesDecoded > 0 && !before.has(consumerId),
    );
    return pictures.length === stay.length ? undefined : `${String(pictures.length)} of them`;
  });
  const seconds = ((performance.now() - killed) / 1000).toFixed(1);
  console.log(`${leaves.name} sees all others again ${seconds} s after the death of the pod that served it`);
  info.annotations.push({ type: 'measured', description: `pictures ${seconds} s after the death of its pod` });
  await everyoneSeesAndHearsEveryone(all);
  expect(await Promise.all(all.map((one) => one.connectionState()))).toEqual(['connected', 'connected', 'connected']);
  expect(sockets, 'new connections').toEqual([]);
  for (const one of all) await expect(one.page.getByTestId('toast-presence')).toHaveCount(0);
  await servingPods(3);
});

test('the node of the pod with the room is cordoned: all pods that serve the meeting are elsewhere soon, and the call goes on', async ({ people }) => {
  const { all, pods } = await joinSummit(people);
  await everyoneSeesAndHearsEveryone(all);
  const { node } = pods[0] as MediaPod;
  try {
    await kubectl('cordon', node);
    await waitUntil('no pod on that node serves the meeting', 90, async () => {
      const [own, ...others] = await servingPods(3);
      const left = [own, ...others].filter((pod) => pod?.node === node);
      return left.length === 0 ? undefined : `${left.map((pod) => pod?.name).join(', ')} still do`;
    });
    await everyoneSeesAndHearsEveryone(all);
  } finally {
    await kubectl('uncordon', node);
  }
});
