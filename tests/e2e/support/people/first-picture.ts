// The time between the click on "join" and the first decoded frame of another participant. Measured inside the page, on
// its own clock, by animation frames.
import type { Participant } from './participant.ts';

/** For a participant on the pre-join screen of a meeting in which another one is already sending. In milliseconds. */
export async function clickToFirstPicture(person: Participant): Promise<number> {
  await person.page.getByTestId('name-input').fill(person.name);
  await person.page.evaluate(() => {
    const button = document.querySelector('[data-testid="join-button"]');
    const state = globalThis as unknown as { firstPicture: Promise<number> };
    state.firstPicture = new Promise((resolve) => {
      button?.addEventListener(
        'click',
        () => {
          const clicked = performance.now();
          const look = (): void => {
            const videos = document.querySelectorAll<HTMLVideoElement>('[data-testid="tile"]:not([data-self="true"]) video');
            const seen = [...videos].some((video) => video.getVideoPlaybackQuality().totalVideoFrames > 0);
            if (seen) resolve(performance.now() - clicked);
            else requestAnimationFrame(look);
          };
          look();
        },
        { once: true, capture: true },
      );
    });
  });
  await person.page.getByTestId('join-button').click();
  return person.page.evaluate(() => (globalThis as unknown as { firstPicture: Promise<number> }).firstPicture);
}
