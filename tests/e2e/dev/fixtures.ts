// Fixtures of the tests without a cluster: a media pod and participants. Both end with the test.
import { writeFileSync } from 'node:fs';

import { expect } from '@playwright/test';

import { withBrowsers } from '../support/people/browsers.ts';
import { MediaPod } from '../support/programs/media-pod.ts';
import { People } from '../support/people/people.ts';

interface Fixtures {
  pod: MediaPod;
  people: People;
}

export const test = withBrowsers.extend<Fixtures>({
  pod: async ({}, use, info) => {
    const pod = await MediaPod.start();
    await use(pod);
    await pod.program.kill();
    const errors = errorsIn(pod.program.output);
    if (info.status !== info.expectedStatus || errors.length > 0) writeFileSync(info.outputPath('media-pod.log'), pod.program.output);
    expect(errors, 'nothing that people do is an error of the media pod').toEqual([]);
  },
  people: async ({ browsers }, use, info) => {
    const people = new People(browsers);
    await use(people);
    if (info.status !== info.expectedStatus) await people.dump(info);
    await people.closeAll();
  },
});

// eslint-disable-next-line no-control-regex -- colors are control sequences
const COLORS = /\u001b\[[0-9;]*m/gu;

/** Lines of the level ERROR, without colors. */
function errorsIn(log: string): string[] {
  return log
    .replace(COLORS, '')
    .split('\n')
    .filter((line) => /^\S+ +ERROR /u.test(line));
}

export { expect } from '@playwright/test';
