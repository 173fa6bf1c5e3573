/** The dependencies of the app model: browser interfaces, the server and storage. */

import type { Log } from '../../core/log';
import type { DeviceAccess } from '../../core/media/devices';
import type { Environment } from '../../core/media/environment';
import type { LocalMedia } from '../../core/media/local-media';
import type { MeetingAddress, MeetingInfo } from '../../core/meeting/meeting';
import type { PeerIds } from '../../core/peer/kept-peer-id';
import type { Preparation, PreparationState } from '../../core/session/preparation';
import type { Chime } from '../call/announcements';
import type { SessionPort } from '../call/call-model';
import type { Settings } from '../settings';
import type { RecentMeeting } from './recent';

export interface AppDependencies {
  address: MeetingAddress | undefined;
  /** The page's location; `assign` navigates. */
  page: Pick<Location, 'host' | 'protocol' | 'pathname' | 'assign'>;
  environment: Environment;
  devices: DeviceAccess;
  log: Log;
  fetchMeeting(address: MeetingAddress): Promise<MeetingInfo>;
  watchMeeting(address: MeetingAddress, listener: (info: MeetingInfo) => void): () => void;
  createSession(options: {
    address: MeetingAddress;
    peerId: string;
    displayName: string;
    localMedia: LocalMedia;
    preparation: Preparation | undefined;
  }): SessionPort;
  /** Starts to prepare a join. */
  prepare: (options: { address: MeetingAddress; peerId: string; localMedia: LocalMedia; onChange: (state: PreparationState) => void }) => Preparation;
  /** Calls the listener on each sign that the user is at this page, or has left it. */
  watchPresence(listener: (isHere: boolean) => void): void;
  hasJoinToken: boolean;
  peerIds: PeerIds;
  chime: (sound: Chime) => void;
  /** A monotonic clock, in milliseconds. */
  now: () => number;
  loadName: () => string;
  saveName: (name: string) => void;
  settings: Settings;
  saveSettings: (settings: Settings) => void;
  recent: readonly RecentMeeting[];
  saveRecent: (recent: readonly RecentMeeting[]) => void;
}
