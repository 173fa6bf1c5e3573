// The leading operator, according to the Lease.
import { getObject } from './kubectl.ts';
import { NAMESPACE } from './release.ts';

export interface Leader {
  /** Unique, even across restarts of the container. */
  readonly identity: string;
  readonly pod: string;
}

export async function leader(): Promise<Leader> {
  const { spec } = await getObject('lease', 'convene-operator', '--namespace', NAMESPACE);
  const identity = String(spec?.['holderIdentity'] ?? '');
  if (!identity.includes('_')) throw new Error('no operator leads');
  return { identity, pod: identity.slice(0, identity.lastIndexOf('_')) };
}
