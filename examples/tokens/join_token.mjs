// Creates a join token. Node.js 18 or newer, no dependencies.
//
//   KEY_FILE=join-key KID=shop node join_token.mjs team-a/board ada 'Ada Lovelace'
//
// KEY_FILE contains the secret, byte for byte as in the join key Secret (HS256), or the Ed25519 private key in PEM (EdDSA).

import { createHmac, createPrivateKey, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';

const part = (bytes) => Buffer.from(bytes).toString('base64url');

export function makeToken({ key, kid, meeting, identity, name, moderator = false, seconds = 3600 }) {
  const isPem = key.toString().startsWith('-----BEGIN');
  const now = Math.floor(Date.now() / 1000);
  const header = { alg: isPem ? 'EdDSA' : 'HS256', typ: 'JWT', kid };
  const claims = { aud: 'convene', iat: now, exp: now + seconds, sub: identity, name, meeting, moderator };
  const message = `${part(JSON.stringify(header))}.${part(JSON.stringify(claims))}`;
  const signature = isPem
    ? sign(null, Buffer.from(message), createPrivateKey(key))
    : createHmac('sha256', key).update(message).digest();
  return `${message}.${part(signature)}`;
}

const [meeting, identity, name] = process.argv.slice(2);
const key = readFileSync(process.env.KEY_FILE);
console.log(makeToken({ key, kid: process.env.KID, meeting, identity, name }));
