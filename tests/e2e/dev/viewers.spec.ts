// Viewers: how a participant leaves the stage, asks for it and comes back. With --dev every participant is a moderator who can do that to others;
// meetings whose participants join as viewers are tested on the cluster.
import { everyoneSeesAndHearsEveryone, seesAndHearsStage } from '../support/people/call.ts';
import { openMenuOf } from '../support/people/moderating.ts';
import { expect, test } from './fixtures.ts';

test('a participant becomes a viewer, who still sees the stage, raises a hand and is brought back', async ({ pod, people }) => {
  const place = { url: pod.url('/m/hello') };
  const ada = await people.join('Ada', place);
  const grace = await people.join('Grace', place);
  await everyoneSeesAndHearsEveryone([ada, grace]);
  const [adaId, graceId] = [await ada.peerId(), await grace.peerId()];

  await openMenuOf(ada, graceId);
  await ada.page.getByTestId('make-viewer').click();
  await expect(grace.page.getByTestId('toast-rights')).toContainText('viewer');
  for (const one of [ada, grace]) await expect.poll(() => one.tiles()).toEqual([adaId]);
  await expect(grace.page.getByTestId('mute-button')).toHaveCount(0);
  await expect(grace.page.getByTestId('share-button')).toHaveCount(0);
  for (const { page } of [ada, grace]) await expect(page.getByTestId('viewers-mark')).toContainText('1 viewer');
  await seesAndHearsStage(grace, [ada]);

  await grace.click('hand-button');
  await expect(ada.page.getByTestId('viewer-hands')).toContainText('Grace');
  await expect(ada.page.getByTestId('toast-hand')).toContainText('Grace');
  await ada.page.getByTestId('viewer-hands').getByRole('button', { name: 'Bring on stage: Grace' }).click();
  await expect(ada.page.getByTestId('viewer-hands')).toHaveCount(0);
  await expect(grace.page.getByTestId('on-stage-dialog')).toBeVisible();
  await grace.page.getByTestId('confirm-button').click();
  await grace.click('camera-button');
  await everyoneSeesAndHearsEveryone([ada, grace]);
  await expect(ada.page.getByTestId('viewers-mark')).toHaveCount(0);
});

test('a moderator finds a viewer who has written in the chat, brings them on stage, and removes them', async ({ pod, people }) => {
  const place = { url: pod.url('/m/hello') };
  const ada = await people.join('Ada', place);
  const grace = await people.join('Grace', place);
  const graceId = await grace.peerId();
  await openMenuOf(ada, graceId);
  await ada.page.getByTestId('make-viewer').click();
  await expect.poll(() => ada.tiles()).not.toContain(graceId);

  await grace.click('chat-button');
  await grace.page.getByTestId('chat-input').fill('hello from the audience');
  await grace.page.getByTestId('chat-input').press('Enter');
  await ada.click('chat-button');
  await ada.click('author-menu');
  await ada.click('bring-author');
  await expect.poll(() => ada.tiles()).toContain(graceId);

  await ada.click('author-menu');
  await expect(ada.page.getByTestId('remove-author')).toBeVisible();
  await expect(ada.page.getByTestId('bring-author')).toHaveCount(0);
  await ada.click('remove-author');
  await ada.click('confirm-button');
  await grace.seesEnd(10);
});
