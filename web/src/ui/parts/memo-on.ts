/** Memoizes a view on the listed parts of its state and its other properties. */

import { memo, type FunctionComponent } from 'react';

export function memoOn<P extends { state: object }>(keys: readonly (keyof P['state'])[], view: FunctionComponent<P>): FunctionComponent<P> {
  return memo(view, ({ state: before, ...oldRest }, { state: after, ...rest }) => {
    const names = Object.keys(rest) as (keyof typeof rest)[];
    return keys.every((key) => before[key] === after[key]) && names.every((name) => oldRest[name] === rest[name]);
  });
}
