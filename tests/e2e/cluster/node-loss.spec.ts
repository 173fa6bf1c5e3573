// A node is lost after an upgrade: an operator and a router continue on the other one, no status is wrong, and the calls of the lost
// node recover.
import { execFileSync } from 'node:child_process';

import { everyoneSeesAndHearsEveryone } from '../support/people/call.ts';
import { cluster } from '../support/environment.ts';
import { apply, getObject, helm, kubectl, listObjects } from '../support/cluster/kubectl.ts';
import { leader } from '../support/cluster/lease.ts';
import { NAMESPACE, install, isUsable, place, programsRun, publicUrl } from '../support/cluster/release.ts';
import { waitUntil } from '../support/wait.ts';
import { expect, tellsOneStory, test } from './fixtures.ts';

/** The node that browsers do not use for the page and signaling. */
const LOST = 'node-2';
const OTHER = 'node-1';
const MEETING = ['meeting', 'seminar'] as const;

const setLink = (state: 'up' | 'down'): void => void execFileSync('ip', ['link', 'set', `v-${LOST}`, state]);

async function nodesOf(component: string): Promise<string[]> {
  const pods = await listObjects('pods', '--namespace', NAMESPACE, '--selector', `app.kubernetes.io/component=${component}`);
  return pods.map(({ spec }) => String(spec?.['nodeName'])).sort();
}

async function nodeOfMeeting(): Promise<string | undefined> {
  const { status } = await getObject(...MEETING);
  return (status?.['pod'] as { node?: string } | undefined)?.node;
}

test.skip(!cluster.isOwn, 'nodes of a foreign cluster must not be cut off');
tellsOneStory({
  always: async () => {
    setLink('up');
    await kubectl('uncordon', OTHER);
    await kubectl('wait', '--for=condition=Ready', 'node', '--all', '--timeout=120s');
  },
});

test('after helm upgrade the replicas of operator and router are on different nodes', async () => {
  await install();
  await isUsable();
  for (const version of ['2', '3']) {
    const annotations = ['operator', 'router'].map((name) => `${name}.podAnnotations.version=v${version}`).join(',');
    await helm('upgrade', 'convene', 'charts/convene', '--namespace', NAMESPACE, '--reuse-values', '--set', annotations);
    await programsRun();
    for (const component of ['operator', 'router']) {
      await waitUntil(`the old pods of the ${component} are gone`, 90, async () => {
        const nodes = await nodesOf(component);
        return nodes.length === 2 ? undefined : nodes.join(', ');
      });
      expect(await nodesOf(component), component).toEqual([OTHER, LOST]);
    }
  }
});

test('a node is lost: no status is wrongly Ready, and its call recovers on the other one', async ({ people }) => {
  test.setTimeout(420_000);
  await kubectl('cordon', OTHER);
  await apply({ apiVersion: 'convene.dev/v1alpha1', kind: 'Meeting', metadata: { name: 'seminar', namespace: 'default' }, spec: {} });
  await waitUntil(`the meeting is ready on ${LOST}`, 120, async () => {
    const { status } = await getObject(...MEETING);
    const node = await nodeOfMeeting();
    return status?.['phase'] === 'Ready' && node === LOST ? undefined : `it is ${String(status?.['phase'])} on ${String(node)}`;
  });
  await kubectl('uncordon', OTHER);
  const url = `${publicUrl}/m/default/seminar`;
  const ada = await people.join('Ada', place(url));
  const grace = await people.join('Grace', place(url));
  await everyoneSeesAndHearsEveryone([ada, grace]);

  setLink('down');
  await waitUntil(`the meeting has left ${LOST}`, 200, async () => {
    const node = await nodeOfMeeting();
    return node !== undefined && node !== LOST ? undefined : `it is on ${String(node)}`;
  });
  await everyoneSeesAndHearsEveryone([ada, grace], 90);
  await waitUntil('the status counts the participants', 30, async () => {
    const { status } = await getObject(...MEETING);
    return status?.['phase'] === 'Ready' && status['participants'] === 2 ? undefined : JSON.stringify(status);
  });
  // The leader is on the remaining node.
  const { spec } = await getObject('pod', (await leader()).pod, '--namespace', NAMESPACE);
  expect(spec?.['nodeName']).toBe(OTHER);
});
