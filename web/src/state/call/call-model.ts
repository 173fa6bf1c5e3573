/**
 * The view model of a call: reduces the session's events to state, and carries out user actions.
 *
 * Views read `state` and call actions; they decide nothing. Devices belong to LocalMedia, the connection to the session.
 */

import type { DeviceKind } from '../../core/media/devices';
import type { LocalMedia } from '../../core/media/local-media';
import type { ConnectionState } from '../../core/session/connection-state';
import type { SessionEvent } from '../../core/session/events';
import type { ReceptionPreference } from '../../core/session/video/reception';
import type { CallStats } from '../../core/session/connection/stats';
import type { ChatMessage, Reaction } from '../../generated/messages';
import type { RoomRequests } from '../../core/signaling/requester';
import type { OwnRights } from '../../core/signaling/peers';
import { reuseEqual } from '../shallow-equal';
import { announcementOf, nameOf, type Chime } from './announcements';
import type { CallDialog, CallState, Panel } from './call-state';
import { EMPTY_CHAT } from '../chat/chat';
import { ChatModel, type ChatPort } from '../chat/chat-model';
import type { Fit } from '../tiles/fit';
import { MissingWatch } from '../tiles/missing-watch';
import { OwnDevices } from './own-devices';
import { EMPTY_ROOM, isRecorded, reduceRoom, type RoomAccess, type RoomView, type RoomViewEvent } from '../tiles/participants';
import { refusalOf } from './refusal';
import { Burst } from '../pace';
import { Store } from '../store';
import { peopleOf, tilesOf, voicesOf } from '../tiles/tiles';
import { lifetimeOf, withoutToast, withToast, type ToastContent } from './toasts';
import { Watcher } from '../tiles/watcher';
import { receptionOf, watchedPeersOf, type ReceiveQuality, type Size } from '../tiles/watching';

/** How long a reaction is shown. */
const REACTION_MS = 4000;

type Shown = Pick<CallState, 'people' | 'tiles' | 'voices'>;
type FromRoom = Shown &
  RoomAccess &
  Pick<CallState, 'title' | 'local' | 'activeSpeaker' | 'lastSpoke' | 'rights' | 'lobby' | 'viewers' | 'viewerHands' | 'isHandRaised' | 'isRecorded'>;

const NOTHING_SHOWN: Shown = { people: [], tiles: [], voices: [] };

/** The part of a session that a call uses. */
export interface SessionPort extends ChatPort {
  readonly connection: ConnectionState;
  subscribe(listener: (event: SessionEvent) => void): () => void;
  start(): void;
  leave(): void;
  stats(): Promise<CallStats | undefined>;
  request<M extends keyof RoomRequests>(method: M, data: RoomRequests[M]): Promise<unknown>;
  receive(preferences: readonly ReceptionPreference[]): void;
  watch(peerIds: readonly string[]): void;
  noteFrame(): void;
}

export interface CallDependencies {
  session: SessionPort;
  local: LocalMedia;
  peerId: string;
  displayName: string;
  receiveQuality: () => ReceiveQuality;
  chime: (sound: Chime) => void;
  /** A monotonic clock, in milliseconds. */
  now: () => number;
}

export class CallModel {
  readonly #dependencies: CallDependencies;
  readonly #store: Store<CallState>;
  /** Messages of the server often come together; what users do is shown at once. */
  readonly #burst = new Burst();
  #room: RoomView = EMPTY_ROOM;
  #displayName: string;
  /** Whether the first list of participants has arrived; it is not announced. */
  #hasJoined = false;
  #lastId = 0;
  readonly #watcher = new Watcher(() => this.#watch());
  readonly #missing: MissingWatch;
  readonly #chat: ChatModel;
  readonly #devices: OwnDevices;
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();

