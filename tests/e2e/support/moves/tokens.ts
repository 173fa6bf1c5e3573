// Signs the tokens of a cluster, with the key of the protocol's own tests.
import { createPrivateKey, randomUUID, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { repository } from '../environment.ts';

const DATA = join(repository, 'crates/protocol/tests/data');
/** What pods check the tokens with. */
export const publicKeys = join(DATA, 'admission-test-jwks.json');
const key = createPrivateKey(readFileSync(join(DATA, 'admission-test-key.pem')));

const LIFETIME_SECONDS = 60;

const encoded = (part: Buffer | string): string => Buffer.from(part).toString('base64url');

function token(audience: string, body: object): string {
  const now = Math.floor(Date.now() / 1000);
  const header = encoded(JSON.stringify({ typ: 'JWT', alg: 'EdDSA', kid: 'test' }));
  const claims = encoded(JSON.stringify({ aud: audience, iat: now, exp: now + LIFETIME_SECONDS, ...body }));
  return `${header}.${claims}.${encoded(sign(null, Buffer.from(`${header}.${claims}`), key))}`;
}

export interface MeetingId {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

/** Admits a moderator, as the router does. */
export function admissionToken({ namespace, name, uid }: MeetingId): string {
  const meeting = { namespace, name, uid, title: 'Stand-up', maxParticipants: 10, emptyTimeoutSeconds: 300 };
  return token('convene-pod', { meeting, participant: { moderator: true }, jti: randomUUID() });
}

/** Opens the steps of a move on one pod. */
export const handoverToken = (podUid: string, { uid }: MeetingId): string => token('convene-pod-handover', { pod: podUid, room: uid });

/** Lists the rooms of any pod. */
export const adminToken = (): string => token('convene-pod-admin', {});
