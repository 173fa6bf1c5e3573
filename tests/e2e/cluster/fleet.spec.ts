// A fleet: two hundred meetings in three pools, scaled, moved, drained and killed, on a real Kubernetes. The tests build on each other:
// they are one story, from installation to removal. Invariants are checked after each of them and while they run.
import { everyoneSeesAndHearsEveryone } from '../support/people/call.ts';
import { cluster } from '../support/environment.ts';
import {
  allAreReady,
  fleetIsSound,
  mediaPods,
  meeting,
  meetings,
  patchSpec,
  podOf,
  podsOf,
  pool,
  poolArguments,
  poolHas,
  poolStatus,
  watched,
} from '../support/cluster/fleet.ts';
import { httpsGet } from '../support/servers/https.ts';
import { apply, applyAll, conditionOf, describeShows, getObject, kubectl } from '../support/cluster/kubectl.ts';
import { leader } from '../support/cluster/lease.ts';
import { processesOfPod } from '../support/programs/node-process.ts';
import type { ProtooClient } from '../support/protoo.ts';
import { nobodyNotices, watch, withTone } from '../support/people/noticed.ts';
import { knock, sitIn } from '../support/people/quiet-person.ts';
import { NAMESPACE, install, place, programsRun, publicUrl, remains, uninstall } from '../support/cluster/release.ts';
import { waitUntil } from '../support/wait.ts';
import { expect, tellsOneStory, test } from './fixtures.ts';

const GUESTS = 'fleet-guests';
/** Small enough that a few meetings need many pods, and that many pods fit a small machine. */
const SMALL = {
  capacity: { meetings: 30, participants: 600 },
  warm: 1,
  drain: { deadlineSeconds: 60, pace: 10 },
  resources: { requests: { cpu: '20m', memory: '32Mi' } },
};
const POOLS = [
  pool('reef', { ...SMALL, rtcPorts: { min: 45_000, max: 45_029 }, max: 8 }),
  pool('atoll', { ...SMALL, rtcPorts: { min: 45_100, max: 45_129 }, max: 6 }),
  pool('inlet', { ...SMALL, rtcPorts: { min: 45_200, max: 45_229 }, max: 6, exposure: 'NodePort' }),
];
/** Meetings of each pool: how many exist at first, and how many stay to the end. */
const CROWD = { reef: [100, 15], atoll: [70, 15], inlet: [30, 20] } as const;
const ALL = 200;
const STAYING = 50;

const number = (index: number): string => String(index).padStart(3, '0');
const crowd = Object.entries(CROWD).flatMap(([name, [all, staying]]) =>
  Array.from({ length: all }, (_, index) => meeting(`${name}-${number(index)}`, { pool: name }, { fleet: index < staying ? 'stays' : 'goes' })),
);
const urlOf = (name: string): string => `${publicUrl}/m/default/${name}`;
const soon = (seconds: number): string => new Date(Date.now() + seconds * 1000).toISOString().replace(/\.\d+/, '');
const secondsSince = (start: number): string => ((performance.now() - start) / 1000).toFixed(1);
const sorted = (uids: readonly { readonly uid: string }[]): string[] => uids.map(({ uid }) => uid).sort();

/** A participant who stays in a meeting of the pool through several tests. */
let sitting: ProtooClient | undefined;

tellsOneStory({
  always: async () => {
    sitting?.close();
    for (const node of await nodeNames()) await kubectl('uncordon', node);
  },
  more: async () => {
    await kubectl('delete', 'namespace', GUESTS, '--ignore-not-found');
  },
});

async function nodeNames(): Promise<string[]> {
  return (await kubectl('get', 'nodes', '-o', 'jsonpath={.items[*].metadata.name}')).split(' ');
}

test('helm install runs two operators of which one leads, and three pools get their spare pods', async () => {
  await install('--set', 'operator.replicas=2,defaultPool.enabled=false');
  await programsRun();
  await applyAll(POOLS);
  for (const name of Object.keys(CROWD)) await poolHas(name, { ready: 1, warm: 1, total: 1 }, 90);
  expect((await leader()).pod).toMatch(/^convene-operator-/);
  await fleetIsSound();
});

