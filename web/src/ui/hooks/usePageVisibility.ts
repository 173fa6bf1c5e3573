/** Tells the call when nobody sees the page: then no pictures need to come. A picture in its own window is still seen. */

import { useEffect } from 'react';
import type { CallModel } from '../../state/call/call-model';

export function usePageVisibility(call: CallModel): void {
  useEffect(() => {
    const tell = (): void => call.setPageHidden(document.hidden && document.pictureInPictureElement === null);
    const events = ['visibilitychange', 'enterpictureinpicture', 'leavepictureinpicture'] as const;
    for (const name of events) document.addEventListener(name, tell);
    return () => {
      for (const name of events) document.removeEventListener(name, tell);
    };
  }, [call]);
}
