/** What a connection to a room reports. */

import type { Direction, Moving } from '../../../generated/messages';
import type { ConveneError } from '../../errors';
import type { RoomEvent } from '../events';
import type { SendKind } from './send-kind';

export interface RoomConnectionHooks {
  onOpen: () => void;
  onClose: (code: number, reason: string) => void;
  /** Called when signaling has been down for a noticeable time and may resume, and when it has resumed. */
  onCut: (isDisconnected: boolean) => void;
  onLobby: (state: 'waiting' | 'admitted') => void;
  onRoomEvent: (event: RoomEvent) => void;
  onMediaConnected: (direction: Direction) => void;
  /** Called when media of a direction is interrupted and being repaired, and when it is back. */
  onMediaRepairing: (direction: Direction) => void;
  onMediaBroken: () => void;
  /** A video does not arrive although media does, and all repairs of this connection have failed. */
  onVideoLost: () => void;
  onPublishError: (kind: SendKind, error: ConveneError) => void;
  /** The meeting continues on another server. `ticket` opens a connection there; `deadlineSeconds` 0: this connection ends at once. */
  onMoving: (notice: Moving) => void;
  /** This connection is no longer needed. */
  onOver: () => void;
}

/** Calls the hooks that `find` returns at that moment, if any. */
export function delegateTo(find: () => RoomConnectionHooks | undefined): RoomConnectionHooks {
  return {
    onOpen: () => find()?.onOpen(),
    onClose: (code, reason) => find()?.onClose(code, reason),
    onCut: (isDisconnected) => find()?.onCut(isDisconnected),
    onLobby: (state) => find()?.onLobby(state),
    onRoomEvent: (event) => find()?.onRoomEvent(event),
    onMediaConnected: (direction) => find()?.onMediaConnected(direction),
    onMediaRepairing: (direction) => find()?.onMediaRepairing(direction),
    onMediaBroken: () => find()?.onMediaBroken(),
    onVideoLost: () => find()?.onVideoLost(),
    onPublishError: (kind, error) => find()?.onPublishError(kind, error),
    onMoving: (notice) => find()?.onMoving(notice),
    onOver: () => find()?.onOver(),
  };
}
