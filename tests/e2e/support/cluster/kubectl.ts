// kubectl and helm against the test cluster, as a user would run them.
import { type ExecFileOptionsWithStringEncoding, execFile } from 'node:child_process';
import { promisify } from 'node:util';

import { cluster, repository } from '../environment.ts';
import { type Missing, waitUntil } from '../wait.ts';

const run = promisify(execFile);

const options: ExecFileOptionsWithStringEncoding = {
  cwd: repository,
  encoding: 'utf8',
  env: { ...process.env, KUBECONFIG: cluster.kubeconfig, PATH: cluster.path },
  maxBuffer: 64 * 1024 * 1024,
};

export class CommandError extends Error {
  readonly stderr: string;

  constructor(command: string, stderr: string) {
    super(`${command}: ${stderr.trim()}`);
    this.stderr = stderr;
  }
}

async function command(program: string, args: readonly string[], input?: string): Promise<string> {
  const pending = run(program, args, options);
  pending.child.stdin?.end(input);
  try {
    return (await pending).stdout;
  } catch (error) {
    const { stderr, message } = error as { stderr?: string; message: string };
    throw new CommandError([program, ...args].join(' '), stderr === undefined || stderr === '' ? message : stderr);
  }
}

export const kubectl = (...args: readonly string[]): Promise<string> => command('kubectl', args);
export const helm = (...args: readonly string[]): Promise<string> => command('helm', args);

export const kubectlWithInput = (input: string, ...args: readonly string[]): Promise<string> => command('kubectl', args, input);

/** `kubectl apply -f -` of all of them at once. */
export async function applyAll(items: readonly object[]): Promise<string> {
  return apply({ apiVersion: 'v1', kind: 'List', items });
}

/** `kubectl apply -f -` of one object. */
export async function apply(object: object): Promise<string> {
  return command('kubectl', ['apply', '-f', '-'], JSON.stringify(object));
}

/** The API server's error for an object; fails if it is accepted. */
export async function refusalOf(object: object): Promise<string> {
  try {
    await apply(object);
  } catch (error) {
    if (error instanceof CommandError) return error.stderr;
    throw error;
  }
  throw new Error('the API server took it');
}

/** The warnings of `kubectl apply`, as a dry run. */
export async function warningsOf(object: object): Promise<string> {
  const pending = run('kubectl', ['apply', '--dry-run=server', '-f', '-'], options);
  pending.child.stdin?.end(JSON.stringify(object));
  return (await pending).stderr;
}

export interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
  readonly lastTransitionTime: string;
}

export interface KubernetesObject {
  readonly metadata: { readonly name: string; readonly uid: string };
  readonly spec?: Record<string, unknown>;
  readonly status?: { readonly conditions?: readonly Condition[]; readonly [field: string]: unknown };
}

export async function getObject(...args: readonly string[]): Promise<KubernetesObject> {
  return JSON.parse(await kubectl('get', ...args, '-o', 'json')) as KubernetesObject;
}

export async function listObjects(...args: readonly string[]): Promise<KubernetesObject[]> {
  return (JSON.parse(await kubectl('get', ...args, '-o', 'json')) as { items: KubernetesObject[] }).items;
}

/** Waits for a condition with that status and reason, and returns it. */
export async function conditionOf(object: readonly string[], type: string, expected: { status: string; reason?: RegExp }, seconds = 60): Promise<Condition> {
  let found: Condition | undefined;
  await waitUntil(`${object.join(' ')} has ${type}=${expected.status}`, seconds, async (): Promise<Missing> => {
    const conditions = (await getObject(...object)).status?.conditions ?? [];
    found = conditions.find((condition) => condition.type === type);
    if (found === undefined) return `there is no condition ${type}`;
    const fits = found.status === expected.status && (expected.reason === undefined || expected.reason.test(found.reason));
    return fits ? undefined : `it is ${found.status} (${found.reason}: ${found.message})`;
  });
  return found as Condition;
}

/** Waits until `kubectl describe` of an object has these words, events included (they come shortly after the conditions). */
export async function describeShows(object: readonly string[], ...words: readonly RegExp[]): Promise<string> {
  let text = '';
  await waitUntil(`kubectl describe ${object.join(' ')} explains it`, 30, async () => {
    text = await kubectl('describe', ...object);
    const absent = words.filter((word) => !word.test(text));
    return absent.length === 0 ? undefined : `it does not show ${absent.join(', ')}`;
  });
  return text;
}
