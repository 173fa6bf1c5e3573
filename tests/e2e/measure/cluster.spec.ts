// Measurements of the whole system on the test cluster: pod startup, recovery after the loss of a pod, first frame, memory, image sizes.
import { statSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from '../cluster/fixtures.ts';
import { everyoneSeesAndHearsEveryone } from '../support/people/call.ts';
import { cluster } from '../support/environment.ts';
import { type Figure, report } from '../support/figures.ts';
import { firstPictures } from '../support/people/first-picture.ts';
import { apply, getObject, kubectl, listObjects } from '../support/cluster/kubectl.ts';
import { processesOfPod, residentBytes } from '../support/programs/node-process.ts';
import { NAMESPACE, install, isUsable, place, publicUrl, removeLeftovers } from '../support/cluster/release.ts';
import { waitUntil } from '../support/wait.ts';

const ROUNDS = 10;
const MEBIBYTE = 2 ** 20;
const MEETING_URL = `${publicUrl}/m/default/team-standup`;

test.beforeAll(async () => {
  await removeLeftovers();
  await install();
  await isUsable();
  await kubectl('apply', '-f', 'examples/meeting.yaml');
  await kubectl('wait', '--for=condition=Ready', 'meeting/team-standup', '--timeout=60s');
});

test.afterAll(async () => {
  await kubectl('delete', 'meetings', '--all', '--namespace', 'default');
  await removeLeftovers();
});

async function seconds(action: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await action();
  return (performance.now() - began) / 1000;
}

async function poolStart(): Promise<number> {
  const pool = ['mediapool', 'measured', '--namespace', NAMESPACE];
  const taken = await seconds(async () => {
    await apply({
      apiVersion: 'convene.dev/v1alpha1',
      kind: 'MediaPool',
      metadata: { name: 'measured', namespace: NAMESPACE },
      spec: { rtcPorts: { min: 42_000, max: 42_099 }, warm: 1, max: 1 },
    });
    await kubectl('wait', '--for=condition=Ready', ...pool, '--timeout=60s');
  });
  await kubectl('delete', ...pool, '--wait');
  await kubectl('wait', '--for=delete', 'pod', '--namespace', NAMESPACE, '--selector', 'convene.dev/pool=measured', '--timeout=60s');
  return taken;
}

async function meetingReady(): Promise<number> {
  const taken = await seconds(async () => {
    await apply({ apiVersion: 'convene.dev/v1alpha1', kind: 'Meeting', metadata: { name: 'measured', namespace: 'default' }, spec: {} });
    await kubectl('wait', '--for=condition=Ready', 'meeting/measured', '--timeout=60s');
  });
  await kubectl('delete', 'meeting', 'measured');
  return taken;
}

async function repeat(rounds: number, measure: () => Promise<number>): Promise<number[]> {
  const values: number[] = [];
  for (let round = 0; round < rounds; round += 1) values.push(await measure());
  return values;
}

async function memory(program: string): Promise<Figure> {
  const pods = await listObjects('pods', '--namespace', NAMESPACE);
  const processes = pods.flatMap((pod) => processesOfPod(pod.metadata.uid, program));
  return { what: `${program}, memory at rest`, unit: 'MiB', values: processes.map((id) => residentBytes(id) / MEBIBYTE) };
}

function imageSize(name: string): Figure {
  return { what: `image ${name}`, unit: 'MB', values: [statSync(join(cluster.images, `${name}.tar`)).size / 1e6] };
}

test('the whole system', async ({ people }) => {
  test.skip(!cluster.isOwn, "memory and images are read on the cluster's machine");
  const programs = ['convene-operator', 'convene-router', 'convene-media-pod'];
  const figures: Figure[] = [];
  for (const program of programs) figures.push(await memory(program));
  figures.push(...programs.map(imageSize));
  figures.push({ what: 'from `kubectl apply` of a pool to its first ready media pod', unit: 's', values: await repeat(5, poolStart) });
  figures.push({ what: 'from `kubectl apply` of a meeting to Ready, with a warm pod', unit: 's', values: await repeat(ROUNDS, meetingReady) });

  const ada = await people.join('Ada', place(MEETING_URL));
  const clicks = await repeat(ROUNDS, async () => {
    const grace = await people.open('Grace', place(MEETING_URL));
    await grace.isPrepared();
    const taken = (await firstPictures(grace, ada)).atNewcomer;
    await grace.close();
    return taken;
  });
  figures.push({ what: 'from the click to the first decoded picture, through the router', unit: 'ms', values: clicks });

  const grace = await people.join('Grace', place(MEETING_URL));
  const returns = await repeat(5, () => returnAfterPodDeath(() => everyoneSeesAndHearsEveryone([ada, grace], 90)));
  figures.push({ what: 'from `kubectl delete pod --force` to pictures and sound both ways', unit: 's', values: returns });
  report('cluster', figures);
  expect(clicks).toHaveLength(ROUNDS);
});

/** The pool has a warm pod again before the pod of the call is deleted. */
async function returnAfterPodDeath(callIsBack: () => Promise<void>): Promise<number> {
  await callIsBack();
  await waitUntil('a warm pod', 60, async () => {
    const { status } = await getObject('mediapool', 'default', '--namespace', NAMESPACE);
    return (status?.['pods'] as { warm: number }).warm > 0 ? undefined : 'none yet';
  });
  const meeting = await getObject('meeting', 'team-standup');
  const { name, uid } = meeting.status?.['pod'] as { name: string; uid: string };
  return seconds(async () => {
    await kubectl('delete', 'pod', name, '--namespace', NAMESPACE, '--force', '--grace-period=0');
    await waitUntil('another pod', 60, async () => {
      const now = (await getObject('meeting', 'team-standup')).status?.['pod'] as { uid?: string } | undefined;
      return now?.uid !== undefined && now.uid !== uid ? undefined : 'the old one';
    });
    await callIsBack();
  });
}
