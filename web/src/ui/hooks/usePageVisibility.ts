/** Tells the call when the page is hidden: then no video is received. Picture-in-picture counts as visible. */

import { useEffect } from 'react';
import type { CallModel } from '../../state/call/call-model';

export function usePageVisibility(call: CallModel): void {
  useEffect(() => {
    const update = (): void => call.setPageHidden(document.hidden && document.pictureInPictureElement === null);
    const events = ['visibilitychange', 'enterpictureinpicture', 'leavepictureinpicture'] as const;
    for (const name of events) document.addEventListener(name, update);
    return () => {
      for (const name of events) document.removeEventListener(name, update);
    };
  }, [call]);
}
