// The certificate of the router under test, and how browsers and programs trust it.
import { X509Certificate, createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { cluster } from '../environment.ts';

export function certificateAuthority(): Buffer {
  return readFileSync(join(cluster.tls, 'ca.crt'));
}

/** Browsers accept exactly this untrusted key: better than ignoring all certificate errors. */
export function routerKeyFingerprint(): string {
  const certificate = new X509Certificate(readFileSync(join(cluster.tls, 'router.crt')));
  const key = certificate.publicKey.export({ type: 'spki', format: 'der' });
  return createHash('sha256').update(key).digest('base64');
}
