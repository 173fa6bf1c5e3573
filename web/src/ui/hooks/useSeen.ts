/** Reports the size of a tile while it is on screen. */

import { useEffect, type RefObject } from 'react';
import type { CallModel } from '../../state/call/call-model';

export function useSeen(element: RefObject<HTMLElement | null>, key: string, call: CallModel): void {
  useEffect(() => {
    const tile = element.current;
    if (tile === null) return undefined;
    let isVisible = false;
    const tell = (): void => {
      const size = { width: tile.clientWidth * devicePixelRatio, height: tile.clientHeight * devicePixelRatio };
      call.seen(key, isVisible ? size : undefined);
    };
    const visibility = new IntersectionObserver(([entry]) => {
      isVisible = entry?.isIntersecting === true;
      tell();
    });
    const size = new ResizeObserver(tell);
    visibility.observe(tile);
    size.observe(tile);
    return () => {
      visibility.disconnect();
      size.disconnect();
      call.seen(key, undefined);
    };
  }, [element, key, call]);
}
