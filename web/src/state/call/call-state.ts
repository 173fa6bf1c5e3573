/** What the call's views show. */

import type { LocalMediaState } from '../../core/media/local-media';
import type { ConnectionState } from '../../core/session/connection-state';
import type { LobbyPeer, Reaction } from '../../generated/messages';
import type { OwnRights } from '../../core/signaling/standing';
import type { ChatLog } from '../chat/chat';
import type { Fit } from '../tiles/fit';
import type { RoomDoor } from '../tiles/participants';
import type { Person, Tile, Voice } from '../tiles/tiles';
import type { Toast } from './toasts';

export type Panel = 'chat' | 'people';

export type CallDialog =
  | { name: 'settings' }
  | { name: 'shortcuts' }
  | { name: 'unmute' }
  | { name: 'endMeeting' }
  | { name: 'remove'; peerId: string; displayName: string }
  | { name: 'rights'; peerId: string };

export interface FloatingReaction {
  id: number;
  name: string;
  reaction: Reaction;
}

export interface CallState extends RoomDoor {
  /** The room's own title; undefined until the server has said. */
  title: string | undefined;
  connection: ConnectionState;
  local: LocalMediaState;
  selfId: string;
  people: readonly Person[];
  tiles: readonly Tile[];
  voices: readonly Voice[];
  /** Keys of tiles whose picture is sent and does not come here, although it has had the time. */
  leftOut: ReadonlySet<string>;
  activeSpeaker: string | undefined;
  /** Who had the word last, for the order of pages. */
  spoke: ReadonlyMap<string, number>;
  rights: OwnRights;
  lobby: readonly LobbyPeer[];
  isHandRaised: boolean;
  /** The call is being recorded. */
  isRecorded: boolean;
  chat: ChatLog;
  toasts: readonly Toast[];
  reactions: readonly FloatingReaction[];
  panel: Panel | undefined;
  dialog: CallDialog | undefined;
  showsStatistics: boolean;
  /** Key of the tile that is kept large. */
  pinned: string | undefined;
  /** How the pictures of tiles are to be shown, by key; of others it follows from what they are. */
  fits: ReadonlyMap<string, Fit>;
  /** Who is not to be heard here. */
  silenced: ReadonlySet<string>;
}
