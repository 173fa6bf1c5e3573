// What participants do in a call: chat, share their screen, raise a hand, react. With two participants and with five.
import { everyoneSeesAndHearsEveryone } from '../support/people/call.ts';
import type { Participant } from '../support/people/participant.ts';
import { waitUntil } from '../support/wait.ts';
import { expect, test } from './fixtures.ts';

test('messages arrive, are unread until they are read, and are kept for those who join later', async ({ pod, people }) => {
  const place = { url: pod.url('/m/hello') };
  const ada = await people.join('Ada', place);
  const grace = await people.join('Grace', place);
  await ada.page.getByTestId('chat-button').click();
  await ada.page.getByTestId('chat-input').fill('<b>Look</b> at https://example.org/x.');
  await ada.page.getByTestId('chat-input').press('Enter');

  await expect(grace.page.getByTestId('chat-button-badge')).toHaveAttribute('data-count', '1');
  await grace.page.getByTestId('chat-button').click();
  const message = grace.page.getByTestId('chat-message');
  await expect(message).toHaveText('<b>Look</b> at https://example.org/x.');
  await expect(message.getByRole('link')).toHaveAttribute('href', 'https://example.org/x');
  await expect(message.getByRole('link')).toHaveAttribute('rel', /noopener/);
  await expect(grace.page.getByTestId('chat-button-badge')).toHaveCount(0);

  await grace.page.getByTestId('chat-input').fill('I see it.');
  await grace.page.getByTestId('chat-input').press('Enter');
  await expect(ada.page.getByTestId('chat-message')).toHaveCount(2);

  const linus = await people.join('Linus', place);
  await linus.page.getByTestId('chat-button').click();
  await expect(linus.page.getByTestId('chat-message')).toHaveCount(2);
});

test('a screen is shared beside the camera, is large for the others, and disappears when it ends', async ({ pod, people }) => {
  const place = { url: pod.url('/m/hello') };
  const ada = await people.join('Ada', place);
  const grace = await people.join('Grace', place);
  await ada.page.getByTestId('share-button').click();
  await expect(ada.page.getByTestId('share-banner')).toBeVisible();

  const screen = grace.page.locator('[data-testid="share-tile"][data-main="true"]');
  await expect(screen).toBeVisible();
  await waitUntil('the screen shows new frames', 20, async () => {
    const frames = await screen.locator('video').evaluate((video: HTMLVideoElement) => video.getVideoPlaybackQuality().totalVideoFrames);
    return frames > 3 ? undefined : `${String(frames)} frames`;
  });
  await everyoneSeesAndHearsEveryone([ada, grace]);

  await ada.page.getByTestId('share-button').click();
  await expect(grace.page.getByTestId('share-tile')).toHaveCount(0);
  await everyoneSeesAndHearsEveryone([ada, grace]);
});

test('raised hands and reactions are shown to all', async ({ pod, people }) => {
  const place = { url: pod.url('/m/hello') };
  const ada = await people.join('Ada', place);
  const grace = await people.join('Grace', place);
  await ada.page.getByTestId('hand-button').click();
  await expect(tileOf(grace, await ada.peerId()).getByTestId('tile-hand')).toBeVisible();
  await expect(ada.page.getByTestId('hand-button')).toHaveAttribute('aria-pressed', 'true');
  await ada.page.keyboard.press('Control+Alt+h');
  await expect(grace.page.getByTestId('tile-hand')).toHaveCount(0);

  await grace.page.getByTestId('react-button').click();
  await grace.page.getByTestId('react-party').click();
  await expect(ada.page.locator('[data-reaction="party"]')).toBeVisible();
});

