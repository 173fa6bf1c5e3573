// Fixtures of the tests without a cluster: a media pod, and people. Both end with the test.
import { writeFileSync } from 'node:fs';

import { test as base } from '@playwright/test';

import { MediaPod } from '../support/media-pod.ts';
import { People } from '../support/people.ts';

interface Fixtures {
  pod: MediaPod;
  people: People;
}

export const test = base.extend<Fixtures>({
  pod: async ({}, use, info) => {
    const pod = await MediaPod.start();
    await use(pod);
    if (info.status !== info.expectedStatus) writeFileSync(info.outputPath('media-pod.log'), pod.program.output);
    await pod.program.kill();
  },
  people: async ({}, use, info) => {
    const people = new People();
    await use(people);
    if (info.status !== info.expectedStatus) await people.dump(info);
    await people.closeAll();
  },
});

export { expect } from '@playwright/test';
