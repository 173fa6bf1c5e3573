/** Chat messages of the scenes. */

import type { SessionEvent } from '../core/session/events';
import type { ChatPage } from '../core/signaling/decode';
import type { CallModel } from '../state/call/call-model';
import type { SceneSession } from './fakes';
import { ODD_NAMES, peerId } from './people';
import type { SceneContext } from './scene';

export const NOON = Date.UTC(2026, 10, 25, 12);

const SAID: ChatPage['messages'] = [
  [peerId(0), 'Grace Hopper', 'Good morning! The agenda is at https://example.org/agenda/2026-q3?view=full#top'],
  [peerId(0), 'Grace Hopper', 'We start in a minute.'],
  ['self', 'Ada Lovelace', 'Thank you, I see it.'],
  [peerId(1), 'Linus Öberg', '<script>alert("hello")</script> is only text here'],
  [peerId(2), 'Maryam Mirzakhani-Nordström', `A long word: ${'Donaudampfschiffahrtsgesellschaft'.repeat(3)}`],
  ['self', 'Ada Lovelace', 'Fine.\nTwo lines, even.'],
].map(([id = '', displayName = '', text = ''], index) => ({ id: index + 1, peerId: id, displayName, text, sentAt: NOON + index * 50_000 }));

export const oddChat: SessionEvent = {
  type: 'chatHistory',
  page: {
    messages: ODD_NAMES.map((name, index) => ({
      id: index + 1,
      peerId: peerId(index),
      displayName: name,
      text: name.slice(0, 4096),
      sentAt: NOON + index * 50_000,
    })),
    hasMore: false,
  },
};

/** Chat history, with own messages. */
export function withChat(call: CallModel, { session }: SceneContext): void {
  sayAll(call, session, { messages: SAID, hasMore: false });
}

/** The newest page of a long chat history. */
export function withLongChat(call: CallModel, { session }: SceneContext): void {
  sayAll(call, session, { messages: SAID.map((one) => ({ ...one, id: one.id + 40 })), hasMore: true });
}

function sayAll(call: CallModel, session: SceneSession, { messages, hasMore }: ChatPage): void {
  const own = call.state.get().selfId;
  session.emit({ type: 'chatHistory', page: { messages: messages.map((one) => (one.peerId === 'self' ? { ...one, peerId: own } : one)), hasMore } });
  call.togglePanel('chat');
}