test('200 meetings in three pools, applied at once, are all ready', async () => {
  const start = performance.now();
  await watched(async () => {
    await applyAll(crowd);
    const applied = secondsSince(start);
    await allAreReady(ALL, 120);
    console.log(`${String(ALL)} meetings: applied after ${applied} s, all ready after ${secondsSince(start)} s`);
  });
  await poolHas('reef', { ready: 5, warm: 1, total: 5 });
  await poolHas('atoll', { ready: 4, warm: 1, total: 4 });
  await poolHas('inlet', { ready: 2, warm: 1, total: 2 });
  const carriers = (await meetings()).map(({ podUid }) => podUid);
  for (const uid of new Set(carriers)) expect(carriers.filter((one) => one === uid).length).toBeLessThanOrEqual(SMALL.capacity.meetings);
  await fleetIsSound();
});

test('kubectl scale changes the spare pods, and pods with meetings are left alone', async () => {
  sitting = await sitIn('reef-000', 'the-sitting-one');
  const busy = new Set((await meetings()).filter((one) => one.pool === 'reef').map(({ podUid }) => podUid));
  await watched(async () => {
    await kubectl('scale', ...poolArguments('reef'), '--replicas=3');
    await poolHas('reef', { warm: 3, total: 7 });
    await kubectl('scale', ...poolArguments('reef'), '--replicas=1');
    await poolHas('reef', { warm: 1, total: 5 });
  });
  expect(sorted(await podsOf('reef'))).toEqual(expect.arrayContaining([...busy].sort()));
  expect(sitting.isOpen).toBe(true);
  await fleetIsSound();
});

test('a max below the pods in use removes only the spare pod', async () => {
  const busy = [...new Set((await meetings()).filter((one) => one.pool === 'reef').map(({ podUid }) => podUid))].sort();
  await watched(
    async () => {
      await patchSpec(poolArguments('reef'), { max: 2 });
      await poolHas('reef', { warm: 0, total: busy.length });
    },
    { reef: 5 },
  );
  expect(sorted(await podsOf('reef'))).toEqual(busy);
  expect(sitting?.isOpen).toBe(true);
  await allAreReady(100, 10, 'reef');
  await patchSpec(poolArguments('reef'), { max: 8 });
  await poolHas('reef', { warm: 1, total: busy.length + 1 });
  await fleetIsSound();
});

test('when 150 meetings are deleted the pools shrink to what is needed, and no participant is disconnected', async () => {
  await watched(async () => {
    await kubectl('delete', 'meetings', '--namespace', 'default', '--selector', 'fleet=goes');
    for (const name of Object.keys(CROWD)) await poolHas(name, { ready: 2, warm: 1, draining: 0, total: 2 }, 120);
  });
  await allAreReady(STAYING, 10);
  expect(sitting?.isOpen).toBe(true);
  sitting?.close();
  await fleetIsSound();
});

test('a new template replaces every pod, and a call in one of them notices nothing', async ({ people }, info) => {
  const at = withTone(place(urlOf('atoll-000')), info);
  const talking = [await people.join('Ada', at), await people.join('Grace', at)];
  await everyoneSeesAndHearsEveryone(talking);
  await watch(talking);
  const before = await podsOf('atoll');
  const replaced = async (): Promise<void> => {
    await patchSpec(poolArguments('atoll'), { plainPorts: 1 });
    await waitUntil('all pods have the new template', 120, async () => {
      const object = await getObject(...poolArguments('atoll'));
      const revision = poolStatus(object).revision;
      const pods = (await mediaPods()).filter((pod) => pod.owner === 'atoll');
      if (pods.some((pod) => pod.revision !== revision || before.some(({ uid }) => uid === pod.uid))) return 'old pods are there';
      const updated = object.status?.conditions?.find(({ type }) => type === 'Updated');
      return updated?.status === 'True' && pods.length === 2 ? undefined : `${String(pods.length)} pods, ${updated?.message ?? ''}`;
    });
  };
  await nobodyNotices(talking, () => watched(replaced));
  await everyoneSeesAndHearsEveryone(talking, 60);
  await allAreReady(STAYING, 30);
  await describeShows(poolArguments('atoll'), /Outdated/);
  await fleetIsSound();
});

