// Join keys and join tokens, made with the program that users make them with.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import { cluster, conveneProgram, repository } from '../environment.ts';
import { kubectlWithInput } from './kubectl.ts';
import { NAMESPACE } from './release.ts';

const run = promisify(execFile);

export const JOIN_KEYS = 'convene-join-keys';

async function convene(...args: readonly string[]): Promise<string> {
  const env = { ...process.env, KUBECONFIG: cluster.kubeconfig, PATH: cluster.path };
  return (await run(conveneProgram, args, { cwd: repository, encoding: 'utf8', env })).stdout;
}

/** Replaces the key for join tokens. */
export async function makeJoinKey(kid: string): Promise<void> {
  await kubectlWithInput(await convene('key', 'create', JOIN_KEYS, '--kid', kid, '--namespace', NAMESPACE), 'apply', '-f', '-');
}

/** A token for a meeting in the namespace `default`. */
export async function makeToken(meeting: string, identity: string, ...more: readonly string[]): Promise<string> {
  const who = ['--meeting', `default/${meeting}`, '--identity', identity];
  return (await convene('token', 'create', ...who, '--secret', JOIN_KEYS, '--namespace', NAMESPACE, ...more)).trim();
}
