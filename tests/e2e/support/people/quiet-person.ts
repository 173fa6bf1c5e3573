// Somebody who is in a meeting without sending anything: costs nothing, and notices every end and move.
import { ProtooClient } from '../protoo.ts';
import { publicUrl } from '../cluster/release.ts';
import { certificateAuthority } from '../servers/tls.ts';
import { waitUntil } from '../wait.ts';

/** A connection through the router that has not joined, with an id of its own. */
export async function knock(meeting: string, peerId: string, namespace = 'default'): Promise<ProtooClient> {
  const url = `${publicUrl.replace('https', 'wss')}/signal/${namespace}/${meeting}?peerId=${peerId}`;
  return ProtooClient.connect(url, certificateAuthority());
}

/** Is in; a connection that ends before that is made anew, as clients do. */
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
