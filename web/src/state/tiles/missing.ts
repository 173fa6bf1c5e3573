/** Pictures that are sent and looked at and do not come: a large room sends not all. From when on that is worth a word. Pure. */

import type { Tile } from './tiles';
import type { Watching } from './watching';

/** As long as a stream may take to come without a word. */
export const GRACE_MS = 3000;

/** Since when each picture has been missing, by the key of its tile. */
export type Missing = ReadonlyMap<string, number>;

/** One that nobody looks at is not missed; it has its time anew when somebody does. */
export function missingOf(tiles: readonly Tile[], { seen, isPageHidden }: Pick<Watching, 'seen' | 'isPageHidden'>, before: Missing, now: number): Missing {
  if (isPageHidden) return new Map();
  const missing = tiles.filter(({ key, isSent, isStale, video }) => isSent && !isStale && video === undefined && seen.has(key));
  return new Map(missing.map(({ key }) => [key, before.get(key) ?? now]));
}

/** Those that have been missing for too long to be on their way. */
export function leftOutOf(missing: Missing, now: number): ReadonlySet<string> {
  return new Set([...missing].filter(([, since]) => now - since >= GRACE_MS).map(([key]) => key));
}

/** In how many milliseconds the next one counts as left out. */
export function lateIn(missing: Missing, now: number): number | undefined {
  const waits = [...missing.values()].map((since) => since + GRACE_MS - now).filter((wait) => wait > 0);
  return waits.length === 0 ? undefined : Math.min(...waits);
}
