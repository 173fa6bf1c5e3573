// Access: join tokens, the lobby and moderators, a TURN server, and two routers of which one goes away. The tests
// build on each other: they are one story, from installation to removal.
import { setTimeout as pause } from 'node:timers/promises';

import { everyoneSeesAndHears, seesAndHears } from '../conformance/evidence.ts';
import { JOIN_KEYS, makeJoinKey, makeToken } from '../support/cluster/access.ts';
import { everyoneSeesAndHearsEveryone, seesAndHearsStage } from '../support/people/call.ts';
import { cluster } from '../support/environment.ts';
import { meeting, pool } from '../support/cluster/fleet.ts';
import { Guest, launchBrowser } from '../support/people/guest.ts';
import { httpsGet, httpsPost } from '../support/servers/https.ts';
import { applyAll, conditionOf, getObject, kubectl, listObjects, warningsOf } from '../support/cluster/kubectl.ts';
import { apiServerProcess, processesOfPod } from '../support/programs/node-process.ts';
import { openMenuOf } from '../support/people/moderating.ts';
import type { Participant } from '../support/people/participant.ts';
import { PageServer } from '../support/servers/page-server.ts';
import { ProtooClient } from '../support/protoo.ts';
import { NAMESPACE, install, isUsable, place, programsRun, publicUrl, remains, uninstall } from '../support/cluster/release.ts';
import { certificateAuthority } from '../support/servers/tls.ts';
import { TurnServer } from '../support/programs/turn.ts';
import { waitUntil } from '../support/wait.ts';
import { expect, tellsOneStory, test } from './fixtures.ts';

const DEMO_NODE_PORT = 30444;
const TURN_SECRET = 'harbor-lights-and-herring';
const ROUTERS = ['pods', '--namespace', NAMESPACE, '--selector', 'app.kubernetes.io/component=router'] as const;
const urlOf = (name: string, token?: string): string => `${publicUrl}/m/default/${name}${token === undefined ? '' : `#token=${token}`}`;
const apiOf = (name: string): string => `${publicUrl}/api/v1/meetings/default/${name}`;
const demoUrl = (room: string, peerId: string): string => `wss://${cluster.nodeAddress}:${String(DEMO_NODE_PORT)}/?roomId=${room}&peerId=${peerId}`;
const secondsSince = (start: number): string => ((performance.now() - start) / 1000).toFixed(1);

tellsOneStory();

test('helm install runs two routers that know the keys of join tokens', async () => {
  const demo = `router.demo.enabled=true,router.demo.nodePort=${String(DEMO_NODE_PORT)}`;
  await install('--set', `router.replicas=2,router.joinKeySecrets[0]=${JOIN_KEYS},router.turnSecrets[0]=turn-secret,${demo}`);
  await isUsable();
  await makeJoinKey('first');
  const turn = { urls: [`turn:${cluster.turnAddress}:34780?transport=udp`], credentialsSecret: 'turn-secret' };
  await kubectl('create', 'secret', 'generic', 'turn-secret', '--namespace', NAMESPACE, `--from-literal=secret=${TURN_SECRET}`);
  await applyAll([
    pool('relayed', { rtcPorts: { min: 45_400, max: 45_409 }, warm: 1, max: 1, iceServers: [turn] }),
    meeting('open-house', {}),
    meeting('by-token', { access: { policy: 'Token' } }),
    meeting('by-lobby', { access: { policy: 'Lobby', moderators: ['ada'] } }),
    meeting('webinar', { access: { joinAs: 'Viewer', moderators: ['ada'] } }),
    meeting('relayed', { pool: 'relayed' }),
    meeting('demo-hall', { features: { demoClients: true } }),
  ]);
  for (const name of ['open-house', 'by-token', 'by-lobby', 'webinar', 'relayed', 'demo-hall'])
    await conditionOf(['meeting', name], 'Ready', { status: 'True' }, 90);
});

test('kubectl warns of pools without an operator, and of ports for fewer pods than allowed', async () => {
  const narrow = pool('narrow', { rtcPorts: { min: 45_500, max: 45_502 }, max: 9 });
  const strayed = { ...narrow, metadata: { name: 'strayed', namespace: 'default' } };
  await waitUntil('the policy is in force', 20, async () =>
    (await warningsOf(strayed)).includes(`serves the MediaPools of that namespace only`) ? undefined : 'no warning',
  );
  expect(await warningsOf(narrow)).toContain('rtcPorts has ports for 3 pods and max is 9: widen rtcPorts to 9 ports, or lower max');
  expect(await warningsOf(pool('wide', { rtcPorts: { min: 45_500, max: 45_509 }, max: 9 }))).not.toContain('rtcPorts has ports');
});

