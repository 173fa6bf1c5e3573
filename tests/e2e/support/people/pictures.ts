// When a page has shown new pictures of other participants: recorded inside the page, frame by frame.
import type { Participant } from './participant.ts';
import { waitUntil } from '../wait.ts';

declare global {
  interface Window {
    /** The start of the record and when new pictures were shown, as times of the machine's clock in milliseconds. */
    pictures: { since: number; times: number[] };
  }
}

/** A gap between two pictures, as times of the machine's clock in milliseconds. */
interface Gap {
  readonly from: number;
  readonly to: number;
}

/** Shorter gaps are those of a busy machine. */
const GAP_MILLISECONDS = 1000;

/** Notes the pictures of a page from now on. */
export async function recordPictures({ page }: Participant): Promise<void> {
  await page.evaluate(() => {
    const now = (): number => performance.timeOrigin + performance.now();
    const times: number[] = [];
    window.pictures = { since: now(), times };
    const watched = new WeakSet<HTMLVideoElement>();
    const follow = (video: HTMLVideoElement): void => {
      video.requestVideoFrameCallback(() => {
        times.push(now());
        follow(video);
      });
    };
    setInterval(() => {
      for (const video of document.querySelectorAll<HTMLVideoElement>('[data-self="false"] video')) {
        if (watched.has(video)) continue;
        watched.add(video);
        follow(video);
      }
    }, 5);
  });
}

/** Forgets all pictures but the last. */
export async function forgetPictures({ page }: Participant): Promise<void> {
  await page.evaluate(() => {
    const { times } = window.pictures;
    times.splice(0, times.length - 1);
  });
}

/** The longest time between two pictures, or since the last one; infinite if there was none. */
export async function longestGap({ page }: Participant): Promise<number> {
  return page.evaluate(() => {
    const { times } = window.pictures;
    const steps = times.slice(1).map((at, index) => at - (times[index] ?? at));
    const since = times.at(-1);
    const last = since === undefined ? Infinity : performance.timeOrigin + performance.now() - since;
    return Math.round(Math.max(last, ...steps));
  });
}

/** Waits for the end of the first gap that ends after `fault` (`Date.now()`), and returns the seconds from the fault to that end. */
export async function secondsToPictures(person: Participant, fault: number, seconds: number): Promise<number> {
  let end: number | undefined;
  await waitUntil(`${person.name} has pictures again`, seconds, async () => {
    const gaps = await gapsOf(person);
    end = gaps.find(({ to }) => to > fault)?.to;
    return end === undefined ? `gaps so far: ${JSON.stringify(gaps)}` : undefined;
  });
  return ((end ?? Number.NaN) - fault) / 1000;
}

async function gapsOf({ page }: Participant): Promise<Gap[]> {
  return page.evaluate((least) => {
    const { since, times } = window.pictures;
    const steps = times.map((to, index) => ({ from: times[index - 1] ?? since, to }));
    return steps.filter(({ from, to }) => to - from > least);
  }, GAP_MILLISECONDS);
}
