/** The audio output: the selected speaker while it is connected, otherwise the system default. Pure. */

import type { DeviceList } from '../../core/media/devices';

/** Undefined: the system default. */
export function speakerInUse(chosen: string | undefined, { speakers }: DeviceList): string | undefined {
  return speakers.some(({ deviceId }) => deviceId === chosen) ? chosen : undefined;
}
