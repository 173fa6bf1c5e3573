/**
 * A participant's stay in a meeting: runs the session machine, owns the connection, and emits events.
 *
 * The machine makes all decisions about connecting; here they are carried out. It knows no views, frameworks or UI texts.
 */

import type { Device } from 'mediasoup-client';
import type { Direction, Moving } from '../../generated/messages';
import { Emitter, type Unsubscribe } from '../emitter';
import type { Log } from '../log';
import type { LocalMedia } from '../media/local-media';
import { Scope } from '../scope';
import type { SocketFactory } from '../signaling/protoo';
import { decodeChatHistory, decodeChatSent, type ChatPage } from '../signaling/decode';
import type { RoomRequests } from '../signaling/requester';
import { FINAL_CLOSE_CODE, isTicketRefused } from './close-reason';
import type { VideoCodec } from './codecs/codec-choice';
import { browserCodecEnvironment, CodecPolicy, type CodecEnvironment } from './codecs/codec-policy';
import { connectionStateOf, type ConnectionState } from './connection-state';
import type { SessionEvent } from './events';
import { closingOf, joinErrorOf } from './join-refusal';
import { LastFrames } from './last-frames';
import { INITIAL_STATE, transition, type SessionEffect, type MachineEvent, type SessionState } from './machine';
import type { Link } from './connection/link';
import { ALONE_MS, LINGER_MS, Move } from './moving/move';
import { Requests } from './moving/requests';
import { Opening } from './opening';
import { delegateTo, type RoomConnectionHooks } from './connection/hooks';
import { RoomConnection } from './connection/room-connection';
import { RejoinAllowance } from './video/video-stall';
import type { Preparation } from './preparation';
import { Readiness, type ReadinessWatch } from './readiness';
import type { ReceptionPreference } from './video/reception';
import type { RouteFinder } from './connection/route';
import type { CallStats } from './connection/stats';

export interface SessionOptions {
  /** Finds the route, for every attempt. */
  findRoute: RouteFinder;
  displayName: string;
  localMedia: LocalMedia;
  log: Log;
  userAgent?: string;
  createDevice?: () => Promise<Device>;
  openSocket?: SocketFactory;
  /** Overrides the video codec, read when sending starts; by default the session chooses by device and room. */
  videoCodec?: () => VideoCodec | undefined;
  /** Watches whether the meeting is ready, which ends the backoff while the session rejoins. */
  watchReadiness?: ReadinessWatch;
  /** Knowledge about the device's encoders, kept across connections. */
  codecEnvironment?: CodecEnvironment;
  /** A connection that was prepared for this join; it is used once. */
  preparation?: Preparation | undefined;
}

