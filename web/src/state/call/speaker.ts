/** Where others are heard: the chosen loudspeaker while it is there, otherwise the system's own. Pure. */

import type { DeviceList } from '../../core/media/devices';

/** Undefined: the system's own. */
export function speakerInUse(chosen: string | undefined, { speakers }: DeviceList): string | undefined {
  return speakers.some(({ deviceId }) => deviceId === chosen) ? chosen : undefined;
}
