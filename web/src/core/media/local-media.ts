/**
 * The local microphone, camera and screen: open, muted, off or failed. They outlive connections, so a reconnect does not prompt again.
 *
 * Muting keeps the microphone open and sends silence; turning the camera off stops it, so that its light goes out. Browsers may take
 * minutes to open a device: the latest request wins, and a device that opens for a canceled request is stopped immediately.
 */

import { Emitter, type Unsubscribe } from '../emitter';
import { toConveneError, type ConveneError } from '../errors';
import type { Log } from '../log';
import { KINDS, type CapturePreferences, type DeviceAccess, type DeviceKind, type DeviceRequest, type ScreenTracks } from './devices';
import { Opening } from './opening';

interface OpenDevice {
  track: MediaStreamTrack;
  /** The system delivers no media right now: because of a phone call, another app or a switch on the device. */
  isInterrupted: boolean;
}

export type LocalDevice =
  | { status: 'off' }
  /** Whether it starts muted once it is open. */
  | { status: 'opening'; isMuted: boolean }
  | ({ status: 'on' } & OpenDevice)
  | ({ status: 'muted' } & OpenDevice)
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

/** A device in use was disconnected; `replaced` tells whether another one is used now. */
export type DeviceLoss = { kind: DeviceKind; replaced: true } | { kind: DeviceKind; replaced: false; error: ConveneError };

export function trackOf(device: LocalDevice): MediaStreamTrack | undefined {
  return device.status === 'on' || device.status === 'muted' ? device.track : undefined;
}

/** Whether the device is on or opening to be on: the state of its button. */
export function isTurnedOn(device: LocalDevice): boolean {
  return device.status === 'on' || (device.status === 'opening' && !device.isMuted);
}

export function isInterrupted(device: LocalDevice): boolean {
  return (device.status === 'on' || device.status === 'muted') && device.isInterrupted;
}

export class LocalMedia {
  readonly #access: DeviceAccess;
  readonly #changes: Emitter<LocalMediaState>;
  readonly #losses: Emitter<DeviceLoss>;
  #state: LocalMediaState = NOTHING_ON;
  readonly #chosen: Record<DeviceKind, DeviceRequest> = { microphone: {}, camera: {} };
  #preferences: CapturePreferences;
  readonly #openings: Record<DeviceKind, Opening<MediaStreamTrack>> = { microphone: new Opening(stopTrack), camera: new Opening(stopTrack) };
  readonly #permission = new Opening(stopTrack);
  readonly #screenOpening = new Opening<ScreenTracks>(stopScreenTracks);
  /** Whether the microphone is muted. Also applies to the next microphone that is opened, even if opening one failed in between. */
  #isMuted = false;

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

  /** Called when a device in use was disconnected, once it is known whether another one replaces it. */
  onLoss(listener: (loss: DeviceLoss) => void): Unsubscribe {
    return this.#losses.subscribe(listener);
  }

  /** Opens or unmutes the device. Never throws: a failure is a state. */
  async turnOn(kind: DeviceKind): Promise<void> {
    if (kind === 'microphone') this.#isMuted = false;
    const device = this.#state[kind];
    if (device.status === 'off' || device.status === 'failed') await this.#open(kind);
    else this.#applyMute(kind);
  }

