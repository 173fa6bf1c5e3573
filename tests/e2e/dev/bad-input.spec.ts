// Misbehaving clients get an answer immediately, keep their socket where that makes sense, and do not affect others.
import { everyoneSeesAndHearsEveryone, everyoneShowsOnly } from '../support/people/call.ts';
import type { MediaPod } from '../support/programs/media-pod.ts';
import type { Participant } from '../support/people/participant.ts';
import type { People } from '../support/people/people.ts';
import { ProtooClient } from '../support/protoo.ts';
import { waitUntil } from '../support/wait.ts';
import { expect, test } from './fixtures.ts';

const ROOM = 'hello';

async function aCallGoesOn(pod: MediaPod, people: People): Promise<[Participant, Participant]> {
  const place = { url: pod.url(`/m/${ROOM}`) };
  const both: [Participant, Participant] = [await people.join('Ada', place), await people.join('Grace', place)];
  await everyoneSeesAndHearsEveryone(both);
  return both;
}

test('a hostile client in the room: every message is answered at once, and the call continues', async ({ pod, people }) => {
  const [ada, grace] = await aCallGoesOn(pod, people);
  const client = await ProtooClient.connect(pod.signalUrl(ROOM, 'hostileone'));

  await test.step('broken JSON', async () => {
    client.send('{"request": true, "id": 1, ');
    expect(await client.complaint()).toMatchObject({ ok: false, errorCode: 400 });
    client.forgetAnswers();
  });
  await test.step('JSON that is no message', async () => {
    client.send('[1, 2, 3]');
    expect(await client.complaint()).toMatchObject({ ok: false, errorCode: 400 });
    client.forgetAnswers();
  });
  await test.step('an unknown method', async () => {
    const answer = await client.request('makeCoffee');
    expect(answer.ok).not.toBe(true);
    expect(answer.errorReason).toContain('makeCoffee');
  });
  await test.step('wrong order: produce before join', async () => {
    const answer = await client.request('produce', { transportId: 'none', kind: 'audio', rtpParameters: {}, appData: {} });
    expect(answer.ok).not.toBe(true);
  });
  await test.step('payload of the wrong shape', async () => {
    expect((await client.request('join', { displayName: 7 })).ok).not.toBe(true);
  });
  await test.step('a second join', async () => {
    expect((await client.join('Mallory')).ok).toBe(true);
    const second = await client.join('Mallory');
    expect(second.ok).not.toBe(true);
    expect(second.errorReason).toMatch(/join/i);
  });
  await test.step("other people's ids", async () => {
    const foreign = '00000000-0000-4000-8000-000000000000';
    for (const [method, key] of [
      ['closeProducer', 'producerId'],
      ['restartIce', 'transportId'],
      ['getConsumerStats', 'consumerId'],
    ] as const) {
      const answer = await client.request(method, { [key]: foreign });
      expect(answer.ok, `${method} with a foreign id`).not.toBe(true);
    }
  });
  await test.step('a message longer than allowed', async () => {
    client.send(JSON.stringify({ request: true, id: 77, method: 'join', data: { displayName: 'x'.repeat(961_000) } }));
    const complained = client.complaint().then((answer) => answer.errorCode === 413);
    const closed = client.closed(2).then(({ code }) => code === 1009);
    expect(await Promise.any([complained, closed])).toBe(true);
  });

  await everyoneSeesAndHearsEveryone([ada, grace]);
  client.close();
  await everyoneShowsOnly([ada, grace]);
});

test('a flood of bytes closes only its own socket', async ({ pod, people }) => {
  const both = await aCallGoesOn(pod, people);
  const client = await ProtooClient.connect(pod.signalUrl(ROOM, 'floodergus'));
  client.send('x'.repeat(20_000_000));
  await client.closed(5);
  await everyoneSeesAndHearsEveryone(both);
});

test('a client with the peer id of another one takes nothing from it', async ({ pod }) => {
  const first = await ProtooClient.connect(pod.signalUrl(ROOM, 'samesameid'));
  expect((await first.join('First')).ok).toBe(true);
  const second = await ProtooClient.connect(pod.signalUrl(ROOM, 'samesameid'));
  await waitUntil('the second connection is rejected', 5, () => (second.isOpen ? 'it is open' : undefined));
  expect(first.isOpen).toBe(true);
  first.close();
  const third = await ProtooClient.connect(pod.signalUrl(ROOM, 'samesameid'));
  expect((await third.join('Third')).ok).toBe(true);
  third.close();
});

test('signaling without a peer id is rejected', async ({ pod }) => {
  await expect(ProtooClient.connect(pod.url(`/signal/${ROOM}`).replace('http', 'ws'))).rejects.toThrow(/400/);
});
