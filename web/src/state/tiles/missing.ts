/** Videos that are sent and on screen but not received, since a large room does not send all, and when to show a note. Pure. */

import type { Tile } from './tiles';
import type { Watching } from './watching';

/** How long a stream may take before a note is shown. */
export const GRACE_MS = 3000;

/** When each video went missing, by tile key. */
export type Missing = ReadonlyMap<string, number>;

/** A video off screen is not missing; its time restarts when it is back on screen. */
export function missingOf(tiles: readonly Tile[], { seen, isPageHidden }: Pick<Watching, 'seen' | 'isPageHidden'>, before: Missing, now: number): Missing {
  if (isPageHidden) return new Map();
  const missing = tiles.filter(({ key, isSent, isStale, video }) => isSent && !isStale && video === undefined && seen.has(key));
  return new Map(missing.map(({ key }) => [key, before.get(key) ?? now]));
}

/** Videos that have been missing for too long. */
export function leftOutOf(missing: Missing, now: number): ReadonlySet<string> {
  return new Set([...missing].filter(([, since]) => now - since >= GRACE_MS).map(([key]) => key));
}

/** Milliseconds until the next one counts as left out. */
export function lateIn(missing: Missing, now: number): number | undefined {
  const waits = [...missing.values()].map((since) => since + GRACE_MS - now).filter((wait) => wait > 0);
  return waits.length === 0 ? undefined : Math.min(...waits);
}
