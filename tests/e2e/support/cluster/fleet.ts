// Many meetings in several pools, and their invariants.
import { setTimeout as pause } from 'node:timers/promises';

import { type Condition, type KubernetesObject, kubectl, listObjects } from './kubectl.ts';
import { NAMESPACE } from './release.ts';
import { type Missing, waitUntil } from '../wait.ts';

export const MEDIA_PODS = ['pods', '--namespace', NAMESPACE, '--selector', 'app.kubernetes.io/managed-by=convene-operator'] as const;
const POOLS = ['mediapools', '--namespace', NAMESPACE] as const;
const MEETINGS = ['meetings', '--all-namespaces'] as const;
/** How often the invariants are checked during a step. */
const LOOK_MILLISECONDS = 1000;

export function pool(name: string, spec: object): object {
  return { apiVersion: 'convene.dev/v1alpha1', kind: 'MediaPool', metadata: { name, namespace: NAMESPACE }, spec };
}

export function meeting(name: string, spec: object, labels: Record<string, string> = {}, namespace = 'default'): object {
  return { apiVersion: 'convene.dev/v1alpha1', kind: 'Meeting', metadata: { name, namespace, labels }, spec };
}

export const poolArguments = (name: string): string[] => ['mediapool', name, '--namespace', NAMESPACE];

/** A media pod, as far as these tests care. */
export interface MediaPod {
  readonly name: string;
  readonly uid: string;
  readonly node: string;
  readonly pool: string;
  readonly owner: string;
  readonly revision: string;
  /** `40000-40003` */
  readonly block: string;
  readonly hostPorts: readonly string[];
  readonly isReady: boolean;
  readonly isLeaving: boolean;
}

interface PodObject {
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly labels?: Record<string, string>;
    readonly annotations?: Record<string, string>;
    readonly deletionTimestamp?: string;
    readonly ownerReferences?: readonly { readonly kind: string; readonly name: string }[];
  };
  readonly spec: {
    readonly nodeName?: string;
    readonly containers: readonly { readonly ports?: readonly { readonly hostPort?: number; readonly protocol?: string }[] }[];
  };
  readonly status?: { readonly phase?: string; readonly conditions?: readonly Condition[] };
}

function readPod({ metadata, spec, status }: PodObject): MediaPod {
  const ports = spec.containers.flatMap((container) => container.ports ?? []).filter((port) => port.hostPort !== undefined);
  return {
    name: metadata.name,
    uid: metadata.uid,
    node: spec.nodeName ?? '',
    pool: metadata.labels?.['convene.dev/pool'] ?? '',
    owner: metadata.ownerReferences?.find(({ kind }) => kind === 'MediaPool')?.name ?? '',
    revision: metadata.labels?.['convene.dev/revision'] ?? '',
    block: metadata.annotations?.['convene.dev/rtc-ports'] ?? '',
    hostPorts: ports.map((port) => `${String(port.hostPort)}/${port.protocol ?? 'TCP'}`),
    isReady: status?.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True') ?? false,
    isLeaving: metadata.deletionTimestamp !== undefined || status?.phase === 'Failed' || status?.phase === 'Succeeded',
  };
}

/** Every pod of the operator, including terminating ones. */
export async function mediaPods(): Promise<MediaPod[]> {
  return ((await listObjects(...MEDIA_PODS)) as unknown as PodObject[]).map(readPod);
}

export async function podsOf(poolName: string): Promise<MediaPod[]> {
  return (await mediaPods()).filter((pod) => pod.pool === poolName && !pod.isLeaving);
}

export interface MeetingView {
  readonly name: string;
  readonly pool: string;
  readonly phase: string;
  readonly podName: string;
  readonly podUid: string;
  readonly isReady: boolean;
}

function readMeeting({ metadata, spec, status }: KubernetesObject): MeetingView {
  const pod = status?.['pod'] as { name: string; uid: string } | undefined;
  return {
    name: metadata.name,
    pool: String(spec?.['pool']),
    phase: String(status?.['phase']),
    podName: pod?.name ?? '',
    podUid: pod?.uid ?? '',
    isReady: status?.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True') ?? false,
  };
}

export async function meetings(): Promise<MeetingView[]> {
  return (await listObjects(...MEETINGS)).map(readMeeting);
}

/** Waits until the meeting is ready and returns its pod. */
export async function podOf(name: string): Promise<MediaPod> {
  const [found, pods] = [(await meetings()).find((one) => one.name === name), await mediaPods()];
  const pod = pods.find(({ uid }) => uid === found?.podUid);
  if (pod === undefined) throw new Error(`meeting ${name} is ${found?.phase ?? 'not there'}, on no pod that there is`);
  return pod;
}

interface PoolStatus {
  readonly pods?: Record<string, number>;
  readonly meetings?: number;
  readonly revision?: string;
  readonly blocks?: readonly { readonly ports: string; readonly restingUntil?: string }[];
}

export const poolStatus = (object: KubernetesObject): PoolStatus => (object.status ?? {}) as PoolStatus;

function doubledPorts(pods: readonly MediaPod[]): string[] {
  const holders = new Map<string, string>();
  const faults: string[] = [];
  for (const pod of pods.filter(({ node }) => node !== '')) {
    for (const port of pod.hostPorts) {
      const place = `port ${port} of ${pod.node}`;
      const other = holders.get(place);
      if (other !== undefined) faults.push(`${place} is of both ${other} and ${pod.name}`);
      holders.set(place, pod.name);
    }
  }
  return faults;
}