  /** Opens a device and stops it at once, so that the browser asks for permission. Never throws. */
  async askPermission(kind: DeviceKind): Promise<void> {
    if (this.#state[kind].status !== 'off') return;
    const opened = await this.#permission.run(() => this.#access.open(kind, { ...this.#preferences, ...this.#chosen[kind] }));
    if (opened !== undefined && 'value' in opened) stopTrack(opened.value);
  }

  /** Mutes the microphone, stops the camera. */
  turnOff(kind: DeviceKind): void {
    const { status } = this.#state[kind];
    if (kind === 'camera' || status === 'off' || status === 'failed') return this.release(kind);
    this.#isMuted = true;
    this.#applyMute(kind);
  }

  /** Selects another device. A device that is off stays off. */
  async choose(kind: DeviceKind, deviceId: string): Promise<void> {
    if (this.#chosen[kind].deviceId === deviceId) return;
    this.#chosen[kind] = { deviceId };
    await this.#reopen(kind);
  }

  /** Switches between the front and the back camera. */
  async flipCamera(): Promise<void> {
    const facing = trackOf(this.#state.camera)?.getSettings().facingMode ?? this.#chosen.camera.facing ?? 'user';
    this.#chosen.camera = { facing: facing === 'user' ? 'environment' : 'user' };
    await this.#reopen('camera');
  }

  /** Changes how devices are opened; open devices are reopened. */
  async prefer(preferences: CapturePreferences): Promise<void> {
    const before = this.#preferences;
    this.#preferences = preferences;
    const isCameraChanged = before.cameraHeight !== preferences.cameraHeight || before.isBackgroundBlurred !== preferences.isBackgroundBlurred;
    await Promise.all([
      before.noiseSuppression === preferences.noiseSuppression ? undefined : this.#reopen('microphone'),
      isCameraChanged ? this.#reopen('camera') : undefined,
    ]);
  }

  /** Reopens interrupted devices: the system does not always resume them automatically. */
  async reopenInterrupted(): Promise<void> {
    const interrupted = KINDS.filter((kind) => isInterrupted(this.#state[kind]));
    await Promise.all(interrupted.map((kind) => this.#reopen(kind)));
  }

  /** Prompts for a screen, window or tab. Canceling the prompt is not a failure. */
  async shareScreen(): Promise<void> {
    const { status } = this.#state.screen;
    if (status === 'on' || status === 'opening') return;
    this.#set({ screen: { status: 'opening' } });
    const opened = await this.#screenOpening.run(() => this.#access.openScreen());
    if (opened === undefined) return;
    if ('error' in opened) this.#set({ screen: unopenedScreen(opened.error) });
    else this.#showScreen(opened.value);
  }

  /** Stops sharing, also while the prompt is open. */
  stopScreen(): void {
    this.#screenOpening.cancel();
    const { screen } = this.#state;
    if (screen.status !== 'off') this.#set({ screen: OFF });
    if (screen.status === 'on') stopScreenTracks(screen);
  }

  /** Releases all devices. */
  stop(): void {
    this.release('microphone');
    this.release('camera');
    this.stopScreen();
  }

  /** Stops and releases the device. */
  release(kind: DeviceKind): void {
    this.#openings[kind].cancel();
    if (kind === 'microphone') this.#isMuted = false;
    const track = trackOf(this.#state[kind]);
    this.#set({ [kind]: OFF });
    track?.stop();
  }

  async #reopen(kind: DeviceKind): Promise<void> {
    if (this.#state[kind].status !== 'off') await this.#open(kind);
  }

  async #open(kind: DeviceKind): Promise<void> {
    trackOf(this.#state[kind])?.stop();
    this.#set({ [kind]: { status: 'opening', isMuted: this.#isToBeMuted(kind) } });
    const opened = await this.#openings[kind].run((isStillWanted) => this.#openChosen(kind, isStillWanted));
    if (opened === undefined) return;
    if ('error' in opened) this.#set({ [kind]: { status: 'failed', error: opened.error } });
    else this.#adopt(kind, opened.value);
  }

  /** Applies the requested mute state to a device that is open or opening. */
  #applyMute(kind: DeviceKind): void {
    const isMuted = this.#isToBeMuted(kind);
    const device = this.#state[kind];
    const track = trackOf(device);
    if (track !== undefined) this.#hold(kind, track);
    else if (device.status === 'opening' && device.isMuted !== isMuted) this.#set({ [kind]: { status: 'opening', isMuted } });
  }

  #hold(kind: DeviceKind, track: MediaStreamTrack): void {
    const isMuted = this.#isToBeMuted(kind);
    const status = isMuted ? 'muted' : 'on';
    const device = this.#state[kind];
    if (device.status === status && device.isInterrupted === track.muted) return;
    // Muted before the track is published.
    track.enabled = !isMuted;
    this.#set({ [kind]: { status, track, isInterrupted: track.muted } });
  }

  #isToBeMuted(kind: DeviceKind): boolean {
    return kind === 'microphone' && this.#isMuted;
  }

  /** Opens the selected device, or any other if it is gone. */
  async #openChosen(kind: DeviceKind, isStillWanted: () => boolean): Promise<MediaStreamTrack> {
    const chosen = this.#chosen[kind];
    try {
      return await this.#access.open(kind, { ...this.#preferences, ...chosen });
    } catch (error) {
      const isGone = toConveneError(error, 'device-failed').code === 'device-missing' && chosen.deviceId !== undefined;
      if (!isGone || !isStillWanted() || this.#chosen[kind] !== chosen) throw error;
      this.#chosen[kind] = {};
      return this.#access.open(kind, this.#preferences);
    }
  }

  #adopt(kind: DeviceKind, track: MediaStreamTrack): void {
    const ifHeld = (act: () => void) => (): void => {
      if (trackOf(this.#state[kind]) === track) act();
    };
    // Fires when the device is unplugged or the permission revoked, not when we stop the track ourselves.
    track.addEventListener(
      'ended',
      ifHeld(() => void this.#onGone(kind)),
    );
    // Fired by the system; muting by the user changes `enabled`.
    for (const change of ['mute', 'unmute'])
      track.addEventListener(
        change,
        ifHeld(() => this.#hold(kind, track)),
      );
    this.#hold(kind, track);
  }

  async #onGone(kind: DeviceKind): Promise<void> {
    await this.#open(kind);
    const device = this.#state[kind];
    if (device.status === 'failed') this.#losses.emit({ kind, replaced: false, error: device.error });
    else if (trackOf(device) !== undefined) this.#losses.emit({ kind, replaced: true });
  }

  #showScreen({ video, sound }: ScreenTracks): void {
    video.addEventListener('ended', () => this.#onScreenEnded(video));
    this.#set({ screen: { status: 'on', video, sound } });
  }

  /** The user pressed the browser's own "stop sharing", or closed the shared window. */
  #onScreenEnded(video: MediaStreamTrack): void {
    const { screen } = this.#state;
    if (screen.status === 'on' && screen.video === video) this.stopScreen();
  }

  #set(change: Partial<LocalMediaState>): void {
    this.#state = { ...this.#state, ...change };
    this.#changes.emit(this.#state);
  }
}

function unopenedScreen(error: ConveneError): LocalScreen {
  return error.code === 'permission-denied' ? OFF : { status: 'failed', error };
}

function stopTrack(track: MediaStreamTrack): void {
  track.stop();
}

function stopScreenTracks({ video, sound }: ScreenTracks): void {
  video.stop();
  sound?.stop();
}
