// A room with more streams than each participant is sent: visible tiles get video, and no participant is wrongly shown as muted or without a camera.
import { MediaPod } from '../support/programs/media-pod.ts';
import type { Participant } from '../support/people/participant.ts';
import { expect, test } from './fixtures.ts';

const tileOf = (person: Participant, id: string) => person.page.locator(`[data-testid="tile"][data-peer-id="${id}"]`);

test('a pinned participant is shown, and the others are marked as on and not shown', async ({ people }) => {
  // Three consumers for three participants: one video each, since all microphones are off.
  const pod = await MediaPod.start({ args: ['--max-room-consumers', '3'] });
  const join = async (name: string): Promise<Participant> => {
    const person = await people.open(name, { url: pod.url('/m/hello') });
    await person.page.getByTestId('mute-button').click();
    await person.enter();
    await person.isConnected();
    return person;
  };
  const [ada, grace, linus] = [await join('Ada'), await join('Grace'), await join('Linus')];
  const others = [await grace.peerId(), await linus.peerId()];
  const shown = async (): Promise<string[]> => {
    const found = await Promise.all(others.map(async (id) => ((await tileOf(ada, id).getAttribute('data-video')) === 'true' ? [id] : [])));
    return found.flat();
  };
  const leftOut = ada.page.locator('[data-testid="tile"][data-left-out="true"]');
  await expect(leftOut).toHaveCount(1, { timeout: 20_000 });
  await expect(leftOut.locator('.tile-note')).toHaveText('Camera on, not shown');
  await expect.poll(shown, { timeout: 20_000 }).toHaveLength(1);

  const wanted = (await leftOut.getAttribute('data-peer-id')) ?? '';
  await tileOf(ada, wanted).dblclick();
  await expect(tileOf(ada, wanted)).toHaveAttribute('data-video', 'true', { timeout: 5_000 });
  await expect.poll(async () => (await ada.stats()).some(({ peerId, framesDecoded = 0 }) => peerId === wanted && framesDecoded > 5)).toBe(true);
  expect(await shown()).toEqual([wanted]);

  await linus.leave();
  await expect(tileOf(ada, others[0] ?? '')).toHaveAttribute('data-video', 'true');
  await expect(leftOut).toHaveCount(0);
  await pod.program.kill();
});
