// Fixtures of the cluster tests: when a test fails, screenshots of the participants and a dump of the cluster are kept.
import { dumpCluster } from '../support/cluster/dump.ts';
import { kubectl } from '../support/cluster/kubectl.ts';
import { removeLeftovers } from '../support/cluster/release.ts';
import { keepAfterFailure } from '../support/environment.ts';
import { withBrowsers } from '../support/people/browsers.ts';
import { People } from '../support/people/people.ts';

export const test = withBrowsers.extend<{ people: People }>({
  people: [
    async ({ browsers }, use, info) => {
      const people = new People(browsers);
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

/** What one story has to undo before its end. */
interface Ending {
  /** Also if the cluster is kept as it is after a failure. */
  readonly always?: () => Promise<void>;
  /** After its meetings are gone. */
  readonly more?: () => Promise<void>;
}

/** The tests of a file are one story, which begins without an installation and leaves none. */
export function tellsOneStory({ always, more }: Ending = {}): void {
  test.describe.configure({ mode: 'serial' });

  test.beforeAll(async () => {
    test.setTimeout(240_000);
    await removeLeftovers();
  });

  test.afterAll(async ({}, info) => {
    test.setTimeout(240_000);
    await always?.();
    if (info.status !== info.expectedStatus && keepAfterFailure) return;
    await kubectl('delete', 'meetings', '--all', '--namespace', 'default').catch(() => undefined); // the definitions may be gone already
    await more?.();
    await removeLeftovers();
  });
}

export { expect } from '@playwright/test';