test('media pods leave a cordoned node, which is used again afterwards', async () => {
  const { node } = await podOf('inlet-000');
  await watched(async () => {
    await kubectl('cordon', node);
    await waitUntil(`no media pod is on ${node}`, 90, async () => {
      const there = (await mediaPods()).filter((pod) => pod.node === node);
      return there.length === 0 ? undefined : there.map(({ name }) => name).join(', ');
    });
  });
  await allAreReady(STAYING, 30);
  await kubectl('uncordon', node);
  await fleetIsSound();
});

test('kubectl drain empties a node during a call, which notices nothing', async ({ people }, info) => {
  const at = withTone(place(urlOf('reef-000')), info);
  const [ada, grace] = [await people.join('Ada', at), await people.join('Grace', at)];
  await everyoneSeesAndHearsEveryone([ada, grace]);
  await ada.click('chat-button');
  await ada.page.getByTestId('chat-input').fill('Before the drain');
  await ada.page.getByTestId('chat-input').press('Enter');
  await expect(ada.page.getByTestId('chat-message')).toHaveText(['Before the drain']);
  const before = await podOf('reef-000');
  await watch([ada, grace]);
  await nobodyNotices([ada, grace], async () => {
    await watched(() => kubectl('drain', before.node, '--ignore-daemonsets', '--delete-emptydir-data', '--timeout=120s'));
  });
  expect((await mediaPods()).filter((pod) => pod.node === before.node)).toEqual([]);
  await everyoneSeesAndHearsEveryone([ada, grace], 60);
  expect((await podOf('reef-000')).node).not.toBe(before.node);
  // The room's memory has moved, too.
  const linus = await people.join('Linus', place(urlOf('reef-000')));
  await linus.click('chat-button');
  await expect(linus.page.getByTestId('chat-message')).toHaveText(['Before the drain']);
  await kubectl('uncordon', before.node);
  await allAreReady(STAYING, 30);
  await programsRun();
  await fleetIsSound();
});

test('the meetings of a killed media pod move to others at once', async () => {
  const killed = await podOf('reef-000');
  await watched(async () => {
    await kubectl('delete', 'pod', killed.name, '--namespace', NAMESPACE, '--force', '--grace-period=0');
    await waitUntil('its meetings are elsewhere', 30, async () => {
      const left = (await meetings()).filter(({ podUid, isReady }) => podUid === killed.uid || !isReady);
      return left.length === 0 ? undefined : `${String(left.length)} are not`;
    });
  });
  await poolHas('reef', { ready: 2, warm: 1, total: 2 });
  await fleetIsSound();
});

test('the leading operator is killed: another one leads, and a meeting created at that moment is served', async () => {
  const before = await leader();
  const { uid } = (await getObject('pod', before.pod, '--namespace', NAMESPACE)).metadata;
  await watched(async () => {
    // Killed where possible: then the lease has to expire.
    if (cluster.isOwn) for (const id of processesOfPod(uid, 'convene-operator')) process.kill(id, 'SIGKILL');
    await kubectl('delete', 'pod', before.pod, '--namespace', NAMESPACE, '--force', '--grace-period=0');
    await apply(meeting('interregnum', { pool: 'reef' }));
    await conditionOf(['meeting', 'interregnum'], 'Ready', { status: 'True' }, 20);
  });
  expect((await leader()).identity).not.toBe(before.identity);
  await kubectl('delete', 'meeting', 'interregnum');
  await programsRun();
  await fleetIsSound();
});

