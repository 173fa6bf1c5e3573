/** The state of the app, and the decisions about it that need no action. Pure. */

import type { ConveneError } from '../../core/errors';
import { NO_DEVICES, type CapturePreferences, type DeviceList } from '../../core/media/devices';
import { callProblem, type Environment } from '../../core/media/environment';
import type { LocalMediaState } from '../../core/media/local-media';
import type { Entry } from '../../core/meeting/entry';
import { fallbackTitle, type MeetingInfo, type WaitingFor } from '../../core/meeting/meeting';
import { normalizeName } from '../../core/peer/display-name';
import type { EndCause } from '../../core/session/close-reason';
import type { ConnectionState } from '../../core/session/connection-state';
import type { CallModel } from '../call/call-model';
import type { Settings } from '../settings';
import type { AppDependencies } from './app-dependencies';
import type { RecentMeeting } from './recent';

export type Screen =
  /** The front page. */
  | { name: 'home' }
  | { name: 'loading' }
  /** `mayAppear`: the URL names a meeting, which may be created later. */
  | { name: 'missing'; mayAppear: boolean }
  | { name: 'unsupported'; error: ConveneError }
  /** The link lacks the join token that this meeting requires. */
  | { name: 'tokenRequired' }
  | { name: 'preJoin' }
  /** The user has pressed join, the meeting is not ready. */
  | { name: 'waiting' }
  | { name: 'lobby' }
  | { name: 'call' }
  | { name: 'ended'; cause: EndCause; reason: string }
  | { name: 'failed'; error: ConveneError };

/** The reason the text entered on the front page is not accepted. */
export type EntryProblem = Exclude<Entry['kind'], 'meeting'>;

/** The meeting as known before joining. */
export interface MeetingBrief {
  title: string;
  waitingFor: WaitingFor | undefined;
  startsAt: number | undefined;
  participants: number | undefined;
  /** Whether a join token is required: the link alone is not enough. */
  needsToken: boolean;
  /** Whether this participant joins as a viewer, who needs neither microphone nor camera. */
  isViewer: boolean;
  isRecorded: boolean;
  /** Whether this browser cannot send media to the server's addresses. */
  isOutOfReach: boolean;
  isReady: boolean;
  isUnreachable: boolean;
}

/** Screens with a self view. On all others, devices are released. */
export const SHOWS_SELF: ReadonlySet<Screen['name']> = new Set(['preJoin', 'waiting', 'lobby', 'call']);

export interface AppState {
  screen: Screen;
  meeting: MeetingBrief;
  /** As typed; it is normalized before it is sent. */
  nameInput: string;
  canJoin: boolean;
  /** Whether only the join itself is left to do. */
  isPrepared: boolean;
  local: LocalMediaState;
  devices: DeviceList;
  /** Whether the list is final: before pages may capture, browsers hide devices. */
  hasListedDevices: boolean;
  settings: Settings;
  recent: readonly RecentMeeting[];
  /** Connection state of the current or last call. */
  connection: ConnectionState;
  call: CallModel | undefined;
}

export function initialState({ address, page, environment, loadName, settings, recent }: AppDependencies, local: LocalMediaState): AppState {
  const nameInput = loadName();
  const title = address === undefined ? '' : fallbackTitle(address);
  return {
    screen: firstScreen({ address, page }, callProblem(environment)),
    meeting: {
      title,
      waitingFor: undefined,
      startsAt: undefined,
      participants: undefined,
      needsToken: false,
      isViewer: false,
      isRecorded: false,
      isOutOfReach: false,
      isReady: true,
      isUnreachable: false,
    },
    nameInput,
    canJoin: normalizeName(nameInput) !== undefined,
    isPrepared: false,
    local,
    devices: NO_DEVICES,
    hasListedDevices: false,
    settings,
    recent,
    connection: { status: 'idle' },
    call: undefined,
  };
}

/** The screen that matches the state of the meeting before the join. */
export function screenOf(info: MeetingInfo, hasJoinToken: boolean): Screen {
  if (info.status === 'missing') return { name: 'missing', mayAppear: true };
  if (info.status === 'unreachable') return { name: 'preJoin' };
  if (info.isOver) return { name: 'ended', cause: 'meeting-ended', reason: '' };
  return info.needsToken && !hasJoinToken ? { name: 'tokenRequired' } : { name: 'preJoin' };
}

/** A meeting that is over or gone is not a failure: retrying is pointless. */
export function screenOfFailure(error: ConveneError): Screen {
  if (error.code === 'meeting-over') return { name: 'ended', cause: 'meeting-ended', reason: '' };
  return error.code === 'meeting-missing' ? { name: 'missing', mayAppear: true } : { name: 'failed', error };
}

function firstScreen({ address, page }: Pick<AppDependencies, 'address' | 'page'>, problem: ConveneError | undefined): Screen {
  if (address === undefined && page.pathname !== '/') return { name: 'missing', mayAppear: false };
  // Also on the front page: it leads only to meetings that this browser cannot join.
  if (problem !== undefined) return { name: 'unsupported', error: problem };
  return { name: address === undefined ? 'home' : 'loading' };
}

export function briefOf(info: MeetingInfo, before: MeetingBrief, { reachesLoopback }: Environment): MeetingBrief {
  if (info.status !== 'found') return { ...before, isUnreachable: info.status === 'unreachable' };
  const { title, waitingFor, startsAt, participants, needsToken, isViewer, isRecorded, isReady } = info;
  const isOutOfReach = info.isLoopbackOnly && !reachesLoopback;
  return {
    ...{ title, waitingFor: isReady ? undefined : waitingFor, startsAt, participants, needsToken, isViewer, isRecorded, isOutOfReach, isReady },
    isUnreachable: false,
  };
}

export function preferencesOf({ noiseSuppression, cameraHeight, isBackgroundBlurred, microphoneId, cameraId }: Settings): CapturePreferences {
  return { noiseSuppression, cameraHeight, isBackgroundBlurred, remembered: { microphone: microphoneId, camera: cameraId } };
}
