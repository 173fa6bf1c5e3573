import { expect, it } from 'vitest';
import { cutShare, fitOf, type FitQuestion } from './fit';

const WIDE = { width: 1280, height: 720 };
const UPRIGHT = { width: 720, height: 1280 };
const ask = (change: Partial<FitQuestion>): FitQuestion => ({ kind: 'person', isBroadcast: false, picture: WIDE, box: WIDE, chosen: undefined, ...change });

it.each<[string, Partial<FitQuestion>, 'fit' | 'fill']>([
  ['a camera in a tile of its shape', {}, 'fill'],
  ['a wide camera in a tile of 4:3', { box: { width: 400, height: 300 } }, 'fill'],
  ['a wide camera in a square', { box: { width: 300, height: 300 } }, 'fit'],
  ['a wide camera in an upright tile', { box: { width: 300, height: 400 } }, 'fit'],
  ['an upright camera in a wide tile', { picture: UPRIGHT }, 'fit'],
  ['an upright camera in an upright tile', { picture: UPRIGHT, box: { width: 300, height: 400 } }, 'fill'],
  ['a camera without a picture yet', { picture: undefined, box: { width: 300, height: 400 } }, 'fill'],
  ['a screen in a tile of its shape', { kind: 'screen' }, 'fit'],
  ['a broadcast in a tile of 4:3', { isBroadcast: true, box: { width: 400, height: 300 } }, 'fit'],
  ['a screen that is to fill', { kind: 'screen', chosen: 'fill' }, 'fill'],
  ['a camera that is to be whole', { chosen: 'fit' }, 'fit'],
])('%s', (_about, change, fit) => expect(fitOf(ask(change))).toBe(fit));

it.each([
  [WIDE, WIDE, 0],
  [WIDE, { width: 4, height: 3 }, 0.25],
  [{ width: 4, height: 3 }, WIDE, 0.25],
  [WIDE, { width: 0, height: 0 }, 0],
  [{ width: 0, height: 0 }, WIDE, 0],
])('of %j in %j is cropped', (picture, box, share) => expect(cutShare(picture, box)).toBeCloseTo(share));