test('a meeting with tokens rejects participants with none or a wrong one', async ({ people }) => {
  const state = JSON.parse((await httpsGet(apiOf('by-token'))).body) as Record<string, unknown>;
  expect(state).toMatchObject({ access: 'Token', tokenRequired: true });
  expect(Object.keys(state).sort()).toEqual(['access', 'name', 'namespace', 'phase', 'ready', 'tokenRequired']);
  expect((await httpsGet(`${publicUrl}/metrics`)).status).toBe(404);
  const without = await httpsPost(`${apiOf('by-token')}/join`, {});
  expect(without.status).toBe(401);
  expect(without.contentType).toContain('application/problem+json');
  const elsewhere = await makeToken('by-lobby', 'eve');
  const wrong = await httpsPost(`${apiOf('by-token')}/join`, {}, { authorization: `Bearer ${elsewhere}` });
  expect([401, 403]).toContain(wrong.status);
  expect(wrong.body).not.toContain(elsewhere);
  const client = await ProtooClient.connect(`${publicUrl.replace('https', 'wss')}/signal/default/by-token?peerId=evevil01`, certificateAuthority());
  expect((await client.closed(5)).code).toBe(4000);
  const visitor = await people.open('Visitor', place(urlOf('by-token')));
  await visitor.page.getByTestId('error-message').waitFor({ state: 'visible', timeout: 20_000 });
});

test('participants with tokens join with their identity, and the token is removed from the address bar', async ({ people }) => {
  const ada = await people.join('Ada', place(urlOf('by-token', await makeToken('by-token', 'ada', '--name', 'Ada Lovelace', '--moderator'))));
  const grace = await people.join('Grace', place(urlOf('by-token', await makeToken('by-token', 'grace'))));
  expect(ada.page.url()).toBe(urlOf('by-token'));
  await everyoneSeesAndHearsEveryone([ada, grace]);
  await expect(grace.page.getByTestId('tile').filter({ hasText: 'Ada Lovelace' })).toBeVisible();
});

test('join keys are added and removed without a restart', async () => {
  const old = await makeToken('by-token', 'ada');
  const join = async (token: string): Promise<number> => (await httpsPost(`${apiOf('by-token')}/join`, {}, { authorization: `Bearer ${token}` })).status;
  expect(await join(old)).toBe(200);
  await makeJoinKey('second');
  const fresh = await makeToken('by-token', 'ada');
  // Either router may answer: both must know.
  await waitUntil('the routers know only the new key', 15, async () => {
    const answers = await Promise.all([old, fresh, old, fresh, old, fresh, old, fresh].map(join));
    return answers.every((status, index) => status === (index % 2 === 0 ? 401 : 200)) ? undefined : answers.join(' ');
  });
});

/** A participant who asks to join and waits in the lobby. */
async function waitAtTheDoor(guest: Participant): Promise<void> {
  await guest.enter();
  await guest.page.getByTestId('lobby-screen').waitFor({ state: 'visible', timeout: 20_000 });
}

test('guests wait in the lobby until a moderator admits or denies them', async ({ people }) => {
  const guest = await people.open('Guest', place(urlOf('by-lobby')));
  await waitAtTheDoor(guest);
  const ada = await people.join('Ada', place(urlOf('by-lobby', await makeToken('by-lobby', 'ada'))));
  await ada.page.getByTestId('people-button').click();
  await ada.page.getByRole('button', { name: /^Admit Guest/ }).click();
  await guest.isConnected();
  await everyoneSeesAndHearsEveryone([ada, guest]);

  const stranger = await people.open('Stranger', place(urlOf('by-lobby')));
  await waitAtTheDoor(stranger);
  await ada.page.getByRole('button', { name: /^(Refuse|Deny|Decline).*Stranger/ }).click();
  await stranger.seesEnd(10);
  await everyoneSeesAndHearsEveryone([ada, guest]);
});

test('guests of a webinar are viewers, who need no devices, until a moderator brings them on stage', async ({ people }) => {
  const ada = await people.join('Ada', place(urlOf('webinar', await makeToken('webinar', 'ada'))));
  const bob = await people.join('Bob', place(urlOf('webinar', await makeToken('webinar', 'bob', '--viewer=false'))));
  const vera = await people.open('Vera', place(urlOf('webinar')));
  await expect(vera.page.getByTestId('viewer-note')).toBeVisible();
  await expect(vera.page.getByTestId('self-view')).toHaveCount(0);
  await vera.enter();
  await vera.isConnected();
  await seesAndHearsStage(vera, [ada, bob]);
  await expect(bob.page.getByTestId('viewers-mark')).toContainText('1 viewer');
  expect(await bob.tiles()).toHaveLength(2);
  await waitUntil('kubectl counts the viewer', 15, async () => {
    const { status } = await getObject('meeting', 'webinar');
    return status?.['participants'] === 3 ? undefined : JSON.stringify(status?.['participants']);
  });
  await vera.click('hand-button');
  await ada.page.getByTestId('people-button').click();
  await ada.page.getByTestId('viewer-hands').getByRole('button', { name: 'Bring on stage: Vera' }).click();
  await vera.click('confirm-button');
  await vera.click('camera-button');
  await everyoneSeesAndHearsEveryone([ada, bob, vera]);
});

