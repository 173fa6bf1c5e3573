/** The browser's cameras, microphones and screens: listing, opening, and errors that say what is wrong. Keeps no state. */

import { ConveneError, type ErrorCode } from '../errors';
import type { Unsubscribe } from '../emitter';
import { captureProblem, readEnvironment } from './environment';

export type DeviceKind = 'microphone' | 'camera';

export const KINDS: readonly DeviceKind[] = ['microphone', 'camera'];

export interface DeviceChoice {
  deviceId: string;
  label: string;
}

export interface DeviceList {
  microphones: DeviceChoice[];
  cameras: DeviceChoice[];
  /** Empty where the browser does not let pages choose. */
  speakers: DeviceChoice[];
}

export const NO_DEVICES: DeviceList = { microphones: [], cameras: [], speakers: [] };

/** How to open devices, independent of which. */
export interface CapturePreferences {
  noiseSuppression?: boolean;
  /** Ideal height of the camera's video, in pixels. */
  cameraHeight?: number;
  /** Background blur by the system, where it is supported. */
  isBackgroundBlurred?: boolean;
  /** Devices of the last visit: opened if they are still connected. */
  remembered?: Partial<Record<DeviceKind, string | undefined>>;
}

/** Which device to open; without an id the browser chooses. */
export interface DeviceRequest extends CapturePreferences {
  deviceId?: string;
  /** The front or the back camera of a phone. */
  facing?: 'user' | 'environment';
}

export interface ScreenTracks {
  video: MediaStreamTrack;
  /** Audio of a shared tab, if the user chose to share it. */
  sound: MediaStreamTrack | undefined;
}

/** Access to devices, injected so that tests need none. */
export interface DeviceAccess {
  open(kind: DeviceKind, request: DeviceRequest): Promise<MediaStreamTrack>;
  openScreen(): Promise<ScreenTracks>;
  list(): Promise<DeviceList>;
  onChange(listener: () => void): Unsubscribe;
  /** The page is visible again, or devices have changed: an interrupted device may be available again. */
  onReturn(listener: () => void): Unsubscribe;
}

const ERROR_CODES: Readonly<Record<string, ErrorCode>> = {
  NotAllowedError: 'permission-denied',
  SecurityError: 'permission-denied',
  NotFoundError: 'device-missing',
  OverconstrainedError: 'device-missing',
  NotReadableError: 'device-in-use',
  AbortError: 'device-failed',
};

/** getUserMedia's errors by their names, which are the same in all browsers. */
export function deviceError(kind: DeviceKind | 'screen', thrown: unknown): ConveneError {
  if (thrown instanceof ConveneError) return thrown;
  const name = thrown instanceof Error ? thrown.name : '';
  const detail = thrown instanceof Error ? thrown.message : String(thrown);
  return new ConveneError(ERROR_CODES[name] ?? 'device-failed', `${kind}: ${detail}`, { cause: thrown });
}

const CAMERA_HEIGHT = 720;

export function constraintsFor(kind: DeviceKind, request: DeviceRequest): MediaStreamConstraints {
  const { facing, noiseSuppression = true, cameraHeight = CAMERA_HEIGHT, isBackgroundBlurred = false } = request;
  const choice = choiceFor(kind, request);
  if (kind === 'microphone') {
    return { audio: { ...choice, echoCancellation: true, noiseSuppression, autoGainControl: true } };
  }
  const blur = isBackgroundBlurred ? { backgroundBlur: { ideal: true } } : {};
  const side = facing === undefined ? {} : { facingMode: { ideal: facing } };
  const size = { width: { ideal: Math.round((cameraHeight * 16) / 9) }, height: { ideal: cameraHeight }, frameRate: { ideal: 30 } };
  return { video: { ...choice, ...side, ...size, ...blur } };
}

/** A chosen device is required (`exact`); a remembered one may be gone and is only preferred (`ideal`). */
function choiceFor(kind: DeviceKind, { deviceId, facing, remembered }: DeviceRequest): { deviceId?: ConstrainDOMStringParameters } {
  if (deviceId !== undefined) return { deviceId: { exact: deviceId } };
  const last = remembered?.[kind];
  return last === undefined || facing !== undefined ? {} : { deviceId: { ideal: last } };
}

