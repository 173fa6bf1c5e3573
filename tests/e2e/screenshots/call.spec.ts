// Screenshots for the documentation: the real page, with Chromium's fake cameras. Not a test; `make screenshots` runs it.
import { join } from 'node:path';

import { test } from '../dev/fixtures.ts';
import { everyoneSeesAndHearsEveryone } from '../support/people/call.ts';
import { repository } from '../support/environment.ts';

test('a call of three', async ({ pod, people }) => {
  const place = { url: pod.url('/m/hello') };
  const ada = await people.join('Ada', place);
  const others = [await people.join('Grace', place), await people.join('Linus', place)];
  await everyoneSeesAndHearsEveryone([ada, ...others]);
  await ada.screenshot(join(repository, 'docs/images/call.png'));
});
