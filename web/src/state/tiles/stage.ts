/** The layout of the tiles: a paged grid, or one large tile with the others in a strip. Pure. */

import type { Tile } from './tiles';

export type Layout = 'auto' | 'grid' | 'speaker';

export interface StageOptions {
  layout: Layout;
  /** Key of the pinned tile, which is shown large. */
  pinned: string | undefined;
  activeSpeaker: string | undefined;
}

export type Stage = { kind: 'grid'; tiles: readonly Tile[] } | { kind: 'focus'; main: Tile; others: readonly Tile[] };

export function stageOf(tiles: readonly Tile[], options: StageOptions): Stage {
  const main = focusOf(tiles, options);
  if (main === undefined) return { kind: 'grid', tiles };
  return { kind: 'focus', main, others: tiles.filter((tile) => tile !== main) };
}

/** The pinned tile first, then the newest screen of another participant, then the active speaker. */
function focusOf(tiles: readonly Tile[], { layout, pinned, activeSpeaker }: StageOptions): Tile | undefined {
  const chosen = tiles.find(({ key }) => key === pinned);
  if (chosen !== undefined) return chosen;
  if (layout === 'grid' || tiles.length < 2) return undefined;
  const screens = tiles.filter(({ kind }) => kind === 'screen');
  const screen = screens.findLast(({ isSelf }) => !isSelf) ?? screens.at(-1);
  if (screen !== undefined || layout === 'auto') return screen;
  const others = tiles.filter(({ isSelf }) => !isSelf);
  return others.find(({ peerId }) => peerId === activeSpeaker) ?? others[0];
}

/** Smallest tiles on which faces can be recognized, in pixels. */
const SMALLEST = { width: 140, height: 80 };
/** Between tiles, in pixels. */
export const GAP = 10;
const MOST = 49;
const FEWEST = 2;

/** Maximum number of tiles on a page of this size. */
export function pageCapacity(width: number, height: number): number {
  const columns = Math.floor((width + GAP) / (SMALLEST.width + GAP));
  const rows = Math.max(Math.floor((height + GAP) / (SMALLEST.height + GAP)), 1);
  const fits = columns * rows;
  return Math.min(Math.max(fits, FEWEST), MOST);
}

export interface Page {
  tiles: readonly Tile[];
  /** From 0. */
  index: number;
  count: number;
}

/**
 * One page of the grid. Screens, the local participant and recent speakers are on the first; on each page participants keep
 * the order in which they joined, so that tiles move as little as possible.
 */
export function pageOf(tiles: readonly Tile[], lastSpoke: ReadonlyMap<string, number>, capacity: number, wanted: number): Page {
  const count = Math.max(1, Math.ceil(tiles.length / capacity));
  const index = Math.min(Math.max(wanted, 0), count - 1);
  if (count === 1) return { tiles, index, count };
  const rank = (tile: Tile): number => (tile.kind === 'screen' || tile.isSelf ? Infinity : (lastSpoke.get(tile.peerId) ?? 0));
  const first = new Set([...tiles].sort((one, other) => compare(rank(other), rank(one))).slice(0, capacity));
  const ordered = [...tiles.filter((tile) => first.has(tile)), ...tiles.filter((tile) => !first.has(tile))];
  return { tiles: ordered.slice(index * capacity, (index + 1) * capacity), index, count };
}

/** A difference that also works for infinities. */
function compare(one: number, other: number): number {
  return one === other ? 0 : one - other;
}