test('five people see and hear each other, each in the size in which they are shown', async ({ pod, people }) => {
  test.setTimeout(360_000);
  const place = { url: pod.url('/m/five') };
  const five: Participant[] = [];
  for (const name of ['Ada', 'Grace', 'Linus', 'Maryam', 'Tim']) five.push(await people.join(name, place));
  await everyoneSeesAndHearsEveryone(five, 180);
  const [ada, grace, linus, ...others] = five as [Participant, Participant, Participant, ...Participant[]];
  // Five browsers load a small machine so much that they send only their smallest layer.
  for (const other of others) await other.leave();
  await Promise.all(others.map((other) => other.close()));
  await everyoneSeesAndHearsEveryone([ada, grace, linus], 60);
  const graceId = await grace.peerId();

  await tileOf(ada, graceId).dblclick();
  await expect(ada.page.locator('[data-testid="tile"][data-main="true"]')).toHaveAttribute('data-peer-id', graceId);
  await waitUntil('Linus comes to Ada in a small size, Grace in a large one', 60, async () => {
    const pictures = (await ada.stats()).filter(({ kind }) => kind === 'video');
    const large = pictures.find(({ peerId }) => peerId === graceId)?.frameWidth ?? 0;
    const small = pictures.filter(({ peerId }) => peerId !== graceId).map(({ frameWidth = 0 }) => frameWidth);
    return small.length === 1 && small.every((width) => width < large / 2) ? undefined : `${String(large)} and ${small.join(', ')} pixels wide`;
  });
});

test('keys work: muting, talking while a key is held, help', async ({ pod, people }) => {
  const place = { url: pod.url('/m/hello') };
  const ada = await people.join('Ada', place);
  const grace = await people.join('Grace', place);
  const adaAtGrace = tileOf(grace, await ada.peerId());
  await ada.page.keyboard.press('Control+d');
  await expect(adaAtGrace).toHaveAttribute('data-muted', 'true');
  await ada.page.locator('h1').click();
  await ada.page.keyboard.down(' ');
  await expect(adaAtGrace).toHaveAttribute('data-muted', 'false');
  await ada.page.keyboard.up(' ');
  await expect(adaAtGrace).toHaveAttribute('data-muted', 'true');
  await ada.page.keyboard.press('Control+/');
  await expect(ada.page.getByTestId('shortcuts-dialog')).toBeVisible();
  await ada.page.keyboard.press('Escape');
  await expect(ada.page.getByTestId('shortcuts-dialog')).toHaveCount(0);
});

test('what is typed after the chat was opened goes into the message, and triggers no shortcut', async ({ pod, people }) => {
  const ada = await people.join('Ada', { url: pod.url('/m/hello') });
  for (const id of ['mute-button', 'camera-button']) {
    await ada.page.getByTestId(id).click();
    await expect(ada.page.getByTestId(id)).toHaveAttribute('aria-pressed', 'false');
  }
  const expectNothingSwitched = async (): Promise<void> => {
    for (const id of ['mute-button', 'camera-button', 'hand-button']) await expect(ada.page.getByTestId(id)).toHaveAttribute('aria-pressed', 'false');
  };
  await ada.page.getByTestId('chat-button').click();
  await ada.page.keyboard.type('move it, verse ?');
  await expect(ada.page.getByTestId('chat-input')).toHaveValue('move it, verse ?');
  await expectNothingSwitched();
  await ada.page.getByTestId('chat-panel').focus();
  await ada.page.keyboard.type('move it, verse ?');
  await expectNothingSwitched();
  await expect(ada.page.getByTestId('shortcuts-dialog')).toHaveCount(0);
});

test('audio that the system pauses resumes, and needs a click if it is paused again', async ({ pod, people }) => {
  const place = { url: pod.url('/m/hello') };
  const ada = await people.join('Ada', place);
  await people.join('Grace', place);
  const voice = ada.page.locator('.sound audio').first();
  const isPaused = (): Promise<boolean> => voice.evaluate((audio) => (audio as HTMLAudioElement).paused);
  const pause = (): Promise<void> => voice.evaluate((audio) => (audio as HTMLAudioElement).pause());
  await voice.waitFor({ state: 'attached' });
  await expect.poll(isPaused).toBe(false);
  await pause();
  await expect.poll(isPaused).toBe(false);
  await pause();
  const button = ada.page.getByRole('button', { name: 'Turn on sound' });
  await button.click();
  await expect(button).toHaveCount(0);
  expect(await isPaused()).toBe(false);
});

function tileOf(person: Participant, peerId: string): ReturnType<Participant['page']['locator']> {
  return person.page.locator(`[data-testid="tile"][data-peer-id="${peerId}"]`);
}