test('media ports are reachable at the announced addresses', async () => {
  for (const name of ['reef', 'inlet']) await conditionOf(poolArguments(name), 'MediaReachable', { status: 'True' }, 90);
  await conditionOf(['meeting', 'reef-001'], 'MediaReachable', { status: 'True' }, 30);
});

test('a meeting with an end time disconnects all participants then, and is gone some seconds later', async ({ people }) => {
  await apply(meeting('short', { pool: 'reef' }));
  await conditionOf(['meeting', 'short'], 'Ready', { status: 'True' });
  const ada = await people.join('Ada', place(urlOf('short')));
  await patchSpec(['meeting', 'short'], { endsAt: soon(8), ttlAfterEnded: 5 });
  const ended = waitUntil('the meeting is Ended', 30, async () => {
    const { status } = await getObject('meeting', 'short');
    return status?.['phase'] === 'Ended' ? undefined : `it is ${String(status?.['phase'])}`;
  });
  await Promise.all([ended, ada.seesEnd(30)]);
  await kubectl('wait', '--for=delete', 'meeting/short', '--timeout=30s');
});

test('a meeting with a start time waits for it', async () => {
  const startsAt = soon(15);
  await apply(meeting('later', { pool: 'reef', startsAt }));
  await conditionOf(['meeting', 'later'], 'Ready', { status: 'False', reason: /^Scheduled$/ });
  expect((await getObject('meeting', 'later')).status?.['phase']).toBe('Pending');
  const ready = await conditionOf(['meeting', 'later'], 'Ready', { status: 'True' }, 40);
  expect(Date.parse(ready.lastTransitionTime)).toBeGreaterThanOrEqual(Date.parse(startsAt));
  await kubectl('delete', 'meeting', 'later');
});

test('a dedicated meeting has a pod to itself, and its lock and title change under the call', async ({ people }) => {
  await apply(meeting('alone', { pool: 'inlet', placement: 'Dedicated' }));
  await conditionOf(['meeting', 'alone'], 'Ready', { status: 'True' });
  await apply(meeting('another', { pool: 'inlet' }));
  await conditionOf(['meeting', 'another'], 'Ready', { status: 'True' });
  const { uid } = await podOf('alone');
  expect((await meetings()).filter(({ podUid }) => podUid === uid).map(({ name }) => name)).toEqual(['alone']);
  // Its media uses ports chosen by Kubernetes.
  const ada = await people.join('Ada', place(urlOf('alone')));
  const grace = await people.join('Grace', place(urlOf('alone')));
  await everyoneSeesAndHearsEveryone([ada, grace]);

  await kubectl('patch', 'meeting', 'alone', '--type=merge', '--patch', '{"spec":{"locked":true,"title":"Behind closed doors"}}');
  await waitUntil('a new participant is rejected', 15, async () => {
    const newcomer = await knock('alone', 'newcomer-1');
    const { code, reason } = await newcomer.closed(1).finally(() => newcomer.close());
    return code === 4000 && reason.includes('locked') ? undefined : `the answer was ${String(code)} ${reason}`;
  });
  expect((JSON.parse((await httpsGet(`${publicUrl}/api/v1/meetings/default/alone`)).body) as { title: string }).title).toBe('Behind closed doors');
  await everyoneSeesAndHearsEveryone([ada, grace]);
  await kubectl('delete', 'meeting', 'alone', 'another');
  await poolHas('inlet', { ready: 2, warm: 1, draining: 0, total: 2 }, 90);
  await fleetIsSound();
});