export class Session {
  readonly #options: SessionOptions;
  readonly #events: Emitter<SessionEvent>;
  readonly #scope = new Scope();
  readonly #codecs: CodecPolicy;
  readonly #readiness: Readiness;
  readonly #opening: Opening;
  readonly #rejoins = new RejoinAllowance();
  readonly #requests: Requests;
  /** Of the current connection. */
  readonly #hooks = this.#createHooks();
  #state: SessionState = INITIAL_STATE;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #connection: RoomConnection | undefined;
  /** Whether the current connection was prepared, and has not joined yet. */
  #isOverPrepared = false;
  /** To another server; only while joined. */
  #move: Move | undefined;
  readonly #lastFrames = new LastFrames(() => {
    // Those who have not followed a move by now are no longer displayed.
    this.#requests.expect(undefined);
    this.#events.emit({ type: 'lastFramesDropped' });
  });
  /** Limits the time without any connection while the meeting moves. */
  #aloneTimer: ReturnType<typeof setTimeout> | undefined;
  /** Counts joins: one that the lobby replaced is dropped. */
  #joins = 0;
  /** Whether signaling is down and may resume. */
  #isDisconnected = false;
  /** Directions in which media is interrupted. */
  readonly #repairing = new Set<Direction>();

  constructor(options: SessionOptions) {
    const { findRoute, log, createDevice, openSocket, preparation, watchReadiness } = options;
    this.#options = options;
    this.#events = new Emitter(log);
    this.#requests = new Requests({ move: () => this.#move, connection: () => this.#connection, isAlone: () => this.#isAlone, log });
    this.#readiness = new Readiness(watchReadiness, () => this.#hearReadiness());
    this.#codecs = preparation?.codecs ?? new CodecPolicy(options.codecEnvironment ?? browserCodecEnvironment(), options.videoCodec ?? (() => undefined));
    this.#opening = new Opening({
      ...{ findRoute, log, createDevice, openSocket, preparation, codecs: this.#codecs },
      onLink: (link) => this.#adopt(link),
      onError: (error) => this.#handle({ type: 'routeFailed', error }),
    });
  }

  get connection(): ConnectionState {
    // Media outranks signaling: without it there is no call.
    return connectionStateOf(this.#state, this.#repairing.size > 0 ? 'media' : this.#isDisconnected ? 'signaling' : undefined);
  }

  subscribe(listener: (events: SessionEvent) => void): Unsubscribe {
    return this.#events.subscribe(listener);
  }

  /** Joins; after a failure, retries. */
  start(): void {
    if (this.#state.name === 'idle') {
      this.#opening.begin();
      this.#followSurroundings();
    }
    this.#handle({ type: 'start' });
  }

  /** Leaves permanently. Releasing local devices is up to their owner. */
  leave(): void {
    this.#handle({ type: 'leave' });
    this.#scope.end();
  }

  async stats(): Promise<CallStats | undefined> {
    const stats = await this.#connection?.stats();
    return stats === undefined ? undefined : { ...stats, joining: this.#opening.timeline?.rows ?? [] };
  }

  /** A frame of another participant is shown. */
  noteFrame(): void {
    this.#opening.timeline?.note('frame');
  }

  /** Sends a request to the room. Throws a ConveneError. */
  request<M extends keyof RoomRequests>(method: M, data: RoomRequests[M]): Promise<unknown> {
    return this.#requests.send(method, data);
  }

  /** Sends a chat message; returns its id and time. */
  async say(text: string): Promise<{ id: number; sentAt: number }> {
    return decodeChatSent(await this.request('sendChatMessage', { text }));
  }

  /** A page of the chat: the newest, or the one before a message. Also subscribes to new messages. */
  async history(before?: number): Promise<ChatPage> {
    return decodeChatHistory(await this.request('getChatHistory', { follow: true, before: before ?? null }));
  }

  /** Sets how videos are shown, so that no more is received than is visible. */
  receive(preferences: readonly ReceptionPreference[]): void {
    this.#connection?.receive(preferences);
    this.#move?.joined?.receive(preferences);
  }

  /** Sets whose streams are wanted, in order of preference: large rooms do not send all. Must be repeated after a rejoin; repeating is free. */
  watch(peerIds: readonly string[]): void {
    this.#connection?.watch(peerIds);
    this.#move?.joined?.watch(peerIds);
  }

  /** Publishes changes of local media; a network that is back online ends the backoff. */
  #followSurroundings(): void {
    this.#scope.onEnd(
      this.#options.localMedia.subscribe((local) => {
        void this.#connection?.publish(local);
        this.#move?.publish(local);
      }),
    );
    if (!('addEventListener' in globalThis)) return;
    const onOnline = (): void => this.#handle({ type: 'networkBack' });
    globalThis.addEventListener('online', onOnline);
    this.#scope.onEnd(() => globalThis.removeEventListener('online', onOnline));
  }

  #handle(event: MachineEvent): void {
    this.#tellChange(() => {
      const { state, effects } = transition(this.#state, event);
      this.#state = state;
      for (const effect of effects) this.#run(effect);
      if (state.name === 'closed' || state.name === 'failed') this.#lastFrames.drop();
    });
    this.#followReadiness();
  }

  /** From the first wait until joined or ended. */
  #followReadiness(): void {
    const { name } = this.#state;
    if (name === 'joined' || name === 'lobby' || name === 'closed' || name === 'failed') return this.#readiness.stop();
    if (name !== 'waiting') return;
    this.#readiness.follow();
    this.#hearReadiness();
  }

  #hearReadiness(): void {
    if (this.#state.name === 'waiting' && this.#readiness.takeReady()) this.#handle({ type: 'meetingReady' });
  }

  #tellChange(act: () => void): void {
    const before = JSON.stringify(this.connection);
    act();
    if (JSON.stringify(this.connection) !== before) this.#events.emit({ type: 'connection', connection: this.connection });
  }

  #run(effect: SessionEffect): void {
    switch (effect.type) {
      case 'openSocket':
        this.#readiness.forget();
        return this.#opening.next();
      case 'knock':
        return void this.#knock();
      case 'join':
        return void this.#join();
      case 'dropConnection':
        return this.#drop();
      case 'startTimer':
        clearTimeout(this.#timer);
        this.#timer = setTimeout(() => this.#handle({ type: 'timerFired' }), effect.ms);
        return;
      case 'stopTimer':
        return clearTimeout(this.#timer);
    }
  }

  #adopt(link: Link): void {
    this.#connection = this.#connect(link);
    this.#isOverPrepared = link.isPreparation;
    for (const direction of link.interrupted) this.#repairing.add(direction);
    if (link.isOpen) this.#handle({ type: 'socketOpened' });
  }

  #connect(link: Link): RoomConnection {
    const { displayName, log, userAgent = navigator.userAgent } = this.#options;
    const hooks = delegateTo(() => this.#hooksOf(connection));
    const connection: RoomConnection = new RoomConnection({ link, displayName, userAgent, log, hooks });
    return connection;
  }

  /** Reports of a connection that is no longer needed are ignored. */
  #hooksOf(connection: RoomConnection): RoomConnectionHooks | undefined {
    if (connection === this.#connection) return this.#hooks;
    return connection === this.#move?.next ? this.#move.hooks : undefined;
  }

  #createHooks(): RoomConnectionHooks {
    return {
      onOpen: () => {
        this.#opening.noteOpened();
        this.#handle({ type: 'socketOpened' });
      },
      onClose: (code, reason) => this.#onClose(code, reason),
      onCut: (isDisconnected) =>
        this.#tellChange(() => {
          this.#isDisconnected = isDisconnected;
        }),
      onLobby: (state) => this.#handle({ type: state === 'waiting' ? 'lobbyEntered' : 'lobbyLeft' }),
      onRoomEvent: (event) => (this.#move === undefined ? this.#events.emit(event) : this.#move.passOn(event)),
      onMediaRepairing: (direction) => this.#tellChange(() => this.#repairing.add(direction)),
      onMediaConnected: (direction) => {
        this.#tellChange(() => this.#repairing.delete(direction));
        this.#handle({ type: 'mediaConnected' });
      },
      onMediaBroken: () => {
        if (!this.#finishMove()) this.#handle({ type: 'mediaFailed' });
      },
      onVideoLost: () => {
        if (!this.#finishMove() && this.#rejoins.take(performance.now())) this.#handle({ type: 'mediaFailed' });
      },
      onPublishError: (kind, error) => this.#events.emit({ type: 'publishFailed', kind, error }),
      onMoving: (notice) => this.#beginMove(notice),
      // Without another connection, the server closes this one and the session connects again.
      onOver: () => void this.#finishMove(),
    };
  }

  #onClose(code: number, reason: string): void {
    if (isTicketRefused(code, reason)) this.#opening.noteRefused();
    if (this.#move !== undefined && code !== FINAL_CLOSE_CODE) return this.#awaitMove(code, reason);
    this.#handle(this.#isPreparationLost(code) ? { type: 'preparationLost' } : { type: 'socketClosed', code, reason });
  }

  /** The meeting continues on another server. */
  #beginMove({ ticket, deadlineSeconds }: Moving): void {
    this.#opening.useTicket(ticket ?? undefined);
    const { findRoute, log, localMedia } = this.#options;
    if (deadlineSeconds === 0 || this.#connection?.hasJoined !== true || this.#move !== undefined) return;
    log.info('moving: the meeting continues on another server');
    this.#move = new Move({
      ...{ old: this.#connection, findRoute, ticket: ticket ?? undefined, local: localMedia, log },
      open: (route) => this.#connect(this.#opening.linkTo(route)),
      onEvents: (events) => events.forEach((event) => this.#events.emit(event)),
      onJoined: () => {
        if (this.#isAlone) this.#finishMove();
        this.#requests.hurry();
      },
      onRefused: (code, reason) => this.#handle({ type: 'socketClosed', code, reason }),
      onPublishError: (kind, error) => this.#hooks.onPublishError(kind, error),
    });
  }

  /** The next connection becomes the current one; false if there is none that has joined. */
  #finishMove(): boolean {
    const [move, old, next] = [this.#move, this.#connection, this.#move?.joined];
    if (move === undefined || old === undefined || next === undefined) return false;
    this.#tellChange(() => {
      this.#lastFrames.keep(old);
      this.#requests.expect(move.both);
      this.#connection = next;
      this.#resetInterruption(move.isCut);
      for (const direction of move.interrupted) this.#repairing.add(direction);
      move.finish();
      this.#move = undefined;
    });
    this.#lastFrames.release(LINGER_MS);
    if (move.notice !== undefined) this.#beginMove(move.notice);
    return true;
  }

  /** The old connection is gone before there is another one. */
  #awaitMove(code: number, reason: string): void {
    if (this.#finishMove()) return;
    // Its media cannot be repaired any longer, and may still arrive for a moment.
    this.#connection?.closeSignaling();
    this.#tellChange(() => {
      this.#isDisconnected = true;
    });
    this.#aloneTimer = setTimeout(() => this.#handle({ type: 'socketClosed', code, reason }), ALONE_MS);
  }

  /** Whether the connection is gone, and the next one has not joined yet. */
  get #isAlone(): boolean {
    return this.#aloneTimer !== undefined;
  }

  /** The state of another connection, or of none. */
  #resetInterruption(isDisconnected: boolean): void {
    clearTimeout(this.#aloneTimer);
    this.#aloneTimer = undefined;
    this.#isDisconnected = isDisconnected;
    this.#repairing.clear();
  }

  /** What was prepared ended in the moment in which it was needed; the meeting may be as fine as without it. */
  #isPreparationLost(code: number): boolean {
    const { name } = this.#state;
    return this.#isOverPrepared && code !== FINAL_CLOSE_CODE && (name === 'opening' || name === 'joining');
  }

  async #join(): Promise<void> {
    const connection = this.#connection;
    if (connection === undefined) return;
    const join = (this.#joins += 1);
    const isCurrent = (): boolean => connection === this.#connection && join === this.#joins;
    try {
      await connection.join(isCurrent);
    } catch (error) {
      if (!isCurrent()) return;
      this.#options.log.warn('could not join', error);
      const closing = closingOf(error);
      this.#handle(closing === undefined ? { type: 'joinFailed', error: joinErrorOf(error) } : { type: 'socketClosed', ...closing });
      return;
    }
    if (!isCurrent()) return;
    this.#isOverPrepared = false;
    this.#handle({ type: 'joinSucceeded' });
    this.#requests.hurry();
    this.#lastFrames.release(0);
    // What others send comes first: it is what the user waits for.
    await connection.offersTaken();
    await connection.publish(this.#options.localMedia.state);
  }

  async #knock(): Promise<void> {
    this.#joins += 1;
    try {
      await this.#connection?.knock();
    } catch (error) {
      // Ignored: moderators see and can admit a peer without a name, too.
      this.#options.log.warn('could not send the name to the lobby', error);
    }
  }

  #drop(): void {
    this.#opening.cancel();
    this.#isOverPrepared = false;
    this.#move?.end();
    this.#move = undefined;
    const dropped = this.#connection;
    this.#connection = undefined;
    this.#requests.expect(undefined);
    this.#resetInterruption(false);
    if (dropped === undefined) return;
    this.#lastFrames.hold();
    dropped.closeSignaling();
    // A connection that never joined has no frames to keep: the older ones stay.
    if (dropped.hasJoined) this.#lastFrames.keep(dropped);
    else dropped.close();
  }
}
