// The call on a small portrait screen, in another language.
import { everyoneSeesAndHearsEveryone } from '../support/people/call.ts';
import { expect, test } from './fixtures.ts';

const PHONE = { width: 360, height: 640 };

test('everything is reachable at 360×640', async ({ pod, people }) => {
  const place = { url: pod.url('/m/hello') };
  const ada = await people.open('Ada', place, PHONE);
  await ada.enter();
  await ada.isConnected();
  const grace = await people.join('Grace', place);
  await everyoneSeesAndHearsEveryone([ada, grace]);

  await ada.page.getByTestId('more-button').click();
  await ada.page.getByTestId('people-item').click();
  await expect(ada.page.getByTestId('person')).toHaveCount(2);
  await ada.page.keyboard.press('Escape');
  await expect(ada.page.getByTestId('people-panel')).toHaveCount(0);

  await ada.page.getByTestId('chat-button').click();
  await ada.page.getByTestId('chat-input').fill('from the phone');
  await ada.page.getByTestId('chat-input').press('Enter');
  await grace.page.getByTestId('chat-button').click();
  await expect(grace.page.getByTestId('chat-message')).toHaveText('from the phone');
  await ada.page.getByTestId('chat-panel').getByRole('button', { name: 'Close' }).click();

  expect(await ada.page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(PHONE.width);
  await ada.leave();
  await ada.seesEnd(5);
});

test('language and theme are stored', async ({ pod, people }) => {
  const ada = await people.open('Ada', { url: pod.url('/m/hello') }, PHONE);
  await ada.page.getByTestId('settings-button').click();
  await ada.page.getByLabel('Language').selectOption('de');
  await ada.page.getByLabel('Design').selectOption('light');
  await ada.page.reload();
  await expect(ada.page.getByTestId('join-button')).toHaveText('Beitreten');
  await expect(ada.page.locator('html')).toHaveAttribute('lang', 'de');
  await expect(ada.page.locator('html')).toHaveAttribute('data-theme', 'light');
});
