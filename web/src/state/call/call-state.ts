/** The state that the call's views show. */

import type { LocalMediaState } from '../../core/media/local-media';
import type { ConnectionState } from '../../core/session/connection-state';
import type { LobbyPeer, Reaction, ViewerHands } from '../../generated/messages';
import type { OwnRights } from '../../core/signaling/peers';
import type { ChatLog } from '../chat/chat';
import type { Fit } from '../tiles/fit';
import type { RoomAccess } from '../tiles/participants';
import type { Person, Tile, Voice } from '../tiles/tiles';
import type { Toast } from './toasts';

export type Panel = 'chat' | 'people';

export type CallDialog =
  | { name: 'settings' }
  | { name: 'shortcuts' }
  | { name: 'unmute' }
  | { name: 'onStage' }
  | { name: 'endMeeting' }
  | { name: 'remove'; peerId: string; displayName: string }
  | { name: 'rights'; peerId: string };

export interface FloatingReaction {
  id: number;
  /** Empty: of a viewer. */
  name: string;
  reaction: Reaction;
}

export interface CallState extends RoomAccess {
  /** The room's title; undefined until the server has sent it. */
  title: string | undefined;
  connection: ConnectionState;
  local: LocalMediaState;
  selfId: string;
  people: readonly Person[];
  tiles: readonly Tile[];
  voices: readonly Voice[];
  /** Keys of tiles whose video is sent but not received in time. */
  leftOut: ReadonlySet<string>;
  activeSpeaker: string | undefined;
  /** When each peer last spoke, for the order of pages. */
  lastSpoke: ReadonlyMap<string, number>;
  rights: OwnRights;
  lobby: readonly LobbyPeer[];
  viewers: number;
  viewerHands: ViewerHands;
  isHandRaised: boolean;
  /** Whether the call is being recorded. */
  isRecorded: boolean;
  chat: ChatLog;
  toasts: readonly Toast[];
  reactions: readonly FloatingReaction[];
  panel: Panel | undefined;
  dialog: CallDialog | undefined;
  showsStatistics: boolean;
  /** Key of the pinned tile. */
  pinned: string | undefined;
  /** The chosen fit of videos, by tile key; others use the default. */
  fits: ReadonlyMap<string, Fit>;
  /** Peers that are muted locally. */
  locallyMuted: ReadonlySet<string>;
}
