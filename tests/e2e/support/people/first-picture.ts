// The time between the click on "join" and the first decoded frame, on both sides: of the others at the newcomer, and of the newcomer at one
// who is in the meeting. Measured inside the pages, by animation frames.
import type { Participant } from './participant.ts';

export interface FirstPictures {
  /** From the click until the newcomer sees another participant, in milliseconds. */
  readonly atNewcomer: number;
  /** From the click until `other` sees the newcomer. The clocks of both pages are that of the machine. */
  readonly atOther: number;
  /** When each step of the join happened, in milliseconds after the click. */
  readonly steps: Readonly<Record<string, number>>;
}

/** For a participant on the pre-join screen of a meeting in which `other` is already sending. */
export async function firstPictures(newcomer: Participant, other: Participant): Promise<FirstPictures> {
  await newcomer.page.getByTestId('name-input').fill(newcomer.name);
  const known = await other.tiles();
  await Promise.all([watchFor(newcomer, []), watchFor(other, known), noteClick(newcomer)]);
  await newcomer.page.getByTestId('join-button').click();
  const [seen, shown] = await Promise.all([firstPictureOf(newcomer), firstPictureOf(other)]);
  const { clicked, steps } = await newcomer.page.evaluate(() => {
    const { clickedAt } = globalThis as unknown as { clickedAt: number };
    const marks = performance.getEntriesByType('mark').filter(({ name }) => name.startsWith('convene:join:'));
    const steps = marks.map(({ name, startTime }) => [name.slice('convene:join:'.length), performance.timeOrigin + startTime - clickedAt] as const);
    return { clicked: clickedAt, steps: Object.fromEntries(steps) };
  });
  return { atNewcomer: seen - clicked, atOther: shown - clicked, steps };
}

/** Notes the time of the click, before the page handles it. */
async function noteClick(person: Participant): Promise<void> {
  await person.page.evaluate(() => {
    const note = (): void => void Object.assign(globalThis, { clickedAt: performance.timeOrigin + performance.now() });
    document.querySelector('[data-testid="join-button"]')?.addEventListener('click', note, { once: true, capture: true });
  });
}

/** Looks for the first frame of a participant that is not among `known`. */
async function watchFor(person: Participant, known: readonly string[]): Promise<void> {
  await person.page.evaluate((known) => {
    const isNew = (video: HTMLVideoElement): boolean =>
      video.getVideoPlaybackQuality().totalVideoFrames > 0 && !known.includes(video.closest('[data-peer-id]')?.getAttribute('data-peer-id') ?? '');
    const firstPicture = new Promise<number>((resolve) => {
      const look = (): void => {
        const videos = document.querySelectorAll<HTMLVideoElement>('[data-testid="tile"]:not([data-self="true"]) video');
        if ([...videos].some(isNew)) resolve(performance.timeOrigin + performance.now());
        else requestAnimationFrame(look);
      };
      look();
    });
    Object.assign(globalThis, { firstPicture });
  }, known);
}

function firstPictureOf(person: Participant): Promise<number> {
  return person.page.evaluate(() => (globalThis as unknown as { firstPicture: Promise<number> }).firstPicture);
}
