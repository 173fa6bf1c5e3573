// The meeting that all rows of a table share: a client of each dialect with camera and microphone, and one that was there before
// them and sends nothing.
import { writeFileSync } from 'node:fs';

import type { Dialect, Guest } from '../support/people/guest.ts';
import type { MediaPod } from '../support/programs/media-pod.ts';
import { ProtooClient } from '../support/protoo.ts';
import { everyoneSeesAndHears } from './evidence.ts';
import { Guests, test } from './fixtures.ts';

export interface Meeting {
  readonly pod: MediaPod;
  readonly room: string;
  readonly guests: Readonly<Record<Dialect, Guest>>;
  readonly early: ProtooClient;
  /** Adds a guest until the end of the file. */
  readonly open: Guests;
}

export const other = (dialect: Dialect): Dialect => (dialect === 'L' ? 'T3' : 'L');

/** Opens the meeting for all tests of the file. A row in which a client found a fault fails. */
export function meetingOfThisFile(room: string): () => Meeting {
  let meeting: Meeting | undefined;
  let open: Guests | undefined;
  let known = 0;
  test.beforeAll(async ({ browser, pages, pod }) => {
    open = new Guests(browser, pages);
    const early = await ProtooClient.connect(pod.demoUrl(room, 'earlybird'));
    await early.join('Early bird');
    const [older, newer] = await Promise.all([open.join(pod, room, 'L'), open.join(pod, room, 'T3')]);
    await everyoneSeesAndHears([older, newer], 30);
    meeting = { pod, room, guests: { L: older, T3: newer }, early, open };
  });
  test.afterEach(async ({ pod }, info) => {
    const faults = ((await open?.faults()) ?? []).slice(known);
    known += faults.length;
    if (info.status !== info.expectedStatus || faults.length > 0) {
      open?.dump(info);
      writeFileSync(info.outputPath('media-pod.log'), pod.program.output);
    }
    if (faults.length > 0) throw new Error(`clients found faults:\n${faults.join('\n')}`);
  });
  test.afterAll(async () => {
    meeting?.early.close();
    await open?.closeAll();
  });
  return () => {
    if (meeting === undefined) throw new Error('the meeting was not opened');
    return meeting;
  };
}
