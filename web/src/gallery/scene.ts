/** The parts of a scene of the gallery. */

import type { MeetingInfo } from '../core/meeting/meeting';
import type { AppModel } from '../state/app/app-model';
import type { RecentMeeting } from '../state/app/recent';
import type { Settings } from '../state/settings';
import type { SceneSession } from './fakes';

export interface SceneContext {
  model: AppModel;
  session: SceneSession;
}

export type Play = (context: SceneContext) => void;

export type Found = Partial<MeetingInfo & { status: 'found' }>;

export interface Scene {
  info?: Found | { status: 'missing' | 'unreachable' };
  /** Name of the browser's error when opening devices; "never" for an unanswered permission prompt. */
  deviceFailure?: string;
  /** Whether the browser does not let pages choose the speaker. */
  hasNoSpeakers?: boolean;
  settings?: Partial<Settings>;
  hasPeerConnection?: boolean;
  reachesLoopback?: boolean;
  hasJoinToken?: boolean;
  isFrontDoor?: boolean;
  recent?: readonly RecentMeeting[];
  /** Name of the local participant. */
  name?: string;
  /** Test id of a button that is pressed at the end. */
  press?: string;
  /** What happens after the preview is shown. */
  play?: Play;
}
