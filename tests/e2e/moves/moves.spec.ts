// How long pictures and sound stop when a meeting moves, and when its pod, process or node is lost: on the test cluster, with two browsers.
import { execFileSync } from 'node:child_process';

import { expect, test } from '../cluster/fixtures.ts';
import { everyoneSeesAndHearsEveryone } from '../support/people/call.ts';
import { cluster, measuredRounds } from '../support/environment.ts';
import { type Figure, report } from '../support/figures.ts';
import { gapsDuring, watch, withTone } from '../support/people/noticed.ts';
import type { Participant } from '../support/people/participant.ts';
import { apply, getObject, kubectl } from '../support/cluster/kubectl.ts';
import { processesOfPod } from '../support/programs/node-process.ts';
import { NAMESPACE, install, isUsable, place, publicUrl, removeLeftovers } from '../support/cluster/release.ts';
import { waitUntil } from '../support/wait.ts';

const MEETING = ['meeting', 'measured'] as const;
/** The node that browsers do not use for the page and signaling. */
const LOST = 'node-2';
const NODES = ['node-1', LOST];

interface Carrier {
  readonly name: string;
  readonly uid: string;
  readonly node: string;
}

const carrier = async (): Promise<Carrier> => (await getObject(...MEETING)).status?.['pod'] as Carrier;

async function isElsewhere({ uid }: Carrier, seconds: number): Promise<void> {
  await waitUntil('the meeting is on another pod', seconds, async () => ((await carrier()).uid === uid ? 'it is not' : undefined));
}

/** The pool has a spare pod, so that a move does not wait for one to start. */
async function hasSpare(): Promise<void> {
  await waitUntil('there is a spare pod', 120, async () => {
    const { status } = await getObject('mediapool', 'default', '--namespace', NAMESPACE);
    return ((status?.['pods'] as { warm?: number } | undefined)?.warm ?? 0) >= 1 ? undefined : JSON.stringify(status?.['pods']);
  });
}

/** Each returns when the meeting is elsewhere; afterwards, `repair` makes the cluster whole again. */
const KINDS: Readonly<Record<string, { rounds: number; act: (at: Carrier) => Promise<void>; repair?: (at: Carrier) => Promise<void> }>> = {
  'pod is drained': {
    rounds: measuredRounds,
    act: async (at) => {
      await kubectl('cordon', at.node);
      await isElsewhere(at, 60);
    },
    repair: async (at) => {
      await kubectl('uncordon', at.node);
    },
  },
  'pod is deleted': {
    rounds: measuredRounds,
    act: async (at) => {
      await kubectl('delete', 'pod', at.name, '--namespace', NAMESPACE, '--force', '--grace-period=0');
      await isElsewhere(at, 60);
    },
  },
  'process is killed': {
    rounds: measuredRounds,
    act: async (at) => {
      for (const id of processesOfPod(at.uid, 'convene-media-pod')) process.kill(id, 'SIGKILL');
      await isElsewhere(at, 60);
    },
  },
  'node is lost': {
    rounds: Math.ceil(measuredRounds / 4),
    act: async (at) => {
      execFileSync('ip', ['link', 'set', `v-${LOST}`, 'down']);
      await isElsewhere(at, 200);
    },
    repair: async () => {
      execFileSync('ip', ['link', 'set', `v-${LOST}`, 'up']);
      await kubectl('wait', '--for=condition=Ready', 'node', '--all', '--timeout=180s');
    },
  },
};

/** Moves the meeting to the node that is going to be lost. */
async function moveTo(node: string): Promise<void> {
  const at = await carrier();
  if (at.node === node) return;
  await kubectl('cordon', at.node);
  await isElsewhere(at, 60);
  await kubectl('uncordon', at.node);
}

test.skip(!cluster.isOwn, 'processes and nodes of a foreign cluster must not be killed');

test.beforeAll(async () => {
  await removeLeftovers();
  await install();
  await isUsable();
  await apply({ apiVersion: 'convene.dev/v1alpha1', kind: 'Meeting', metadata: { name: 'measured', namespace: 'default' }, spec: {} });
  await kubectl('wait', '--for=condition=Ready', MEETING.join('/'), '--timeout=60s');
});

test.afterAll(async () => {
  execFileSync('ip', ['link', 'set', `v-${LOST}`, 'up']);
  for (const node of NODES) await kubectl('uncordon', node);
  await kubectl('delete', 'meetings', '--all', '--namespace', 'default');
  await removeLeftovers();
});

async function measure(people: readonly Participant[], kind: string): Promise<{ pictures: number[]; silences: number[] }> {
  const { rounds, act, repair } = KINDS[kind] ?? { rounds: 0, act: () => Promise.resolve() };
  const [pictures, silences]: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds; round += 1) {
    await hasSpare();
    if (kind === 'node is lost') await moveTo(LOST);
    await everyoneSeesAndHearsEveryone([...people], 60);
    const at = await carrier();
    const gaps = await gapsDuring(people, async () => {
      await act(at);
      await everyoneSeesAndHearsEveryone([...people], 120);
      // Until the old pod no longer has them.
      await new Promise((resolve) => setTimeout(resolve, 3000));
    });
    pictures.push(Math.max(...gaps.map(({ pictureMilliseconds }) => pictureMilliseconds)));
    silences.push(Math.max(...gaps.map(({ silenceMilliseconds }) => silenceMilliseconds)));
    console.log(`${kind}, round ${String(round + 1)}: ${String(pictures.at(-1))} ms without a picture, ${String(silences.at(-1))} ms of silence`);
    await repair?.(at);
  }
  return { pictures, silences };
}

test('moves and faults', async ({ people }, info) => {
  test.setTimeout(5_400_000);
  const at = withTone(place(`${publicUrl}/m/default/measured`), info);
  const talking = [await people.join('Ada', at), await people.join('Grace', at)];
  await everyoneSeesAndHearsEveryone(talking);
  await watch(talking);
  const figures: Figure[] = [];
  for (const kind of Object.keys(KINDS)) {
    const { pictures, silences } = await measure(talking, kind);
    figures.push({ what: `${kind}: longest time without a new picture`, unit: 'ms', values: pictures });
    figures.push({ what: `${kind}: longest silence`, unit: 'ms', values: silences });
  }
  report('moves', figures);
  expect(figures.length).toBe(2 * Object.keys(KINDS).length);
});
