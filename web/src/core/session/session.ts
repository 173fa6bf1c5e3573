/**
 * A participant's stay in a meeting: runs the session machine, owns the connection, and emits events.
 *
 * The machine makes all decisions about connecting; here they are carried out. It knows no views, frameworks or UI texts.
 */

import { Device } from 'mediasoup-client';
import type { Direction } from '../../generated/messages';
import { Emitter, type Unsubscribe } from '../emitter';
import { ConveneError, toConveneError } from '../errors';
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
import { INITIAL_STATE, transition, type SessionEffect, type MachineEvent, type SessionState } from './machine';
import { Link } from './connection/link';
import { RoomConnection, type RoomConnectionHooks } from './connection/room-connection';
import { RejoinAllowance } from './video/video-stall';
import type { Preparation } from './preparation';
import { Readiness, type ReadinessWatch } from './readiness';
import type { ReceptionPreference } from './video/reception';
import type { Route, RouteFinder } from './connection/route';
import type { CallStats } from './connection/stats';
import { joinLineOf, JoinTimeline } from './timeline';

/** How long last frames are kept after a rejoin: the other participants return one by one. */
export const LAST_FRAMES_KEPT_MS = 15_000;

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
  readonly #rejoins = new RejoinAllowance();
  #state: SessionState = INITIAL_STATE;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #connection: RoomConnection | undefined;
  #preparation: Preparation | undefined;
  /** Whether the current connection was prepared, and has not joined yet. */
  #isOverPrepared = false;
  /** Of the first join; later ones are not measured. */
  #timeline: JoinTimeline | undefined;
  #startedAt = 0;
  /** The previous connection, whose last frames are shown until new ones arrive. */
  #previous: RoomConnection | undefined;
  #picturesTimer: ReturnType<typeof setTimeout> | undefined;
  /** Counts route requests: a late answer is dropped. */
  #attempt = 0;
  /** Counts joins: one that the lobby replaced is dropped. */
  #joins = 0;
  /** Whether the latest socket opened: a ticket that failed to open one is not reused. */
  #hasOpened = true;
  /** Whether signaling is down and may resume. */
  #isDisconnected = false;
  /** Directions in which media is interrupted. */
  readonly #repairing = new Set<Direction>();

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#events = new Emitter(options.log);
    this.#readiness = new Readiness(options.watchReadiness, () => this.#hearReadiness());
    this.#preparation = options.preparation;
    this.#codecs =
      options.preparation?.codecs ?? new CodecPolicy(options.codecEnvironment ?? browserCodecEnvironment(), options.videoCodec ?? (() => undefined));
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
      this.#startedAt = performance.now();
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
    return stats === undefined ? undefined : { ...stats, joining: this.#timeline?.rows ?? [] };
  }

  /** A frame of another participant is shown. */
  noteFrame(): void {
    this.#timeline?.note('frame');
  }

  /** Sends a request to the room. Throws a ConveneError. */
  request<M extends keyof RoomRequests>(method: M, data: RoomRequests[M]): Promise<unknown> {
    return this.#connection?.request(method, data) ?? Promise.reject(new ConveneError('connection-closed', `"${method}": not connected`));
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
  }

  /** Sets whose streams are wanted, in order of preference: large rooms do not send all. Must be repeated after a rejoin; repeating is free. */
  watch(peerIds: readonly string[]): void {
    this.#connection?.watch(peerIds);
  }

  /** Publishes changes of local media; a network that is back online ends the backoff. */
  #followSurroundings(): void {
    this.#scope.onEnd(this.#options.localMedia.subscribe((local) => void this.#connection?.publish(local)));
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
      if (state.name === 'closed' || state.name === 'failed') this.#closePrevious();
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
        return this.#findRoute();
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

  /** A known route is used synchronously: a reconnect must not wait. */
  #findRoute(): void {
    const attempt = (this.#attempt += 1);
    this.#readiness.forget();
    const link = this.#preparation?.take();
    this.#preparation = undefined;
    if (link instanceof Link) return this.#adopt(link);
    if (link === undefined) return this.#findFreshRoute(attempt);
    void link.then((prepared) => {
      if (attempt !== this.#attempt) prepared?.close();
      else if (prepared === undefined) this.#findFreshRoute(attempt);
      else this.#adopt(prepared);
    });
  }

  #findFreshRoute(attempt: number): void {
    this.#measure(new JoinTimeline());
    const found = this.#options.findRoute({ isRefused: !this.#hasOpened });
    this.#hasOpened = false;
    if (!(found instanceof Promise)) return this.#open(found);
    found.then(
      (route) => {
        if (attempt === this.#attempt) this.#open(route);
      },
      (error: unknown) => {
        if (attempt === this.#attempt) this.#handle({ type: 'routeFailed', error: toConveneError(error, 'server-unreachable') });
      },
    );
  }

  #measure(timeline: JoinTimeline): void {
    if (this.#timeline !== undefined) return;
    this.#timeline = timeline;
    timeline.note('click', this.#startedAt);
    timeline.onEnd((rows) => this.#options.log.info(`joined: ${joinLineOf(rows)}`));
  }

  /** Goes on with a link that was prepared, or is being prepared. */
  #adopt(link: Link): void {
    this.#measure(link.timeline);
    this.#isOverPrepared = true;
    this.#hasOpened = link.isOpen;
    this.#connect(link);
    for (const direction of link.interrupted) this.#repairing.add(direction);
    if (link.isOpen) this.#handle({ type: 'socketOpened' });
  }

  #open(route: Route): void {
    const { log, openSocket, findRoute, createDevice = () => Device.factory() } = this.#options;
    const timeline = this.#timeline ?? new JoinTimeline();
    timeline.note('ticket');
    this.#connect(new Link({ route, findRoute, log, createDevice, codecs: this.#codecs, openSocket, timeline }));
  }

  #connect(link: Link): void {
    const { displayName, log, userAgent = navigator.userAgent } = this.#options;
    const hooks = this.#hooksFor(() => connection);
    const connection: RoomConnection = new RoomConnection({ link, displayName, userAgent, log, hooks });
    this.#connection = connection;
  }

  /** Ignores reports of a connection that is no longer the current one. */
  #hooksFor(self: () => RoomConnection): RoomConnectionHooks {
    const ifCurrent = (act: () => void): void => {
      if (self() === this.#connection) act();
    };
    return {
      onOpen: () =>
        ifCurrent(() => {
          this.#hasOpened = true;
          this.#handle({ type: 'socketOpened' });
        }),
      onClose: (code, reason) =>
        ifCurrent(() => {
          if (isTicketRefused(code, reason)) this.#hasOpened = false;
          this.#handle(this.#isPreparationLost(code) ? { type: 'preparationLost' } : { type: 'socketClosed', code, reason });
        }),
      onCut: (isDisconnected) =>
        ifCurrent(() =>
          this.#tellChange(() => {
            this.#isDisconnected = isDisconnected;
          }),
        ),
      onLobby: (state) => ifCurrent(() => this.#handle({ type: state === 'waiting' ? 'lobbyEntered' : 'lobbyLeft' })),
      onRoomEvent: (event) => ifCurrent(() => this.#events.emit(event)),
      onMediaRepairing: (direction) => ifCurrent(() => this.#tellChange(() => this.#repairing.add(direction))),
      onMediaConnected: (direction) =>
        ifCurrent(() => {
          this.#tellChange(() => this.#repairing.delete(direction));
          this.#handle({ type: 'mediaConnected' });
        }),
      onMediaBroken: () => ifCurrent(() => this.#handle({ type: 'mediaFailed' })),
      onVideoLost: () =>
        ifCurrent(() => {
          if (this.#rejoins.take(performance.now())) this.#handle({ type: 'mediaFailed' });
        }),
      onPublishError: (kind, error) => ifCurrent(() => this.#events.emit({ type: 'publishFailed', kind, error })),
    };
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
    this.#previous?.closeSending();
    this.#picturesTimer = setTimeout(() => this.#closePrevious(), LAST_FRAMES_KEPT_MS);
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
    this.#attempt += 1;
    this.#preparation?.drop();
    this.#preparation = undefined;
    this.#isOverPrepared = false;
    const dropped = this.#connection;
    this.#connection = undefined;
    this.#isDisconnected = false;
    this.#repairing.clear();
    if (dropped === undefined) return;
    clearTimeout(this.#picturesTimer);
    dropped.closeSignaling();
    // A connection that never joined has no frames to keep: the older ones stay.
    if (!dropped.hasJoined) return dropped.close();
    this.#previous?.close();
    this.#previous = dropped;
  }

  #closePrevious(): void {
    clearTimeout(this.#picturesTimer);
    this.#previous?.close();
    this.#previous = undefined;
    this.#events.emit({ type: 'lastFramesDropped' });
  }
}
