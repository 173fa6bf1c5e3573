/** A call model with a fake session. */

import { silentLog } from '../core/log';
import { LocalMedia } from '../core/media/local-media';
import type { ConnectionState } from '../core/session/connection-state';
import type { SessionEvent } from '../core/session/events';
import type { ReceptionPreference } from '../core/session/video/reception';
import type { ChatPage } from '../core/signaling/decode';
import { ALL_RIGHTS, peerOf, type OwnRights, type Peer } from '../core/signaling/peers';
import { FakeDevices } from './fake-media';
import type { Chime } from '../state/call/announcements';
import { CallModel, type SessionPort } from '../state/call/call-model';
import type { CallState } from '../state/call/call-state';

export class FakeSession implements SessionPort {
  readonly connection: ConnectionState = { status: 'connected' };
  readonly asked: [string, unknown][] = [];
  refusal: Error | undefined;
  preferences: readonly ReceptionPreference[] = [];
  watched: readonly string[] = [];
  #listener: (events: SessionEvent) => void = () => undefined;

  subscribe(listener: (events: SessionEvent) => void): () => void {
    this.#listener = listener;
    return () => (this.#listener = () => undefined);
  }

  emit(...events: SessionEvent[]): void {
    for (const one of events) this.#listener(one);
  }

  start = (): void => undefined;
  leave = (): void => undefined;
  noteFrame = (): void => undefined;
  stats = (): Promise<undefined> => Promise.resolve(undefined);

  request(method: string, data: unknown): Promise<unknown> {
    this.asked.push([method, data]);
    return this.refusal === undefined ? Promise.resolve({}) : Promise.reject(this.refusal);
  }

  say(text: string): Promise<{ id: number; sentAt: number }> {
    return this.request('sendChatMessage', { text }).then(() => ({ id: 7, sentAt: 1 }));
  }

  receive(preferences: readonly ReceptionPreference[]): void {
    this.preferences = preferences;
  }

  watch(peerIds: readonly string[]): void {
    this.watched = peerIds;
  }

  history(before?: number): Promise<ChatPage> {
    return this.request('getChatHistory', { before }).then(() => this.pages(before));
  }

  pages: (before?: number) => ChatPage = () => ({ messages: [], hasMore: false });
}

export const rights = (change: Partial<OwnRights> = {}): SessionEvent => ({
  type: 'permissions',
  permissions: { isModerator: false, isViewer: false, publish: ALL_RIGHTS, chat: true, name: undefined, ...change },
});
export const bob = peerOf({ peerId: 'bob', displayName: 'Bob' });
export const recorder: Peer = { ...peerOf({ peerId: 'rec', displayName: 'Recorder' }), isRecorder: true };
export const joined: SessionEvent = { type: 'joined', peers: [bob] };

export function setUp(): { call: CallModel; session: FakeSession; local: LocalMedia; devices: FakeDevices; chimes: Chime[]; state: () => CallState } {
  const session = new FakeSession();
  const devices = new FakeDevices();
  const local = new LocalMedia(devices, silentLog);
  const chimes: Chime[] = [];
  const call = new CallModel({
    session,
    local,
    peerId: 'me',
    displayName: 'Ada',
    receiveQuality: () => 'auto',
    chime: (sound) => chimes.push(sound),
    now: () => performance.now(),
  });
  session.emit(rights(), joined);
  return { call, session, local, devices, chimes, state: () => call.state.get() };
}
