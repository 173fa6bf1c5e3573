// Sizes of a camera that no participant receives are not encoded; as soon as one does, they are.
import { everyoneSeesAndHearsEveryone } from '../support/people/call.ts';
import type { Participant } from '../support/people/participant.ts';
import { keepConnections } from '../support/people/received.ts';
import { waitUntil } from '../support/wait.ts';
import { test } from './fixtures.ts';

/** Frames that were encoded of each size of the camera, smallest first. */
function encodedFrames({ page }: Participant): Promise<number[]> {
  return page.evaluate(async () => {
    const senders = window.connections.flatMap((connection) => connection.getSenders()).filter(({ track }) => track?.kind === 'video');
    const reports = await Promise.all(senders.map((sender) => sender.getStats()));
    const streams = reports.flatMap((report) => [...(report as ReadonlyMap<string, RTCOutboundRtpStreamStats>).values()]);
    const sent = streams.filter(({ type }) => type === 'outbound-rtp');
    return sent.sort((one, other) => (one.rid ?? '').localeCompare(other.rid ?? '')).map(({ framesEncoded }) => framesEncoded ?? 0);
  });
}

/** Waits until exactly these sizes are being encoded. */
async function encodes(sender: Participant, expected: boolean[]): Promise<void> {
  await waitUntil(`${sender.name} encodes ${String(expected)}`, 60, async () => {
    const before = await encodedFrames(sender);
    await sender.page.waitForTimeout(1500);
    const after = await encodedFrames(sender);
    const active = after.map((frames, size) => frames > (before[size] ?? 0));
    return String(active) === String(expected) ? undefined : String(active);
  });
}

test('sizes that no participant sees are not encoded', async ({ pod, people }) => {
  const place = { url: pod.url('/m/layers') };
  const ada = await people.open('Ada', place, undefined, keepConnections);
  await ada.enter();
  await ada.isConnected();
  await encodes(ada, [true, false, false]);
  const grace = await people.join('Grace', place);
  await everyoneSeesAndHearsEveryone([ada, grace], 60);
  await grace.page.setViewportSize({ width: 1280, height: 800 });
  await encodes(ada, [true, true, true]);
  await grace.page.setViewportSize({ width: 320, height: 400 });
  await encodes(ada, [true, false, false]);
  await everyoneSeesAndHearsEveryone([ada, grace], 60);
  await grace.leave();
  await encodes(ada, [true, false, false]);
});
