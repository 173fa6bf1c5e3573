/** Whether a video fills its tile and is cropped, or is shown whole with margins. Pure. */

import type { Size } from './watching';

export type Fit = 'fit' | 'fill';

/** Faces are in the middle: this share may be cropped. A little more than what 16:9 loses in a 4:3 tile. */
const MOST_CUT = 0.26;

export interface FitQuestion {
  kind: 'person' | 'screen';
  /** A broadcast may have text at its edges. */
  isBroadcast: boolean;
  /** Undefined until there is video. */
  picture: Size | undefined;
  box: Size;
  /** The user's choice for this tile. */
  chosen: Fit | undefined;
}

export function fitOf({ kind, isBroadcast, picture, box, chosen }: FitQuestion): Fit {
  if (chosen !== undefined) return chosen;
  if (kind === 'screen' || isBroadcast) return 'fit';
  return picture !== undefined && cutShare(picture, box) > MOST_CUT ? 'fit' : 'fill';
}

/** Share of the video's area that is cropped when it fills the box: 0 to 1. */
export function cutShare(picture: Size, box: Size): number {
  const shape = picture.width / picture.height;
  const wanted = box.width / box.height;
  const share = Math.min(shape, wanted) / Math.max(shape, wanted);
  return Number.isFinite(share) ? 1 - share : 0;
}
