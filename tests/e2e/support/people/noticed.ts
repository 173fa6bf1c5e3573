// What people notice while something happens to their meeting: what the page says, who is missing, how long pictures and sound stop.
import { type TestInfo, expect } from '@playwright/test';

import { waitUntil } from '../wait.ts';
import { type Gaps, forgetGaps, gapsOf, recordGaps, writeTone } from './gaps.ts';
import type { Participant, Place } from './participant.ts';

/** Of a busy machine: that nothing is shown of a move tells more. make measure-moves has the figures. */
const LONGEST_MILLISECONDS = 5000;

interface Seen {
  readonly states: string[];
  readonly fewestPictures: number;
  readonly toasts: string[];
}

/** For participants whose sound has no pauses of its own. */
export function withTone(place: Place, info: TestInfo): Place {
  const tone = info.outputPath('tone.wav');
  writeTone(tone);
  return {
    ...place,
    framesPerSecond: 20,
    ignoresContentPolicy: true,
    flags: [`--use-file-for-fake-audio-capture=${tone}`, '--autoplay-policy=no-user-gesture-required'],
  };
}

/** Records what participants who see and hear each other see and hear from now on. */
export async function watch(people: readonly Participant[]): Promise<void> {
  for (const one of people) {
    await recordGaps(one);
    await waitUntil(`${one.name} is shown pictures and plays sound`, 10, async () => {
      const seen = await one.page.evaluate(() => ({ pictures: window.pictures.times.length, isSilent: window.gaps.silentSince !== undefined }));
      const { pictures, isSilent } = seen;
      return !isSilent && pictures > 20 ? undefined : `${String(pictures)} pictures${isSilent ? ', silence' : ''}`;
    });
  }
}

/** The longest gaps of each while `act` runs. */
export async function gapsDuring(people: readonly Participant[], act: () => Promise<void>): Promise<Gaps[]> {
  await Promise.all(people.map(forgetGaps));
  await act();
  return Promise.all(people.map(gapsOf));
}

/** Fails if one of these participants notices what `act` does. */
export async function nobodyNotices(people: readonly Participant[], act: () => Promise<void>): Promise<void> {
  // Of what was before.
  for (const { page, name } of people) await expect(page.locator('[data-testid^="toast-"]'), `${name}: messages`).toHaveCount(0, { timeout: 15_000 });
  const seenBy = await Promise.all(people.map(watchPage));
  const gaps = await gapsDuring(people, act);
  for (const [index, { name }] of people.entries()) {
    const { pictureMilliseconds = Infinity, silenceMilliseconds = Infinity } = gaps[index] ?? {};
    console.log(`${name}: at most ${String(pictureMilliseconds)} ms between two pictures, ${String(silenceMilliseconds)} ms of silence`);
    expect(await seenBy[index]?.(), `what ${name} sees`).toEqual({ states: ['connected'], fewestPictures: people.length, toasts: [] });
    expect(pictureMilliseconds, `${name}: time between two pictures`).toBeLessThan(LONGEST_MILLISECONDS);
    expect(silenceMilliseconds, `${name}: silence`).toBeLessThan(LONGEST_MILLISECONDS);
  }
}

/** Notes every state of the connection that the page shows, its toasts, and the fewest pictures at a time. */
async function watchPage({ page }: Participant): Promise<() => Promise<Seen>> {
  await page.evaluate(() => {
    const seen = { states: new Set<string>(), fewestPictures: Infinity, toasts: new Set<string>() };
    Object.assign(window, { seen });
    const look = (): void => {
      seen.states.add(document.querySelector('[data-testid="connection-state"]')?.getAttribute('data-state') ?? 'none');
      const pictures = document.querySelectorAll('[data-testid="tile"]:not([data-stale="true"]):has(video.video-visible)').length;
      seen.fewestPictures = Math.min(seen.fewestPictures, pictures);
      for (const toast of document.querySelectorAll('[data-testid^="toast-"]')) seen.toasts.add(toast.textContent);
    };
    new MutationObserver(look).observe(document.body, { subtree: true, childList: true, attributes: true });
    look();
  });
  return () =>
    page.evaluate(() => {
      const { seen } = window as unknown as { seen: { states: Set<string>; fewestPictures: number; toasts: Set<string> } };
      return { states: [...seen.states], fewestPictures: seen.fewestPictures, toasts: [...seen.toasts] };
    });
}
