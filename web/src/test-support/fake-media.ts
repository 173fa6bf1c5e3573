/** mediasoup-client without a browser, and devices without hardware. */

import { FakeMediaStreamTrack } from 'fake-mediastreamtrack';
import { Device, FakeHandler, testFakeParameters } from 'mediasoup-client';
import type { DeviceAccess, DeviceKind } from '../core/media/devices';

export const createFakeDevice = (): Promise<Device> =>
  Device.factory({ handlerFactory: FakeHandler.createFactory(testFakeParameters) });

export function fakeTrack(kind: DeviceKind): MediaStreamTrack {
  return new FakeMediaStreamTrack({ kind: kind === 'microphone' ? 'audio' : 'video' });
}

/** Devices that open at once, or fail with what `failures` holds for them. */
export class FakeDevices implements DeviceAccess {
  readonly opened: { kind: DeviceKind; deviceId: string | undefined; track: MediaStreamTrack }[] = [];
  readonly failures: Partial<Record<DeviceKind, Error>> = {};

  open(kind: DeviceKind, deviceId: string | undefined): Promise<MediaStreamTrack> {
    const failure = this.failures[kind];
    if (failure !== undefined) return Promise.reject(failure);
    const track = fakeTrack(kind);
    this.opened.push({ kind, deviceId, track });
    return Promise.resolve(track);
  }

  list(): ReturnType<DeviceAccess['list']> {
    return Promise.resolve({ microphones: [{ deviceId: 'mic-1', label: 'Desk' }], cameras: [{ deviceId: 'cam-1', label: 'Lid' }] });
  }

  onChange(): () => void {
    return () => undefined;
  }
}
