/** mediasoup-client without a browser, and fake devices. */

import { FakeMediaStreamTrack } from 'fake-mediastreamtrack';
import { Device, FakeHandler, testFakeParameters, type types } from 'mediasoup-client';
import { deviceError, type DeviceAccess, type DeviceKind, type DeviceList, type DeviceRequest, type ScreenTracks } from '../core/media/devices';

/** Fake transports whose connection state is set by the test. They connect immediately, unless `isBlocked`. */
export class FakeMediaPath {
  readonly #connections: { direction: 'send' | 'recv'; become: (state: types.ConnectionState) => void }[] = [];
  isBlocked = false;
  /** What limits the quality of what is sent. */
  limitation: RTCQualityLimitationReason = 'none';
  /** The highest layers that producers were limited to. */
  readonly limits: number[] = [];
  /** What the senders of producers send, in the order in which they were negotiated. */
  readonly senders: { track: MediaStreamTrack | null }[] = [];

  readonly createDevice = (): Promise<Device> => {
    const whole = FakeHandler.createFactory(testFakeParameters);
    const factory: typeof whole.factory = (options) => {
      const handler = whole.factory(options);
      const become = (state: types.ConnectionState): void => void handler.emit('@connectionstatechange', state);
      this.#connections.push({ direction: options.direction, become });
      handler.setMaxSpatialLayer = (_id, layer) => {
        this.limits.push(layer);
        return Promise.resolve();
      };
      handler.getSenderStats = () =>
        Promise.resolve(new Map([['out', { type: 'outbound-rtp', qualityLimitationReason: this.limitation }]]) as unknown as RTCStatsReport);
      const send = handler.send.bind(handler);
      handler.send = async (sent) => {
        const sender = this.#senderOf(sent.track);
        sent.onRtpSender?.(sender);
        return { ...(await send(sent)), rtpSender: sender };
      };
      handler.on('@connectionstatechange', (state) => {
        if (state === 'connecting' && !this.isBlocked) queueMicrotask(() => become('connected'));
      });
      return handler;
    };
    return Device.factory({ handlerFactory: { ...whole, factory } });
  };

  #senderOf(track: MediaStreamTrack): RTCRtpSender {
    const sender = {
      track: track as MediaStreamTrack | null,
      replaceTrack: (next: MediaStreamTrack | null) => {
        sender.track = next;
        return Promise.resolve();
      },
    };
    this.senders.push(sender);
    return sender as RTCRtpSender;
  }

  /** Sets the state of the newest transport of a direction. */
  becomes(direction: 'send' | 'recv', state: types.ConnectionState): void {
    this.#connections.findLast((one) => one.direction === direction)?.become(state);
  }
}

export function fakeTrack(kind: DeviceKind): MediaStreamTrack {
  return new FakeMediaStreamTrack({ kind: kind === 'microphone' ? 'audio' : 'video', label: `Fake ${kind}` });
}

/** Devices that open immediately, or fail with the error in `failures`. */
export class FakeDevices implements DeviceAccess {
  readonly opened: { kind: DeviceKind; deviceId: string | undefined; track: MediaStreamTrack }[] = [];
  readonly requests: DeviceRequest[] = [];
  readonly screens: ScreenTracks[] = [];
  /** Ids of devices that are unplugged. */
  readonly missing = new Set<string>();
  /** The size that cameras report; by default, none. */
  cameraSize: { width: number; height: number } | undefined;
  readonly failures: Partial<Record<DeviceKind | 'screen', Error>> = {};
  /** Whether devices open only after `answer` is called, as with a permission prompt. */
  isAsking = false;
  speakers: DeviceList['speakers'] = [];
  readonly #changes = new Set<() => void>();
  readonly #questions: (() => void)[] = [];
  readonly #returns = new Set<() => void>();

  open(kind: DeviceKind, request: DeviceRequest): Promise<MediaStreamTrack> {
    const failure = this.failures[kind];
    if (failure !== undefined) return Promise.reject(failure);
    if (request.deviceId !== undefined && this.missing.has(request.deviceId))
      return Promise.reject(deviceError(kind, new DOMException('', 'OverconstrainedError')));
    this.requests.push(request);
    const size = this.cameraSize;
    return this.#asked(() => {
      const track = fakeTrack(kind);
      if (kind === 'camera' && this.cameraSize !== undefined) track.getSettings = () => ({ ...size });
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

  /** A device is plugged in or unplugged. */
  changes(): void {
    for (const listener of [...this.#changes]) listener();
  }

  onReturn(listener: () => void): () => void {
    this.#returns.add(listener);
    return () => this.#returns.delete(listener);
  }

  /** The page becomes visible again. */
  returns(): void {
    for (const listener of [...this.#returns]) listener();
  }

  /** Number of open prompts. */
  get questions(): number {
    return this.#questions.length;
  }

  /** Grants one of the open prompts, the oldest by default. */
  answer(index = 0): void {
    this.#questions.splice(index, 1)[0]?.();
  }

  /** All tracks that are still live. */
  get live(): MediaStreamTrack[] {
    const shown = this.screens.flatMap(({ video, sound }) => (sound === undefined ? [video] : [video, sound]));
    return [...this.opened.map(({ track }) => track), ...shown].filter(({ readyState }) => readyState === 'live');
  }

  #asked<T>(open: () => T): Promise<T> {
    if (!this.isAsking) return Promise.resolve(open());
    return new Promise((resolve) => this.#questions.push(() => resolve(open())));
  }
}
