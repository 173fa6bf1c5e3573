/** Whether a picture fills its tile, cut at two sides, or is shown whole, with margins. Pure. */

import type { Size } from './watching';

export type Fit = 'fit' | 'fill';

/** A face is in the middle: this much may be missing at the sides. A little more than what a wide picture loses in a tile of 4:3. */
const MOST_CUT = 0.26;

export interface FitQuestion {
  kind: 'person' | 'screen';
  /** What a program sends is no face: its edges may hold words. */
  isBroadcast: boolean;
  /** Undefined until there is a picture. */
  picture: Size | undefined;
  box: Size;
  /** What the person has chosen for this tile. */
  chosen: Fit | undefined;
}

export function fitOf({ kind, isBroadcast, picture, box, chosen }: FitQuestion): Fit {
  if (chosen !== undefined) return chosen;
  if (kind === 'screen' || isBroadcast) return 'fit';
  return picture !== undefined && cutShare(picture, box) > MOST_CUT ? 'fit' : 'fill';
}

/** How much of a picture's area is cut off when it fills the box: 0 to 1. */
export function cutShare(picture: Size, box: Size): number {
  const shape = picture.width / picture.height;
  const wanted = box.width / box.height;
  const share = Math.min(shape, wanted) / Math.max(shape, wanted);
  return Number.isFinite(share) ? 1 - share : 0;
}
