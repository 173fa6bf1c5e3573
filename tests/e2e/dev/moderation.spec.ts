// Actions of moderators. With --dev every participant is one; permissions and the lobby are tested with the media pod and the router.
import { everyoneSeesAndHearsEveryone, everyoneShowsOnly } from '../support/people/call.ts';
import { openMenuOf } from '../support/people/moderating.ts';
import { expect, test } from './fixtures.ts';

test('mutes a participant, who is notified and can unmute; asks to unmute', async ({ pod, people }) => {
  const place = { url: pod.url('/m/hello') };
  const ada = await people.join('Ada', place);
  const grace = await people.join('Grace', place);
  await everyoneSeesAndHearsEveryone([ada, grace]);
  const graceId = await grace.peerId();

  await openMenuOf(ada, graceId);
  await ada.page.getByTestId('mute-person').click();
  await expect(grace.page.getByTestId('toast-muted')).toBeVisible();
  await expect(grace.page.getByTestId('mute-button')).toHaveAttribute('aria-pressed', 'false');
  await expect(ada.page.locator(`[data-testid="tile"][data-peer-id="${graceId}"]`)).toHaveAttribute('data-muted', 'true');

  await openMenuOf(ada, graceId);
  await ada.page.getByTestId('ask-to-unmute').click();
  await expect(grace.page.getByTestId('unmute-dialog')).toBeVisible();
  await grace.page.getByTestId('confirm-button').click();
  await expect(ada.page.locator(`[data-testid="tile"][data-peer-id="${graceId}"]`)).toHaveAttribute('data-muted', 'false');
  await everyoneSeesAndHearsEveryone([ada, grace]);
});

test('stops a screen share', async ({ pod, people }) => {
  const place = { url: pod.url('/m/hello') };
  const ada = await people.join('Ada', place);
  const grace = await people.join('Grace', place);
  await grace.page.getByTestId('share-button').click();
  await expect(ada.page.getByTestId('share-tile')).toBeVisible();
  await openMenuOf(ada, await grace.peerId());
  await ada.page.getByTestId('stop-share-of').click();
  await expect(ada.page.getByTestId('share-tile')).toHaveCount(0);
  await expect(grace.page.getByTestId('share-banner')).toHaveCount(0);
  await expect(grace.page.getByTestId('toast-muted')).toBeVisible();
});

// A locked meeting still admits moderators, and here every participant is one.
test('locks the meeting and unlocks it again: all see it, and the call continues', async ({ pod, people }) => {
  const place = { url: pod.url('/m/hello') };
  const ada = await people.join('Ada', place);
  const grace = await people.join('Grace', place);
  await ada.page.getByTestId('people-button').click();
  await ada.page.getByTestId('lock-button').click();
  await expect(grace.page.getByTestId('locked-mark')).toBeVisible();
  await everyoneSeesAndHearsEveryone([ada, grace]);
  await ada.page.getByTestId('lock-button').click();
  await expect(grace.page.getByTestId('locked-mark')).toHaveCount(0);
});

test('removes a participant, after a confirmation', async ({ pod, people }) => {
  const place = { url: pod.url('/m/hello') };
  const ada = await people.join('Ada', place);
  const grace = await people.join('Grace', place);
  await openMenuOf(ada, await grace.peerId());
  await ada.page.getByTestId('remove-person').click();
  await expect(ada.page.getByTestId('remove-dialog')).toBeVisible();
  await ada.page.getByTestId('confirm-button').click();
  await grace.seesEnd(10);
  await expect(grace.page.getByRole('heading', { level: 1 })).toHaveText('You were removed from the meeting');
  await everyoneShowsOnly([ada]);
});

test('ends the meeting for everyone, after a confirmation', async ({ pod, people }) => {
  const place = { url: pod.url('/m/hello') };
  const both = [await people.join('Ada', place), await people.join('Grace', place)] as const;
  await both[0].page.getByTestId('leave-menu').click();
  await both[0].page.getByTestId('end-meeting').click();
  await both[0].page.getByTestId('confirm-button').click();
  for (const person of both) {
    await person.seesEnd(10);
    await expect(person.page.getByRole('heading', { level: 1 })).toHaveText('The meeting was ended for everyone');
  }
  await both[1].page.getByTestId('rejoin-button').click();
  await both[1].enter();
  await both[1].isConnected();
});
