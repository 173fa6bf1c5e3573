// How long a page shows no new picture of another participant: measured inside the page, frame by frame.
import type { Participant } from './participant.ts';
import { waitUntil } from '../wait.ts';

/** A gap between two pictures, as times of the machine's clock in milliseconds. */
interface Gap {
  readonly from: number;
  readonly to: number;
}

/** Shorter gaps are those of a busy machine. */
const GAP_MILLISECONDS = 1000;

/** Notes the gaps of a page from now on. */
export async function watchPictures(person: Participant): Promise<void> {
  await person.page.evaluate((least) => {
    const gaps: Gap[] = [];
    const seen = new WeakMap<HTMLVideoElement, number>();
    const now = (): number => performance.timeOrigin + performance.now();
    let last = now();
    const isNew = (video: HTMLVideoElement): boolean => {
      const frames = video.getVideoPlaybackQuality().totalVideoFrames;
      const before = seen.get(video) ?? 0;
      seen.set(video, frames);
      return frames > before;
    };
    const look = (): void => {
      const videos = [...document.querySelectorAll<HTMLVideoElement>('[data-testid="tile"]:not([data-self="true"]) video')];
      // All of them are counted, so `some` must not stop at the first.
      if (videos.filter(isNew).length > 0) {
        if (now() - last > least) gaps.push({ from: last, to: now() });
        last = now();
      }
      requestAnimationFrame(look);
    };
    look();
    Object.assign(globalThis, { pictureGaps: gaps });
  }, GAP_MILLISECONDS);
}

/** Waits for the end of the first gap that ends after `fault` (`Date.now()`), and returns the seconds from the fault to that end. */
export async function secondsToPictures(person: Participant, fault: number, seconds: number): Promise<number> {
  let end: number | undefined;
  await waitUntil(`${person.name} has pictures again`, seconds, async () => {
    const gaps = await person.page.evaluate(() => (globalThis as unknown as { pictureGaps: Gap[] }).pictureGaps);
    end = gaps.find(({ to }) => to > fault)?.to;
    return end === undefined ? `gaps so far: ${JSON.stringify(gaps)}` : undefined;
  });
  return ((end ?? Number.NaN) - fault) / 1000;
}
