/** Parts of the protocol that `generated/messages.ts` does not have yet, in one place. Types only; they go once the generated ones have them. */

import type { ChatHistory, RoomState } from '../../generated/messages';

/** Payloads of requests, by method. */
export interface AddedRequests {
  /** Whether newcomers wait until a moderator admits them. For moderators. */
  setRoomLobby: { enabled: boolean };
  /** One page of the chat: the newest messages, or those with ids below `before`. */
  getChatHistory: ChatHistory & { before?: number };
}

/** `lobby` is absent where the pod has no lobby that moderators can switch. */
export type RoomStateWithLobby = RoomState & { lobby?: boolean };
