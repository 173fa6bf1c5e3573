/** Cameras and microphones of the browser: listing, opening, and errors that say what is wrong. Keeps no state. */

import { ConveneError, type ErrorCode } from '../errors';
import type { Unsubscribe } from '../emitter';
import { captureProblem, readEnvironment } from './environment';

export type DeviceKind = 'microphone' | 'camera';

export interface DeviceChoice {
  deviceId: string;
  label: string;
}

export interface DeviceList {
  microphones: DeviceChoice[];
  cameras: DeviceChoice[];
}

/** Access to devices, injected so that tests need none. */
export interface DeviceAccess {
  open(kind: DeviceKind, deviceId: string | undefined): Promise<MediaStreamTrack>;
  list(): Promise<DeviceList>;
  onChange(listener: () => void): Unsubscribe;
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
export function deviceError(kind: DeviceKind, thrown: unknown): ConveneError {
  if (thrown instanceof ConveneError) return thrown;
  const name = thrown instanceof Error ? thrown.name : '';
  const detail = thrown instanceof Error ? thrown.message : String(thrown);
  return new ConveneError(ERROR_CODES[name] ?? 'device-failed', `${kind}: ${detail}`, { cause: thrown });
}

function constraintsFor(kind: DeviceKind, deviceId: string | undefined): MediaStreamConstraints {
  const choice = deviceId === undefined ? {} : { deviceId: { exact: deviceId } };
  if (kind === 'microphone') {
    return { audio: { ...choice, echoCancellation: true, noiseSuppression: true, autoGainControl: true } };
  }
  return { video: { ...choice, width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 } } };
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
  if (track === undefined) throw new ConveneError('device-failed', `${kind}: the browser gave no track`);
  return track;
}

/** What was asked for in this turn and has not been opened yet. */
let asked: { constraints: MediaStreamConstraints; stream: Promise<MediaStream> } | undefined;

/**
 * Camera and microphone asked for in one turn become one question of the browser. If that is refused, each is asked for
 * alone: one of them may well be there and allowed.
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

function choicesOf(devices: MediaDeviceInfo[], kind: MediaDeviceKind, word: string): DeviceChoice[] {
  return devices
    .filter((device) => device.kind === kind && device.deviceId !== '')
    .map(({ deviceId, label }, index) => ({ deviceId, label: label === '' ? `${word} ${index + 1}` : label }));
}

export const browserDevices: DeviceAccess = {
  async open(kind, deviceId) {
    const problem = captureProblem(readEnvironment());
    if (problem !== undefined) throw problem;
    return openTogether(kind, constraintsFor(kind, deviceId));
  },

  async list() {
    if (captureProblem(readEnvironment()) !== undefined) return { microphones: [], cameras: [] };
    const devices = await navigator.mediaDevices.enumerateDevices();
    return {
      microphones: choicesOf(devices, 'audioinput', 'Microphone'),
      cameras: choicesOf(devices, 'videoinput', 'Camera'),
    };
  },

  onChange(listener) {
    if (captureProblem(readEnvironment()) !== undefined) return () => undefined;
    navigator.mediaDevices.addEventListener('devicechange', listener);
    return () => navigator.mediaDevices.removeEventListener('devicechange', listener);
  },
};