function isOnRecord(block: string, pool: KubernetesObject): boolean {
  return poolStatus(pool).blocks?.some(({ ports }) => ports === block || ports.startsWith(`${block.split('-')[0] ?? ''}-`)) ?? false;
}

function podFaults(pod: MediaPod, pools: readonly KubernetesObject[]): string[] {
  const owner = pools.find(({ metadata }) => metadata.name === pod.owner);
  if (owner === undefined) return [`${pod.name} belongs to no pool`];
  return isOnRecord(pod.block, owner) ? [] : [`the block ${pod.block} of ${pod.name} is not on record`];
}

function crowdFaults(pools: readonly KubernetesObject[], pods: readonly MediaPod[], mostOf: Record<string, number>): string[] {
  return pools.flatMap(({ metadata: { name }, spec }) => {
    const surge = (spec?.['rollout'] as { maxSurge?: number } | undefined)?.maxSurge ?? 1;
    const most = Math.max(Number(spec?.['max']), mostOf[name] ?? 0) + surge;
    const live = pods.filter((pod) => pod.owner === name && !pod.isLeaving).length;
    return live > most ? [`pool ${name} has ${String(live)} pods, ${String(most)} are allowed`] : [];
  });
}

/** Violations of what must hold at any moment. Pods are read first: what they depend on was written before they were created. */
async function momentFaults(mostOf: Record<string, number>): Promise<string[]> {
  const pods = await mediaPods();
  const pools = await listObjects(...POOLS);
  return [...doubledPorts(pods), ...pods.flatMap((pod) => podFaults(pod, pools)), ...crowdFaults(pools, pods, mostOf)];
}

/** Violations of what must hold once nothing changes. */
async function restFaults(): Promise<string[]> {
  const [all, pods] = [await meetings(), await mediaPods()];
  const living = new Set(pods.filter(({ isLeaving }) => !isLeaving).map(({ uid }) => uid));
  const lost = all.filter(({ podUid }) => podUid !== '' && !living.has(podUid)).map(({ name, podName }) => `${name} is on ${podName}, which is gone`);
  const strays = pods.filter(({ pool: name, owner }) => name !== owner).map(({ name }) => `${name} has lost its labels`);
  const leaving = pods.filter(({ isLeaving }) => isLeaving).map(({ name }) => `${name} is still there`);
  const nowhere = all.filter(({ phase, podUid }) => phase === 'Ready' && podUid === '').map(({ name }) => `${name} is ready on no pod`);
  return [...lost, ...strays, ...leaving, ...nowhere];
}

function list(faults: readonly string[]): Missing {
  return faults.length === 0 ? undefined : faults.slice(0, 8).join('; ');
}

/** Waits until all invariants of the fleet hold. */
export async function fleetIsSound(seconds = 60): Promise<void> {
  const faults = list(await momentFaults({}));
  if (faults !== undefined) throw new Error(faults);
  await waitUntil('the fleet comes to rest', seconds, async () => list(await restFaults()), LOOK_MILLISECONDS);
}

/** Checks the invariants while `step` runs, and fails if any was violated. */
export async function watched<T>(step: () => Promise<T>, mostOf: Record<string, number> = {}): Promise<T> {
  const faults = new Set<string>();
  let looks = 0;
  const done = new AbortController();
  const watching = (async () => {
    while (!done.signal.aborted) {
      const found = await momentFaults(mostOf).catch(() => undefined); // no answer: the next check will have one
      for (const fault of found ?? []) faults.add(fault);
      if (found !== undefined) looks += 1;
      await pause(LOOK_MILLISECONDS, undefined, { signal: done.signal }).catch(() => undefined);
    }
  })();
  const result = await step().finally(() => {
    done.abort();
    return watching;
  });
  const found = list([...faults]);
  if (found !== undefined) throw new Error(`for a moment: ${found}`);
  if (looks === 0) throw new Error('could not check the fleet meanwhile');
  return result;
}

/** All meetings, or those of a pool, can be joined. */
export async function allAreReady(count: number, seconds: number, poolName?: string): Promise<void> {
  await waitUntil(
    `${String(count)} meetings are ready`,
    seconds,
    async () => {
      const all = (await meetings()).filter((one) => poolName === undefined || one.pool === poolName);
      const waiting = all.filter(({ isReady }) => !isReady);
      if (all.length !== count) return `there are ${String(all.length)}`;
      return waiting.length === 0 ? undefined : `${String(waiting.length)} wait, such as ${waiting[0]?.name ?? ''}`;
    },
    LOOK_MILLISECONDS,
  );
}

/** Waits until the pool's status has these numbers of pods by state. */
export async function poolHas(name: string, wanted: Record<string, number>, seconds = 60): Promise<void> {
  await waitUntil(`pool ${name} has ${JSON.stringify(wanted)}`, seconds, async () => {
    const counts = poolStatus(JSON.parse(await kubectl('get', ...poolArguments(name), '-o', 'json')) as KubernetesObject).pods ?? {};
    const fits = Object.entries(wanted).every(([state, count]) => (counts[state] ?? 0) === count);
    return fits ? undefined : `it has ${JSON.stringify(counts)}`;
  });
}

/** `kubectl patch --type=merge` of the spec. */
export async function patchSpec(object: readonly string[], spec: object): Promise<void> {
  await kubectl('patch', ...object, '--type=merge', '--patch', JSON.stringify({ spec }));
}
