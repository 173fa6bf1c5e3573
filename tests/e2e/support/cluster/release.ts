// Convene on the test cluster: installed as in the README, with the test certificate, and removed completely.
import { join } from 'node:path';

import { cluster } from '../environment.ts';
import { httpsGet } from '../servers/https.ts';
import { CommandError, helm, kubectl } from './kubectl.ts';
import type { Place } from '../people/participant.ts';
import { routerKeyFingerprint } from '../servers/tls.ts';
import { waitUntil } from '../wait.ts';

export const NAMESPACE = 'convene-system';
const HTTPS_NODE_PORT = 30443;
const TLS_SECRET = 'router-tls';

export const publicUrl = `https://${cluster.nodeAddress}:${String(HTTPS_NODE_PORT)}`;

export function place(url: string): Place {
  return { url, keyFingerprint: routerKeyFingerprint() };
}

/** Removes leftovers of an earlier, interrupted run. */
export async function removeLeftovers(): Promise<void> {
  await uninstall().catch(uninstallByForce);
  await kubectl('delete', 'namespace', NAMESPACE, '--ignore-not-found', '--wait', '--timeout=120s');
}

/** If no operator is left to drain the pools, their finalizer would block the definitions and the namespace forever. */
async function uninstallByForce(error: unknown): Promise<void> {
  ignoreAbsent(error);
  await helm('uninstall', 'convene', '--namespace', NAMESPACE, '--no-hooks', '--ignore-not-found').catch(ignoreAbsent);
  const pools = await kubectl('get', 'mediapools', '--namespace', NAMESPACE, '-o', 'name').catch(() => ''); // the definitions may be gone already
  for (const pool of pools.split('\n').filter((name) => name !== '')) {
    await kubectl('patch', pool, '--namespace', NAMESPACE, '--type=merge', '--patch', '{"metadata": {"finalizers": null}}').catch(ignoreAbsent);
  }
  await helm('uninstall', 'convene-crds', '--wait', '--ignore-not-found').catch(ignoreAbsent);
}

function ignoreAbsent(error: unknown): void {
  if (!(error instanceof CommandError)) throw error;
}

/** The README's commands, and what a test cluster needs in addition: a certificate and a node port. Returns helm's output. */
export async function install(...more: readonly string[]): Promise<string> {
  await helm('install', 'convene-crds', 'charts/convene-crds');
  await kubectl('create', 'namespace', NAMESPACE);
  const files = [`--cert=${join(cluster.tls, 'router.crt')}`, `--key=${join(cluster.tls, 'router.key')}`];
  await kubectl('create', 'secret', 'tls', TLS_SECRET, '--namespace', NAMESPACE, ...files);
  return helm(
    ...['install', 'convene', 'charts/convene', '--namespace', NAMESPACE, '--create-namespace'],
    ...['--set', `publicUrl=${publicUrl},router.tls.secretName=${TLS_SECRET}`],
    ...['--set', 'uninstall.timeoutSeconds=90'],
    ...['--set', `router.service.type=NodePort,router.service.httpsNodePort=${String(HTTPS_NODE_PORT)}`],
    ...more,
    ...cluster.helmArguments,
  );
}

/** Waits until operator, router and the default pool are ready, and the router responds at its public address. */
export async function isUsable(): Promise<void> {
  await programsRun();
  await kubectl('wait', '--for=condition=Ready', 'mediapool/default', '--namespace', NAMESPACE, '--timeout=90s');
}

/** Waits until operator and router run, and the router responds at its public address. */
export async function programsRun(): Promise<void> {
  await kubectl('rollout', 'status', 'deployment/convene-operator', 'deployment/convene-router', '--namespace', NAMESPACE, '--timeout=90s');
  await waitUntil('the router answers from outside', 30, async () => {
    const { status } = await httpsGet(`${publicUrl}/healthz`);
    return status === 200 ? undefined : `/healthz says ${String(status)}`;
  });
}

/** Removes everything except the definitions, and with them the meetings. */
export async function uninstallPrograms(): Promise<void> {
  await helm('uninstall', 'convene', '--namespace', NAMESPACE, '--wait', '--ignore-not-found');
}

export async function uninstall(): Promise<void> {
  await uninstallPrograms();
  await helm('uninstall', 'convene-crds', '--wait', '--ignore-not-found');
}

/** Everything in the release namespace and cluster-wide, except Kubernetes' own objects and our certificate. */
export async function remains(): Promise<string[]> {
  const kinds = 'pods,jobs,secrets,configmaps,services,deployments,replicasets,serviceaccounts,roles,rolebindings,poddisruptionbudgets,leases,endpointslices';
  const inNamespace = await kubectl('get', kinds, '--namespace', NAMESPACE, '-o', 'name');
  const clusterKinds = 'clusterroles,clusterrolebindings,customresourcedefinitions,validatingadmissionpolicies,validatingadmissionpolicybindings';
  const clusterWide = await kubectl('get', clusterKinds, '-o', 'name');
  const expected = new Set([`secret/${TLS_SECRET}`, 'configmap/kube-root-ca.crt', 'serviceaccount/default']);
  return [
    ...inNamespace.split('\n').filter((name) => name !== '' && !expected.has(name)),
    ...clusterWide.split('\n').filter((name) => name.includes('convene')),
  ];
}
