/** mediasoup-client without a browser, and devices without hardware. */

import { FakeMediaStreamTrack } from 'fake-mediastreamtrack';
import { Device, FakeHandler, testFakeParameters } from 'mediasoup-client';
import type { DeviceAccess, DeviceKind, DeviceRequest, ScreenTracks } from '../core/media/devices';

export const createFakeDevice = (): Promise<Device> =>
  Device.factory({ handlerFactory: FakeHandler.createFactory(testFakeParameters) });

export function fakeTrack(kind: DeviceKind): MediaStreamTrack {
  return new FakeMediaStreamTrack({ kind: kind === 'microphone' ? 'audio' : 'video' });
}

/** Devices that open at once, or fail with what `failures` holds for them. */
export class FakeDevices implements DeviceAccess {
  readonly opened: { kind: DeviceKind; deviceId: string | undefined; track: MediaStreamTrack }[] = [];
  readonly requests: DeviceRequest[] = [];
  readonly screens: ScreenTracks[] = [];
  readonly failures: Partial<Record<DeviceKind | 'screen', Error>> = {};

  open(kind: DeviceKind, request: DeviceRequest): Promise<MediaStreamTrack> {
    const failure = this.failures[kind];
    if (failure !== undefined) return Promise.reject(failure);
    const track = fakeTrack(kind);
    this.opened.push({ kind, deviceId: request.deviceId, track });
    this.requests.push(request);
    return Promise.resolve(track);
  }

  openScreen(): Promise<ScreenTracks> {
    const failure = this.failures.screen;
    if (failure !== undefined) return Promise.reject(failure);
    const tracks = { video: fakeTrack('camera'), sound: fakeTrack('microphone') };
    this.screens.push(tracks);
    return Promise.resolve(tracks);
  }

  list(): ReturnType<DeviceAccess['list']> {
    return Promise.resolve({ microphones: [{ deviceId: 'mic-1', label: 'Desk' }], cameras: [{ deviceId: 'cam-1', label: 'Lid' }], speakers: [] });
  }

  onChange(): () => void {
    return () => undefined;
  }
}
