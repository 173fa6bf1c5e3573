/** The size and priority of each video to receive, from the tiles on screen. Pure. */

import type { ReceptionPreference } from '../../core/session/video/reception';
import type { Tile } from './tiles';

export type ReceiveQuality = 'auto' | 'saver' | 'audioOnly';

export interface Size {
  width: number;
  height: number;
}

export interface Watching {
  /** Sizes of the tiles on screen by key, in device pixels. Others are not visible. */
  seen: ReadonlyMap<string, Size>;
  quality: ReceiveQuality;
  /** Whether the page is in the background. */
  isPageHidden: boolean;
  activeSpeaker: string | undefined;
}

/** The three layers of a camera are about 180, 360 and 720 pixels high; slight upscaling is fine. */
const SMALL_UP_TO = 220;
const MEDIUM_UP_TO = 440;
const TOP_LAYER = 2;

const PRIORITY = { screen: 240, speaker: 160, large: 120, other: 80 } as const;

/** The server's limit. */
const MOST_WATCHED = 100;

export function receptionOf(tiles: readonly Tile[], watching: Watching): ReceptionPreference[] {
  return tiles.flatMap((tile) => {
    const { consumerId } = tile;
    if (consumerId === undefined) return [];
    return [{ consumerId, ...preferenceFor(tile, watching) }];
  });
}

function preferenceFor(tile: Tile, { seen, quality, isPageHidden, activeSpeaker }: Watching): Omit<ReceptionPreference, 'consumerId'> {
  const size = seen.get(tile.key);
  const spatialLayer = tile.kind === 'screen' ? TOP_LAYER : quality === 'saver' ? 0 : layerFor(size?.height ?? 0);
  const isHidden = size === undefined || isPageHidden || isUnwanted(tile, quality);
  return { isHidden, spatialLayer, temporalLayer: TOP_LAYER, priority: priorityOf(tile, spatialLayer, activeSpeaker) };
}

/**
 * Peers whose tiles are on screen, in order of preference: screens, then large tiles before small ones. Whether they are received yet does not
 * matter. The server knows the speakers itself.
 */
export function watchedPeersOf(tiles: readonly Tile[], { seen, quality }: Pick<Watching, 'seen' | 'quality'>): string[] {
  const watched = tiles.flatMap((tile) => {
    const size = seen.get(tile.key);
    if (size === undefined || tile.isSelf || isUnwanted(tile, quality)) return [];
    return [{ peerId: tile.peerId, rank: tile.kind === 'screen' ? 0 : 1, area: size.width * size.height }];
  });
  const ordered = watched.sort((one, other) => one.rank - other.rank || other.area - one.area);
  return [...new Set(ordered.map(({ peerId }) => peerId))].slice(0, MOST_WATCHED);
}

function isUnwanted({ kind }: Tile, quality: ReceiveQuality): boolean {
  return kind === 'person' && quality === 'audioOnly';
}

function layerFor(height: number): number {
  if (height <= SMALL_UP_TO) return 0;
  return height <= MEDIUM_UP_TO ? 1 : TOP_LAYER;
}

function priorityOf(tile: Tile, layer: number, activeSpeaker: string | undefined): number {
  if (tile.kind === 'screen') return PRIORITY.screen;
  if (tile.peerId === activeSpeaker) return PRIORITY.speaker;
  return layer === TOP_LAYER ? PRIORITY.large : PRIORITY.other;
}
