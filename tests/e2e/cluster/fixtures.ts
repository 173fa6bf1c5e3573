// Fixtures of the cluster tests: when a test fails, screenshots of the participants and a dump of the cluster are kept.
import { test as base } from '@playwright/test';

import { dumpCluster } from '../support/cluster/dump.ts';
import { People } from '../support/people/people.ts';

export const test = base.extend<{ people: People }>({
  people: [
    async ({}, use, info) => {
      const people = new People();
      await use(people);
      if (info.status !== info.expectedStatus) {
        await people.dump(info);
        await dumpCluster(info);
      }
      await people.closeAll();
    },
    { auto: true },
  ],
});

export { expect } from '@playwright/test';
