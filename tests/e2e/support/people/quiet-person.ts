// A participant that sends nothing: costs little, and notices when the meeting ends or moves.
import { ProtooClient } from '../protoo.ts';
import { publicUrl } from '../cluster/release.ts';
import { certificateAuthority } from '../servers/tls.ts';
import { waitUntil } from '../wait.ts';

/** A connection through the router with its own peer id, not joined yet. */
export async function knock(meeting: string, peerId: string, namespace = 'default'): Promise<ProtooClient> {
  const url = `${publicUrl.replace('https', 'wss')}/signal/${namespace}/${meeting}?peerId=${peerId}`;
  return ProtooClient.connect(url, certificateAuthority());
}

/** Joins; reconnects if the connection ends before that, as clients do. */
export async function sitIn(meeting: string, peerId: string, namespace = 'default'): Promise<ProtooClient> {
  let person: ProtooClient | undefined;
  await waitUntil(`${peerId} is in ${meeting}`, 30, async () => {
    person?.close();
    person = await knock(meeting, peerId, namespace);
    const answer = await person.join(peerId);
    return answer.ok === true ? undefined : `the answer was ${answer.errorReason ?? 'no'}`;
  });
  return person as ProtooClient;
}
