/**
 * One's own microphone and camera: open, muted, off or failed. They outlive connections, so a reconnect asks for nothing again.
 *
 * Muting keeps the microphone open and sends silence; switching the camera off stops it, so that its light goes out.
 */

import { Emitter, type Unsubscribe } from '../emitter';
import { ConveneError, toConveneError } from '../errors';
import type { Log } from '../log';
import type { DeviceAccess, DeviceKind } from './devices';

export type LocalDevice =
  | { status: 'off' }
  | { status: 'opening' }
  | { status: 'on'; track: MediaStreamTrack }
  | { status: 'muted'; track: MediaStreamTrack }
  | { status: 'failed'; error: ConveneError };

export interface LocalMediaState {
  microphone: LocalDevice;
  camera: LocalDevice;
}

const OFF: LocalDevice = { status: 'off' };

export function trackOf(device: LocalDevice): MediaStreamTrack | undefined {
  return device.status === 'on' || device.status === 'muted' ? device.track : undefined;
}

export class LocalMedia {
  readonly #access: DeviceAccess;
  readonly #changes: Emitter<LocalMediaState>;
  #state: LocalMediaState = { microphone: OFF, camera: OFF };
  readonly #chosen: Record<DeviceKind, string | undefined> = { microphone: undefined, camera: undefined };
  /** Counts openings per device: an opening that was overtaken by a newer wish gives its track back. */
  readonly #wish: Record<DeviceKind, number> = { microphone: 0, camera: 0 };

  constructor(access: DeviceAccess, log: Log) {
    this.#access = access;
    this.#changes = new Emitter(log);
  }

  get state(): LocalMediaState {
    return this.#state;
  }

  subscribe(listener: (state: LocalMediaState) => void): Unsubscribe {
    return this.#changes.subscribe(listener);
  }

  /** Opens or unmutes the device. Never throws: failure is a state. */
  async turnOn(kind: DeviceKind): Promise<void> {
    const device = this.#state[kind];
    if (device.status === 'on' || device.status === 'opening') return;
    if (device.status === 'muted') {
      device.track.enabled = true;
      this.#set(kind, { status: 'on', track: device.track });
      return;
    }
    await this.#open(kind);
  }

  /** Mutes the microphone, stops the camera. */
  turnOff(kind: DeviceKind): void {
    const device = this.#state[kind];
    if (kind === 'microphone' && device.status === 'on') {
      device.track.enabled = false;
      this.#set(kind, { status: 'muted', track: device.track });
    } else if (device.status !== 'muted') {
      this.#release(kind);
    }
  }

  /** Takes another device. One that is off stays off until it is turned on. */
  async choose(kind: DeviceKind, deviceId: string): Promise<void> {
    if (this.#chosen[kind] === deviceId) return;
    this.#chosen[kind] = deviceId;
    const { status } = this.#state[kind];
    if (status === 'off') return;
    await this.#open(kind);
    if (status === 'muted') this.turnOff(kind);
  }

  /** Gives all devices back. */
  stop(): void {
    this.#release('microphone');
    this.#release('camera');
  }

  async #open(kind: DeviceKind): Promise<void> {
    const wish = ++this.#wish[kind];
    trackOf(this.#state[kind])?.stop();
    this.#set(kind, { status: 'opening' });
    let opened: LocalDevice;
    try {
      opened = { status: 'on', track: await this.#access.open(kind, this.#chosen[kind]) };
    } catch (error) {
      opened = { status: 'failed', error: toConveneError(error, 'device-failed') };
    }
    if (wish === this.#wish[kind]) this.#adopt(kind, opened);
    else trackOf(opened)?.stop();
  }

  #adopt(kind: DeviceKind, device: LocalDevice): void {
    const track = trackOf(device);
    // Fires when the device is unplugged or the permission taken back, not when we stop the track ourselves.
    track?.addEventListener('ended', () => {
      if (trackOf(this.#state[kind]) !== track) return;
      this.#set(kind, { status: 'failed', error: new ConveneError('device-missing', `${kind}: the device has gone`) });
    });
    this.#set(kind, device);
  }

  #release(kind: DeviceKind): void {
    this.#wish[kind] += 1;
    const track = trackOf(this.#state[kind]);
    this.#set(kind, OFF);
    track?.stop();
  }

  #set(kind: DeviceKind, device: LocalDevice): void {
    this.#state = { ...this.#state, [kind]: device };
    this.#changes.emit(this.#state);
  }
}
