/** mediasoup-client without a browser, and devices without hardware. */

import { FakeMediaStreamTrack } from 'fake-mediastreamtrack';
import { Device, FakeHandler, testFakeParameters, type types } from 'mediasoup-client';
import { deviceError, type DeviceAccess, type DeviceKind, type DeviceList, type DeviceRequest, type ScreenTracks } from '../core/media/devices';

/** The transports' insides: a test says how their connections are. Their first one comes about at once, unless `isBlocked`. */
export class FakeMediaPath {
  readonly #connections: { direction: 'send' | 'recv'; become: (state: types.ConnectionState) => void }[] = [];
  isBlocked = false;

  readonly createDevice = (): Promise<Device> => {
    const whole = FakeHandler.createFactory(testFakeParameters);
    const factory: typeof whole.factory = (options) => {
      const handler = whole.factory(options);
      const become = (state: types.ConnectionState): void => void handler.emit('@connectionstatechange', state);
      this.#connections.push({ direction: options.direction, become });
      handler.on('@connectionstatechange', (state) => {
        if (state === 'connecting' && !this.isBlocked) queueMicrotask(() => become('connected'));
      });
      return handler;
    };
    return Device.factory({ handlerFactory: { ...whole, factory } });
  };

  /** Of the newest transport of a direction. */
  becomes(direction: 'send' | 'recv', state: types.ConnectionState): void {
    this.#connections.findLast((one) => one.direction === direction)?.become(state);
  }
}

export function fakeTrack(kind: DeviceKind): MediaStreamTrack {
  return new FakeMediaStreamTrack({ kind: kind === 'microphone' ? 'audio' : 'video', label: `Fake ${kind}` });
}

/** Devices that open at once, or fail with what `failures` holds for them. */
export class FakeDevices implements DeviceAccess {
  readonly opened: { kind: DeviceKind; deviceId: string | undefined; track: MediaStreamTrack }[] = [];
  readonly requests: DeviceRequest[] = [];
  readonly screens: ScreenTracks[] = [];
  /** Devices that were there once. */
  readonly missing = new Set<string>();
  readonly failures: Partial<Record<DeviceKind | 'screen', Error>> = {};
  /** Whether nothing opens before `answer` is called: as with a question that the person has yet to answer. */
  isAsking = false;
  speakers: DeviceList['speakers'] = [];
  readonly #changes = new Set<() => void>();
  readonly #questions: (() => void)[] = [];
  readonly #returns = new Set<() => void>();

  open(kind: DeviceKind, request: DeviceRequest): Promise<MediaStreamTrack> {
    const failure = this.failures[kind];
    if (failure !== undefined) return Promise.reject(failure);
    if (request.deviceId !== undefined && this.missing.has(request.deviceId)) return Promise.reject(deviceError(kind, new DOMException('', 'OverconstrainedError')));
    this.requests.push(request);
    return this.#asked(() => {
      const track = fakeTrack(kind);
      this.opened.push({ kind, deviceId: request.deviceId, track });
      return track;
    });
  }

  openScreen(): Promise<ScreenTracks> {
    const failure = this.failures.screen;
    if (failure !== undefined) return Promise.reject(failure);
    return this.#asked(() => {
      const tracks = { video: fakeTrack('camera'), sound: fakeTrack('microphone') };
      this.screens.push(tracks);
      return tracks;
    });
  }

  list(): ReturnType<DeviceAccess['list']> {
    return Promise.resolve({ microphones: [{ deviceId: 'mic-1', label: 'Desk' }], cameras: [{ deviceId: 'cam-1', label: 'Lid' }], speakers: this.speakers });
  }

  onChange(listener: () => void): () => void {
    this.#changes.add(listener);
    return () => this.#changes.delete(listener);
  }

  /** Something is plugged in or out. */
  changes(): void {
    for (const listener of [...this.#changes]) listener();
  }

  onReturn(listener: () => void): () => void {
    this.#returns.add(listener);
    return () => this.#returns.delete(listener);
  }

  /** The page comes back into view. */
  returns(): void {
    for (const listener of [...this.#returns]) listener();
  }

  /** Number of questions that are still open. */
  get questions(): number {
    return this.#questions.length;
  }

  /** The person says yes to one of the open questions, the oldest if not said otherwise. */
  answer(index = 0): void {
    this.#questions.splice(index, 1)[0]?.();
  }

  /** Everything that was opened and is still live. */
  get live(): MediaStreamTrack[] {
    const shown = this.screens.flatMap(({ video, sound }) => (sound === undefined ? [video] : [video, sound]));
    return [...this.opened.map(({ track }) => track), ...shown].filter(({ readyState }) => readyState === 'live');
  }

  #asked<T>(open: () => T): Promise<T> {
    if (!this.isAsking) return Promise.resolve(open());
    return new Promise((resolve) => this.#questions.push(() => resolve(open())));
  }
}