test('a namespace is served as soon as the pool allows it, and its deletion ends its calls', async () => {
  const allowedNamespaces = { from: 'Selector', selector: { matchLabels: { calls: 'allowed' } } };
  await apply(pool('cove', { ...SMALL, rtcPorts: { min: 45_300, max: 45_309 }, warm: 0, max: 2, allowedNamespaces }));
  await kubectl('create', 'namespace', GUESTS);
  await apply(meeting('visit', { pool: 'cove' }, {}, GUESTS));
  const visit = ['meeting', 'visit', '--namespace', GUESTS];
  const condition = await conditionOf(visit, 'Accepted', { status: 'False', reason: /^NamespaceNotAllowed$/ });
  expect(condition.message).toContain(GUESTS);
  await describeShows(visit, /Events:[^]*NamespaceNotAllowed/);

  await kubectl('label', 'namespace', GUESTS, 'calls=allowed');
  await conditionOf(visit, 'Ready', { status: 'True' });
  const person = await sitIn('visit', 'the-visitor', GUESTS);
  await kubectl('delete', 'namespace', GUESTS, '--timeout=60s');
  expect((await person.closed(15)).code).toBe(4000);
  await poolHas('cove', { total: 0 });
  await kubectl('delete', ...poolArguments('cove'));
});

test('a pool whose ports overlap with another reports it, and still gives each pod its own', async () => {
  await apply(pool('shoal', { ...SMALL, rtcPorts: { min: 45_000, max: 45_009 }, max: 2 }));
  const condition = await conditionOf(poolArguments('shoal'), 'PortsExclusive', { status: 'False', reason: /^PortsOverlap$/ });
  expect(condition.message).toContain('reef');
  await describeShows(poolArguments('shoal'), /Events:[^]*PortsOverlap/);
  await poolHas('shoal', { ready: 1 });
  await fleetIsSound();
  await kubectl('delete', ...poolArguments('shoal'));
  await waitUntil('its pods are gone', 60, async () => ((await mediaPods()).some((pod) => pod.owner === 'shoal') ? 'they are there' : undefined));
});

test('a quota that forbids more pods is reported, and pods are created as soon as it is gone', async () => {
  const quota = { apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name: 'no-more', namespace: NAMESPACE }, spec: { hard: { pods: '1' } } };
  await apply(quota);
  await waitUntil('the quota counts', 30, async () => {
    const { status } = await getObject('resourcequota', 'no-more', '--namespace', NAMESPACE);
    return status?.['used'] === undefined ? 'not yet' : undefined;
  });
  await kubectl('scale', ...poolArguments('reef'), '--replicas=2');
  const condition = await conditionOf(poolArguments('reef'), 'PodsAvailable', { status: 'False', reason: /^PodRefused$/ });
  expect(condition.message).toContain('exceeded quota: no-more');
  await describeShows(poolArguments('reef'), /Events:[^]*PodRefused/);
  await allAreReady(STAYING, 5);

  await kubectl('delete', 'resourcequota', 'no-more', '--namespace', NAMESPACE);
  await conditionOf(poolArguments('reef'), 'PodsAvailable', { status: 'True' }, 60);
  await poolHas('reef', { warm: 2 });
  await kubectl('scale', ...poolArguments('reef'), '--replicas=1');
  await poolHas('reef', { warm: 1, total: 2 });
  await fleetIsSound();
});

test('labels removed from a media pod are restored, and its meetings stay', async () => {
  const edited = await podOf('atoll-000');
  await kubectl('label', 'pod', edited.name, '--namespace', NAMESPACE, 'convene.dev/pool-');
  await waitUntil('the label is back', 30, async () => {
    const { pool: name } = await podOf('atoll-000');
    return name === 'atoll' ? undefined : `it is ${JSON.stringify(name)}`;
  });
  expect((await podOf('atoll-000')).uid).toBe(edited.uid);
  await describeShows(poolArguments('atoll'), /Events:[^]*PodEdited/);
  await allAreReady(STAYING, 10);
  await fleetIsSound();
});

test('helm uninstall leaves nothing', async () => {
  await kubectl('delete', 'meetings', '--all', '--namespace', 'default');
  await uninstall();
  await waitUntil('nothing is left', 60, async () => {
    const left = await remains();
    return left.length === 0 ? undefined : left.join(', ');
  });
});