test('what a moderator decided survives the death of the media pod: no stranger and no removed participant gets in', async ({ people }) => {
  test.skip(!cluster.isOwn, 'the processes of a foreign cluster are not on this machine');
  const address = async (identity: string, ...more: string[]): Promise<string> => urlOf('by-token', await makeToken('by-token', identity, ...more));
  const ada = await people.join('Ada', place(await address('ada', '--moderator')));
  const grace = await people.join('Grace', place(await address('grace')));
  const eve = await people.join('Eve', place(await address('eve')));
  await everyoneSeesAndHearsEveryone([ada, grace, eve]);
  await ada.page.getByTestId('people-button').click();
  await ada.page.getByTestId('lock-button').click();
  await openMenuOf(ada, await eve.peerId());
  await ada.page.getByTestId('remove-person').click();
  await ada.page.getByTestId('confirm-button').click();
  await eve.seesEnd(10);
  await waitUntil('the decisions are kept, the last one too', 15, async () => {
    const isTold = (await getObject('meeting', 'by-token')).status?.['backup'] === true;
    const { spec } = await getObject('meetingbackup', 'by-token');
    const { moderation } = (spec?.['snapshot'] as { room: { moderation: { locked: boolean; bans: unknown[] } } }).room;
    return isTold && moderation.locked && moderation.bans.length === 1 ? undefined : `kept: ${JSON.stringify(moderation)}`;
  });

  const { uid } = (await getObject('meeting', 'by-token')).status?.['pod'] as { uid: string };
  for (const id of processesOfPod(uid, 'convene-media-pod')) process.kill(id, 'SIGKILL');
  // They come as fast as those who were in.
  const eveAgain = await people.open('Eve', place(await address('eve')));
  const stranger = await people.open('Stranger', place(await address('stranger')));
  for (const person of [eveAgain, stranger]) {
    await person.enter();
    await person.seesEnd(30);
  }
  await everyoneSeesAndHearsEveryone([ada, grace], 60);
  await expect(grace.page.getByTestId('locked-mark')).toBeVisible();
  await kubectl('delete', 'meeting', 'by-token');
  await waitUntil('the backup is gone with the meeting', 60, async () => {
    const kept = await listObjects('meetingbackups', '--namespace', 'default');
    return kept.some(({ metadata }) => metadata.name === 'by-token') ? 'it is there' : undefined;
  });
  await applyAll([meeting('by-token', { access: { policy: 'Token' } })]);
  await conditionOf(['meeting', 'by-token'], 'Ready', { status: 'True' }, 90);
});

/** Makes the browser use only a relay. */
function relayOnly(): void {
  const Native = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends Native {
    constructor(configuration?: RTCConfiguration) {
      super({ ...configuration, iceTransportPolicy: 'relay' });
    }
  };
}

test('a browser that can only use TURN sends and receives', async ({ people }) => {
  test.skip(!cluster.isOwn, 'the TURN server must be where the nodes of the cluster reach it');
  const turn = await TurnServer.start(TURN_SECRET);
  try {
    const answer = await httpsPost(`${apiOf('relayed')}/join`, {});
    expect(JSON.parse(answer.body)).toMatchObject({ iceServers: [{ username: expect.stringMatching(/^\d+/), credential: expect.any(String) }] });
    const ada = await people.open('Ada', place(urlOf('relayed')), undefined, relayOnly);
    await ada.enter();
    await ada.isConnected();
    const grace = await people.join('Grace', place(urlOf('relayed')));
    await everyoneSeesAndHearsEveryone([ada, grace]);
    expect(turn.allocations).toBeGreaterThan(0);
  } finally {
    await turn.stop();
  }
});

test('clients of the mediasoup demo, old and new, join by its URLs and meet the other participants', async ({ people }) => {
  const [browser, pages] = [await launchBrowser(), await PageServer.start()];
  try {
    const ada = await people.join('Ada', place(urlOf('demo-hall')));
    const guests: Guest[] = [];
    for (const dialect of ['L', 'T3'] as const) {
      const peerId = `${dialect.toLowerCase()}visitor`;
      const guest = await Guest.open(browser, pages.url(`/${dialect}/`), dialect, peerId, { url: demoUrl('demo-hall', peerId) });
      await guest.isJoined();
      guests.push(guest);
    }
    await everyoneSeesAndHears(guests, 30);
    const appOf = { peerId: await ada.peerId() };
    for (const guest of guests) await seesAndHears(guest, appOf, {}, 30);
    await expect(ada.page.getByTestId('tile')).toHaveCount(3);
    for (const guest of guests) expect((await guest.state()).faults).toEqual([]);
  } finally {
    await browser.close();
    pages.close();
  }
});

