/**
 * One's own microphone, camera and screen: open, muted, off or failed. They outlive connections, so a reconnect asks for nothing again.
 *
 * Muting keeps the microphone open and sends silence; switching the camera off stops it, so that its light goes out.
 */

import { Emitter, type Unsubscribe } from '../emitter';
import { ConveneError, toConveneError } from '../errors';
import type { Log } from '../log';
import type { CapturePreferences, DeviceAccess, DeviceKind, DeviceRequest } from './devices';

export type LocalDevice =
  | { status: 'off' }
  | { status: 'opening' }
  | { status: 'on'; track: MediaStreamTrack }
  | { status: 'muted'; track: MediaStreamTrack }
  | { status: 'failed'; error: ConveneError };

type LocalScreen =
  | { status: 'off' }
  | { status: 'opening' }
  | { status: 'on'; video: MediaStreamTrack; sound: MediaStreamTrack | undefined }
  | { status: 'failed'; error: ConveneError };

export interface LocalMediaState {
  microphone: LocalDevice;
  camera: LocalDevice;
  screen: LocalScreen;
}

const OFF = { status: 'off' } as const;

export const NOTHING_ON: LocalMediaState = { microphone: OFF, camera: OFF, screen: OFF };

/** A device that was in use has gone; another one may have taken its place. */
export type DeviceLoss = { kind: DeviceKind; replaced: true } | { kind: DeviceKind; replaced: false; error: ConveneError };

export function trackOf(device: LocalDevice): MediaStreamTrack | undefined {
  return device.status === 'on' || device.status === 'muted' ? device.track : undefined;
}

export class LocalMedia {
  readonly #access: DeviceAccess;
  readonly #changes: Emitter<LocalMediaState>;
  readonly #losses: Emitter<DeviceLoss>;
  #state: LocalMediaState = NOTHING_ON;
  readonly #chosen: Record<DeviceKind, DeviceRequest> = { microphone: {}, camera: {} };
  #preferences: CapturePreferences;
  /** Counts openings per device: an opening that was overtaken by a newer wish gives its track back. */
  readonly #wish: Record<DeviceKind, number> = { microphone: 0, camera: 0 };

  constructor(access: DeviceAccess, log: Log, preferences: CapturePreferences = {}) {
    this.#access = access;
    this.#changes = new Emitter(log);
    this.#losses = new Emitter(log);
    this.#preferences = preferences;
  }

  get state(): LocalMediaState {
    return this.#state;
  }

  subscribe(listener: (state: LocalMediaState) => void): Unsubscribe {
    return this.#changes.subscribe(listener);
  }

  /** Tells when a device in use has gone, once it is known whether there is another. */
  onLoss(listener: (loss: DeviceLoss) => void): Unsubscribe {
    return this.#losses.subscribe(listener);
  }

  /** Opens or unmutes the device. Never throws: failure is a state. */
  async turnOn(kind: DeviceKind): Promise<void> {
    const device = this.#state[kind];
    if (device.status === 'on' || device.status === 'opening') return;
    if (device.status === 'muted') {
      device.track.enabled = true;
      this.#set({ [kind]: { status: 'on', track: device.track } });
      return;
    }
    await this.#open(kind);
  }

  /** Mutes the microphone, stops the camera. */
  turnOff(kind: DeviceKind): void {
    const device = this.#state[kind];
    if (kind === 'microphone' && device.status === 'on') {
      device.track.enabled = false;
      this.#set({ [kind]: { status: 'muted', track: device.track } });
    } else if (device.status !== 'muted') {
      this.release(kind);
    }
  }