/** Whether the system can blur the background of this camera. */
export function canBlurBackground(track: MediaStreamTrack | undefined): boolean {
  // Only recent versions of Firefox support this query.
  if (track === undefined || !('getCapabilities' in track)) return false;
  return track.getCapabilities().backgroundBlur?.includes(true) === true;
}

async function openTrack(kind: DeviceKind, constraints: MediaStreamConstraints): Promise<MediaStreamTrack> {
  try {
    return pickTrack(kind, await navigator.mediaDevices.getUserMedia(constraints));
  } catch (error) {
    throw deviceError(kind, error);
  }
}

function pickTrack(kind: DeviceKind, stream: MediaStream): MediaStreamTrack {
  const track = (kind === 'microphone' ? stream.getAudioTracks() : stream.getVideoTracks())[0];
  if (track === undefined) throw new ConveneError('device-failed', `could not open the ${kind}: the browser returned no track`);
  return track;
}

/** Requested in this turn of the event loop and not opened yet. */
let asked: { constraints: MediaStreamConstraints; stream: Promise<MediaStream> } | undefined;

/**
 * Camera and microphone requested in the same turn become one permission prompt. If that fails, each is requested
 * separately: one of them may be available and allowed.
 */
async function openTogether(kind: DeviceKind, constraints: MediaStreamConstraints): Promise<MediaStreamTrack> {
  if (asked === undefined) {
    const batch = { ...constraints };
    const stream = Promise.resolve().then(() => {
      asked = undefined;
      return navigator.mediaDevices.getUserMedia(batch);
    });
    asked = { constraints: batch, stream };
  } else {
    Object.assign(asked.constraints, constraints);
  }
  try {
    return pickTrack(kind, await asked.stream);
  } catch {
    return openTrack(kind, constraints);
  }
}

/** Phones cannot share their screen. */
export function canShareScreen(): boolean {
  return captureProblem(readEnvironment()) === undefined && 'getDisplayMedia' in navigator.mediaDevices;
}

function choicesOf(devices: MediaDeviceInfo[], kind: MediaDeviceKind, word: string): DeviceChoice[] {
  return devices
    .filter((device) => device.kind === kind && device.deviceId !== '')
    .map(({ deviceId, label }, index) => ({ deviceId, label: label === '' ? `${word} ${index + 1}` : label }));
}

export const browserDevices: DeviceAccess = {
  async open(kind, request) {
    const problem = captureProblem(readEnvironment());
    if (problem !== undefined) throw problem;
    return openTogether(kind, constraintsFor(kind, request));
  },

  async openScreen() {
    if (!canShareScreen()) throw new ConveneError('webrtc-missing', 'getDisplayMedia is not supported');
    try {
      const stream = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { ideal: 30 } }, audio: true });
      const video = pickTrack('camera', stream);
      // Keeps text sharp at the expense of the frame rate.
      video.contentHint = 'detail';
      return { video, sound: stream.getAudioTracks()[0] };
    } catch (error) {
      throw deviceError('screen', error);
    }
  },

  async list() {
    if (captureProblem(readEnvironment()) !== undefined) return NO_DEVICES;
    const devices = await navigator.mediaDevices.enumerateDevices();
    return {
      microphones: choicesOf(devices, 'audioinput', 'Microphone'),
      cameras: choicesOf(devices, 'videoinput', 'Camera'),
      speakers: 'setSinkId' in HTMLMediaElement.prototype ? choicesOf(devices, 'audiooutput', 'Speaker') : [],
    };
  },

  onChange(listener) {
    if (captureProblem(readEnvironment()) !== undefined) return () => undefined;
    navigator.mediaDevices.addEventListener('devicechange', listener);
    return () => navigator.mediaDevices.removeEventListener('devicechange', listener);
  },

  onReturn(listener) {
    // Systems refuse devices to pages in the background.
    const ifSeen = (): void => {
      if (document.visibilityState === 'visible') listener();
    };
    const endChanges = this.onChange(ifSeen);
    document.addEventListener('visibilitychange', ifSeen);
    return () => {
      endChanges();
      document.removeEventListener('visibilitychange', ifSeen);
    };
  },
};
