/** Peer ids: eight random lower-case letters, as in mediasoup-demo. A page keeps its id over reconnects. */

const LENGTH = 8;
const FIRST_LETTER = 'a'.charCodeAt(0);

export function newPeerId(randomBytes: (length: number) => Uint8Array = secureBytes): string {
  return Array.from(randomBytes(LENGTH), (byte) => String.fromCharCode(FIRST_LETTER + (byte % 26))).join('');
}

function secureBytes(length: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(length));
}