test('a meeting that excludes clients of the demo gets none', async () => {
  const client = await ProtooClient.connect(demoUrl('open-house', 'visitor01'), certificateAuthority());
  expect((await client.closed(5)).code).toBe(4000);
});

/** Counts the peer connections of the page. */
function countConnections(): void {
  const Native = window.RTCPeerConnection;
  let count = 0;
  window.RTCPeerConnection = class extends Native {
    constructor(configuration?: RTCConfiguration) {
      super(configuration);
      document.documentElement.dataset['mediaConnections'] = String((count += 1));
    }
  };
}

const mediaConnections = (person: Participant): Promise<string | null> => person.page.locator('html').getAttribute('data-media-connections');

test('each of two routers is killed, and both are replaced, during a call of three: media continues, and signaling recovers', async ({ people }) => {
  const three: Participant[] = [];
  for (const name of ['Ada', 'Grace', 'Linus']) {
    const person = await people.open(name, place(urlOf('open-house')), undefined, countConnections);
    await person.enter();
    await person.isConnected();
    three.push(person);
  }
  await everyoneSeesAndHearsEveryone(three);
  const before = await Promise.all(three.map(mediaConnections));
  for (const router of await listObjects(...ROUTERS)) {
    const start = performance.now();
    if (cluster.isOwn) for (const id of processesOfPod(router.metadata.uid, 'convene-router')) process.kill(id, 'SIGKILL');
    await kubectl('delete', 'pod', router.metadata.name, '--namespace', NAMESPACE, '--force', '--grace-period=0');
    await everyoneSeesAndHearsEveryone(three, 30);
    for (const person of three) await person.isConnected(15);
    console.log(`after a router was killed: all participants see and hear each other after ${secondsSince(start)} s`);
    await programsRun();
  }
  // Both are replaced gracefully, as by an upgrade: each hands its participants over to the other.
  await kubectl('rollout', 'restart', 'deployment/convene-router', '--namespace', NAMESPACE);
  await programsRun();
  await everyoneSeesAndHearsEveryone(three, 30);
  for (const person of three) await person.isConnected(15);
  expect(await Promise.all(three.map(mediaConnections)), 'no media connection was renewed').toEqual(before);
  // Signaling is not only connected, it works: others see a raised hand.
  await three[0]?.page.getByTestId('hand-button').click();
  for (const person of three.slice(1)) await expect(person.page.getByTestId('tile-hand')).toBeVisible();
});

test('the API server is down for two minutes: participants with a token still join a running meeting', async ({ people }) => {
  test.skip(!cluster.isOwn, 'the API server of a foreign cluster must not be stopped');
  test.setTimeout(420_000);
  const tokens = [await makeToken('by-token', 'ada'), await makeToken('by-token', 'grace'), await makeToken('by-token', 'linus')] as const;
  const ada = await people.join('Ada', place(urlOf('by-token', tokens[0])));
  const server = apiServerProcess();
  const stopped = performance.now();
  process.kill(server, 'SIGSTOP');
  try {
    const grace = await people.join('Grace', place(urlOf('by-token', tokens[1])));
    await everyoneSeesAndHearsEveryone([ada, grace]);
    // Either router may answer.
    while (performance.now() - stopped < 120_000) {
      const join = (): ReturnType<typeof httpsPost> => httpsPost(`${apiOf('by-token')}/join`, {}, { authorization: `Bearer ${tokens[2]}` });
      // The first packets of a connection may be lost on the way to a node port: seen once in some thousand.
      const answer = await join().catch(join);
      expect(answer.status, `after ${secondsSince(stopped)} s`).toBe(200);
      await pause(1000);
    }
    const linus = await people.join('Linus', place(urlOf('by-token', tokens[2])));
    await everyoneSeesAndHearsEveryone([ada, grace, linus], 60);
  } finally {
    process.kill(server, 'SIGCONT');
  }
  await waitUntil('the API server answers again', 60, () =>
    kubectl('get', '--raw', '/readyz').then(
      () => undefined,
      () => 'it does not',
    ),
  );
  await programsRun();
});

test('helm uninstall leaves nothing', async () => {
  await kubectl('delete', 'meetings', '--all', '--namespace', 'default');
  // These do not belong to the chart.
  await kubectl('delete', 'secret', JOIN_KEYS, 'turn-secret', '--namespace', NAMESPACE);
  await uninstall();
  await waitUntil('nothing is left', 30, async () => {
    const left = await remains();
    return left.length === 0 ? undefined : left.join(', ');
  });
});