  /** Takes another device. One that is off stays off until it is turned on. */
  async choose(kind: DeviceKind, deviceId: string): Promise<void> {
    if (this.#chosen[kind].deviceId === deviceId) return;
    this.#chosen[kind] = { deviceId };
    await this.#reopen(kind);
  }

  /** From the camera that looks at the person to the one that looks at the room, and back. */
  async flipCamera(): Promise<void> {
    const facing = trackOf(this.#state.camera)?.getSettings().facingMode ?? this.#chosen.camera.facing ?? 'user';
    this.#chosen.camera = { facing: facing === 'user' ? 'environment' : 'user' };
    await this.#reopen('camera');
  }

  /** Changes how devices are opened; what is open is opened anew. */
  async prefer(preferences: CapturePreferences): Promise<void> {
    const before = this.#preferences;
    this.#preferences = preferences;
    const isCameraChanged = before.cameraHeight !== preferences.cameraHeight || before.isBackgroundBlurred !== preferences.isBackgroundBlurred;
    await Promise.all([
      before.noiseSuppression === preferences.noiseSuppression ? undefined : this.#reopen('microphone'),
      isCameraChanged ? this.#reopen('camera') : undefined,
    ]);
  }

  /** Asks which screen, window or tab to show. Saying no is no failure. */
  async shareScreen(): Promise<void> {
    const { status } = this.#state.screen;
    if (status === 'on' || status === 'opening') return;
    this.#set({ screen: { status: 'opening' } });
    try {
      const { video, sound } = await this.#access.openScreen();
      video.addEventListener('ended', () => this.#onScreenEnded(video));
      this.#set({ screen: { status: 'on', video, sound } });
    } catch (thrown) {
      const error = toConveneError(thrown, 'device-failed');
      this.#set({ screen: error.code === 'permission-denied' ? OFF : { status: 'failed', error } });
    }
  }

  stopScreen(): void {
    const { screen } = this.#state;
    if (screen.status !== 'off') this.#set({ screen: OFF });
    if (screen.status !== 'on') return;
    screen.video.stop();
    screen.sound?.stop();
  }

  /** Gives all devices back. */
  stop(): void {
    this.release('microphone');
    this.release('camera');
    this.stopScreen();
  }

  /** Gives the device back. */
  release(kind: DeviceKind): void {
    this.#wish[kind] += 1;
    const track = trackOf(this.#state[kind]);
    this.#set({ [kind]: OFF });
    track?.stop();
  }

  async #reopen(kind: DeviceKind): Promise<void> {
    const { status } = this.#state[kind];
    if (status === 'off') return;
    await this.#open(kind, status === 'muted');
  }

  /** A device that is to be muted is so before anybody can hear it. */
  async #open(kind: DeviceKind, isMuted = false): Promise<void> {
    const wish = ++this.#wish[kind];
    trackOf(this.#state[kind])?.stop();
    this.#set({ [kind]: { status: 'opening' } });
    const opened = await this.#tryOpen(kind, isMuted);
    if (wish === this.#wish[kind]) this.#adopt(kind, opened);
    else trackOf(opened)?.stop();
  }

  async #tryOpen(kind: DeviceKind, isMuted: boolean): Promise<LocalDevice> {
    try {
      const track = await this.#openChosen(kind);
      track.enabled = !isMuted;
      return { status: isMuted ? 'muted' : 'on', track };
    } catch (error) {
      return { status: 'failed', error: toConveneError(error, 'device-failed') };
    }
  }

  /** The chosen device; where it has gone, any other. */
  async #openChosen(kind: DeviceKind): Promise<MediaStreamTrack> {
    const chosen = this.#chosen[kind];
    try {
      return await this.#access.open(kind, { ...this.#preferences, ...chosen });
    } catch (error) {
      const isGone = toConveneError(error, 'device-failed').code === 'device-missing' && chosen.deviceId !== undefined;
      if (!isGone || this.#chosen[kind] !== chosen) throw error;
      this.#chosen[kind] = {};
      return this.#access.open(kind, this.#preferences);
    }
  }

  #adopt(kind: DeviceKind, device: LocalDevice): void {
    const track = trackOf(device);
    // Fires when the device is unplugged or the permission taken back, not when we stop the track ourselves.
    track?.addEventListener('ended', () => {
      if (trackOf(this.#state[kind]) === track) void this.#onGone(kind);
    });
    this.#set({ [kind]: device });
  }

  async #onGone(kind: DeviceKind): Promise<void> {
    await this.#open(kind, this.#state[kind].status === 'muted');
    const device = this.#state[kind];
    if (device.status === 'failed') this.#losses.emit({ kind, replaced: false, error: device.error });
    else if (trackOf(device) !== undefined) this.#losses.emit({ kind, replaced: true });
  }

  /** The browser's own "stop sharing", or the shared window was closed. */
  #onScreenEnded(video: MediaStreamTrack): void {
    const { screen } = this.#state;
    if (screen.status === 'on' && screen.video === video) this.stopScreen();
  }

  #set(change: Partial<LocalMediaState>): void {
    this.#state = { ...this.#state, ...change };
    this.#changes.emit(this.#state);
  }
}