  constructor(dependencies: CallDependencies) {
    this.#dependencies = dependencies;
    const { session, local, peerId, displayName } = dependencies;
    this.#displayName = displayName;
    this.#store = new Store(this.#initialState(session.connection, peerId), this.#burst.pace);
    this.#missing = new MissingWatch({ now: dependencies.now, onChange: (leftOut) => this.#set({ leftOut }) });
    this.#chat = new ChatModel({
      port: session,
      read: () => this.#store.get().chat,
      write: (chat) => this.#set({ chat }),
      isOpen: () => this.#store.get().panel === 'chat',
      later: (ms, act) => this.#later(ms, act),
    });
    this.#devices = new OwnDevices({
      local,
      rights: () => this.#room.rights.publish,
      toast: (content) => this.toast(content),
      dismissProblem: () => this.dismiss('problem'),
    });
    const endLocal = local.subscribe(() => this.#show());
    const endLosses = local.onLoss((loss) => this.#devices.reportLoss(loss));
    const unsubscribe = session.subscribe((event) => this.#burst.during(() => this.#onEvent(event)));
    this.#end = () => {
      endLocal();
      endLosses();
      unsubscribe();
    };
  }

  readonly #end: () => void;

  get state(): Pick<Store<CallState>, 'get' | 'subscribe'> {
    return this.#store;
  }

  /** Whether the call is closed. */
  close(): void {
    this.#end();
    this.#watcher.close();
    this.#missing.close();
    for (const timer of this.#timers) clearTimeout(timer);
    this.#dependencies.session.leave();
  }

  leave(): void {
    this.#dependencies.session.leave();
  }

  /** Sends a request to the room; a failure becomes a toast. Returns whether it succeeded. */
  async ask<M extends keyof RoomRequests>(method: M, data: RoomRequests[M]): Promise<boolean> {
    return this.#carryOut(this.#dependencies.session.request(method, data));
  }

  /** Removes a participant. Lock and lobby are set first, so that the participant cannot rejoin in between. */
  async remove(peerId: string, { isLocked = this.#room.isLocked, isLobbyOn = this.#room.isLobbyOn }: Partial<RoomAccess>): Promise<void> {
    const asked: Promise<boolean>[] = [];
    if (isLocked !== this.#room.isLocked) asked.push(this.ask('setRoomLock', { locked: isLocked }));
    if (isLobbyOn !== undefined && isLobbyOn !== this.#room.isLobbyOn) asked.push(this.ask('setRoomLobby', { enabled: isLobbyOn }));
    await Promise.all([...asked, this.ask('removeParticipant', { peerId })]);
  }

  async #carryOut(asked: Promise<unknown>): Promise<boolean> {
    try {
      await asked;
      return true;
    } catch (thrown) {
      this.toast({ kind: 'refused', refusal: refusalOf(thrown) });
      return false;
    }
  }

  // Devices

  toggle(kind: DeviceKind): void {
    this.#devices.toggle(kind);
  }

  /** Push-to-talk: opens the microphone while the key is held. */
  talk(isHeld: boolean): void {
    this.#devices.talk(isHeld);
  }

  toggleShare(): void {
    this.#devices.toggleShare();
  }

  reopenInterrupted(): void {
    this.#devices.reopenInterrupted();
  }

  // Chat, hand, reactions

  async say(text: string): Promise<boolean> {
    const trimmed = text.trim();
    if (trimmed === '') return false;
    const { peerId } = this.#dependencies;
    return this.#carryOut(this.#chat.say(trimmed, { peerId, displayName: this.#displayName }));
  }

  async loadEarlier(): Promise<void> {
    await this.#chat.loadEarlier();
  }

  async toggleHand(): Promise<void> {
    const raised = !this.#store.get().isHandRaised;
    if (raised && this.#room.rights.isViewer) this.#devices.askPermission();
    if (await this.ask('raiseHand', { raised })) this.#reduceRoom({ type: 'handRaised', peerId: this.#dependencies.peerId, isRaised: raised });
  }

  async react(reaction: Reaction): Promise<void> {
    if (await this.ask('sendReaction', { reaction })) this.#float(this.#displayName, reaction);
  }

  // View

  togglePanel(panel: Panel): void {
    const next = this.#store.get().panel === panel ? undefined : panel;
    this.#set({ panel: next });
    if (next === 'chat') this.#chat.opened({ mayRead: this.#room.rights.chat });
  }

  open(dialog: CallDialog | undefined): void {
    this.#set({ dialog });
  }

  toggleStatistics(): void {
    this.#set({ showsStatistics: !this.#store.get().showsStatistics });
  }

  pin(key: string | undefined): void {
    this.#set({ pinned: this.#store.get().pinned === key ? undefined : key });
  }

  /** Sets whether a tile shows its whole video or is filled by it. */
  fit(key: string, fit: Fit): void {
    this.#set({ fits: new Map([...this.#store.get().fits, [key, fit]]) });
  }

  /** Mutes or unmutes a participant locally; others do not notice. */
  toggleLocalMute(peerId: string): void {
    const locallyMuted = new Set(this.#store.get().locallyMuted);
    if (!locallyMuted.delete(peerId)) locallyMuted.add(peerId);
    this.#set({ locallyMuted });
  }

  toast(content: ToastContent): void {
    const id = (this.#lastId += 1);
    this.#set({ toasts: withToast(this.#store.get().toasts, content, id) });
    const lifetime = lifetimeOf(content);
    if (lifetime !== undefined) this.#later(lifetime, () => this.dismissToast(id));
  }

  dismissToast(id: number): void {
    this.#set({ toasts: withoutToast(this.#store.get().toasts, id) });
  }

  dismiss(kind: ToastContent['kind']): void {
    this.#set({ toasts: this.#store.get().toasts.filter((one) => one.kind !== kind) });
  }

  /** Sets the size of a tile on screen; undefined when it is no longer visible. */
  seen(key: string, size: Size | undefined): void {
    this.#watcher.note(key, size);
  }

  /** A frame of another participant is shown. */
  noteFrame(): void {
    this.#dependencies.session.noteFrame();
  }

  setPageHidden(isHidden: boolean): void {
    this.#watcher.setPageHidden(isHidden);
  }

  /** Recomputes what to receive, after a change of settings. */
  watchAgain(): void {
    this.#watcher.notifySoon();
  }

  stats(): Promise<CallStats | undefined> {
    return this.#dependencies.session.stats();
  }

  // Events of the session

  #onEvent(event: SessionEvent): void {
    switch (event.type) {
      case 'connection':
        this.#set({ connection: event.connection });
        if (event.connection.status === 'reconnecting') this.#reduceRoom({ type: 'connectionLost' });
        return;
      case 'publishFailed':
        return this.toast({ kind: 'problem', device: event.kind, error: event.error });
      case 'chatHistory':
        return this.#chat.takeNewest(event.page);
      case 'chatMessage':
        return this.#onChat(event.message);
      case 'reaction':
        if (event.peerId !== this.#dependencies.peerId) this.#float(event.peerId === undefined ? '' : nameOf(this.#room, event.peerId), event.reaction);
        return;
      case 'mutedByModerator':
        return this.#devices.mutedByModerator(event.source);
      case 'unmuteRequested':
        return this.#set({ dialog: { name: 'unmute' } });
      default:
        this.#announce(event);
        if (event.type === 'joined') this.#hasJoined = true;
        if (event.type === 'permissions') this.#onRights(event.permissions);
        return this.#reduceRoom(event);
    }
  }

  #announce(event: RoomViewEvent): void {
    const { peerId, chime } = this.#dependencies;
    const announcement = announcementOf(this.#room, event, { peerId, hasJoined: this.#hasJoined });
    if (announcement.chime !== undefined) chime(announcement.chime);
    for (const toast of announcement.toasts) this.toast(toast);
  }

  #onRights(rights: OwnRights): void {
    const comesOnStage = this.#hasJoined && this.#room.rights.isViewer && !rights.isViewer;
    if (comesOnStage && rights.publish.audio) this.#set({ dialog: { name: 'onStage' } });
    const dialog = this.#store.get().dialog?.name;
    if (rights.isViewer && (dialog === 'onStage' || dialog === 'unmute')) this.#set({ dialog: undefined });
    this.#devices.applyPermissions(rights.publish);
    if (rights.name !== undefined) this.#displayName = rights.name;
  }

  #onChat(message: ChatMessage): void {
    const isOwn = message.peerId === this.#dependencies.peerId;
    const isRead = isOwn || this.#store.get().panel === 'chat';
    this.#chat.take(message, isRead);
    if (isRead) return;
    this.#dependencies.chime('message');
    this.toast({ kind: 'chat', name: message.displayName, text: message.text });
  }

  #float(name: string, reaction: Reaction): void {
    const id = (this.#lastId += 1);
    this.#set({ reactions: [...this.#store.get().reactions, { id, name, reaction }].slice(-12) });
    this.#later(REACTION_MS, () => this.#set({ reactions: this.#store.get().reactions.filter((one) => one.id !== id) }));
  }

  // Derived state

  #reduceRoom(event: RoomViewEvent): void {
    const before = this.#room;
    this.#room = reduceRoom(before, event);
    if (this.#room !== before) this.#show();
    const isOn = isRecorded(this.#room);
    if (isOn !== isRecorded(before)) this.toast({ kind: 'recording', isOn });
  }

  #show(): void {
    this.#set(this.#shown(this.#store.get()));
    this.#missing.update(this.#store.get().tiles, this.#watcher);
    this.#watcher.notifySoon();
  }

  #shown(before: Shown = NOTHING_SHOWN): FromRoom {
    const { local, peerId } = this.#dependencies;
    const room = this.#room;
    const self = { peerId, displayName: this.#displayName, local: local.state };
    const { title, activeSpeaker, lastSpoke, rights, lobby, viewers, viewerHands, isLocked, isLobbyOn, raisedHands } = room;
    return {
      ...{ title, activeSpeaker, lastSpoke, rights, lobby, viewers, viewerHands, isLocked, isLobbyOn },
      local: local.state,
      people: reuseEqual(before.people, peopleOf(room, self), ({ peerId: id }) => id),
      tiles: reuseEqual(before.tiles, tilesOf(room, self), ({ key }) => key),
      voices: reuseEqual(before.voices, voicesOf(room, self), ({ key }) => key),
      isHandRaised: raisedHands.includes(peerId),
      isRecorded: isRecorded(room),
    };
  }

  #initialState(connection: ConnectionState, selfId: string): CallState {
    return {
      ...this.#shown(),
      ...{ connection, selfId },
      leftOut: new Set(),
      chat: EMPTY_CHAT,
      toasts: [],
      reactions: [],
      panel: undefined,
      dialog: undefined,
      showsStatistics: false,
      pinned: undefined,
      fits: new Map(),
      locallyMuted: new Set(),
    };
  }

  #watch(): void {
    const { tiles, activeSpeaker } = this.#store.get();
    const { seen, isPageHidden } = this.#watcher;
    const quality = this.#dependencies.receiveQuality();
    const watching = { seen, quality, isPageHidden, activeSpeaker };
    this.#dependencies.session.receive(receptionOf(tiles, watching));
    // A page in the background keeps its list, so that the server's choice does not change meanwhile.
    if (!isPageHidden) this.#dependencies.session.watch(watchedPeersOf(tiles, watching));
    this.#missing.update(tiles, watching);
  }

  #later(ms: number, act: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      act();
    }, ms);
    this.#timers.add(timer);
  }

  #set(change: Partial<CallState>): void {
    this.#store.update((state) => ({ ...state, ...change }));
  }
}
