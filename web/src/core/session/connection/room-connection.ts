/**
 * One connection to a room, over a link: joins, publishes, receives, and ends as a whole.
 *
 * It never reconnects. The session creates a new one instead, and may keep the media of the old one until then.
 */

import type { types } from 'mediasoup-client';
import { describeBrowser } from '../../browser';
import type { Moving, ServerNotification } from '../../../generated/messages';
import { ConveneError } from '../../errors';
import type { Log } from '../../log';
import type { LocalMediaState } from '../../media/local-media';
import { decodeChatHistory, decodeJoin, decodeNewConsumer, decodeNotification } from '../../signaling/decode';
import type { JsonRecord } from '../../signaling/json';
import type { RoomRequests, Requester } from '../../signaling/requester';
import type { RoomEvent } from '../events';
import type { RoomConnectionHooks } from './hooks';
import type { Link, LinkMedia } from './link';
import { VideoRepair, type ExpectedVideo } from '../video/video-repair';
import type { Publisher } from './publisher';
import { Receiver } from './receiver';
import { Renewal } from './renewal';
import { Reception, type ReceptionPreference } from '../video/reception';
import { Contents } from '../moving/contents';
import { roomEventOf } from './room-events';
import { summarizePath, summarizeReceived, summarizeSent, type CallStats } from './stats';

export interface RoomConnectionOptions {
  /** Not used by anything else from now on. */
  link: Link;
  displayName: string;
  userAgent: string;
  log: Log;
  hooks: RoomConnectionHooks;
}

/** At most this many unknown methods are logged, whatever the server sends. */
const MOST_NOTED = 20;

export class RoomConnection {
  readonly #options: RoomConnectionOptions;
  readonly #link: Link;
  /** What it has reported so far. */
  readonly contents = new Contents();
  readonly #ignored = new Set<string>();
  #hasJoined = false;
  /** Whether the meeting is on another server now, where signaling of this connection is unknown. */
  #isLeaving = false;
  /** The join that is not answered yet; in the lobby that takes as long as the moderators take. */
  #joining: Promise<unknown> | undefined;
  #isInLobby = false;
  /** Whether there are participants whose streams will be offered. */
  #isExpecting = false;
  #publisher: Publisher | undefined;
  #receiver: Receiver | undefined;
  #reception: Reception | undefined;
  #sendTransport: types.Transport | undefined;
  /** What is to be sent, as last said. */
  #local: LocalMediaState | undefined;
  readonly #renewal: Renewal;

  constructor(options: RoomConnectionOptions) {
    this.#options = options;
    this.#link = options.link;
    const { hooks } = options;
    this.#link.handTo({
      ...hooks,
      onGreeting: () => undefined,
      mayResume: () => !this.#isLeaving,
      onPublishError: (kind, error) => {
        if (!this.#endUnanswered(error)) hooks.onPublishError(kind, error);
      },
      onNotification: (method, data) => this.#receiveNotification(method, data),
      onRequest: (method, data) => this.#receiveRequest(method, data),
    });
    this.#renewal = new Renewal({
      takeLost: () => this.contents.takeTracks(),
      renew: () => this.#renew(),
      tell: (event) => hooks.onRoomEvent(event),
      onFailed: () => hooks.onMediaBroken(),
      log: options.log,
      lifetime: this.#link.repairing,
    });
  }

  /**
   * The join sequence of the demo protocol. Over a prepared link, the request is sent before this returns. Throws a ConveneError. In
   * the lobby the first request is answered only after admission; by then another join may have started, and this one is obsolete.
   */
  async join(isWanted: () => boolean): Promise<void> {
    const media = this.#link.media ?? (await this.#link.setUp());
    if (!isWanted()) return;
    this.#start(media);
    const joining = (this.#joining ??= this.#requestJoin(media.device));
    // Not if the server is near: then nothing is gained, and the browser has its hands free for what others send.
    if (this.#link.isFar) media.publisher.announceEarly();
    const peers = decodeJoin(await joining);
    if (!isWanted()) return;
    this.#link.timeline.note('joined');
    this.#hasJoined = true;
    this.#isExpecting = peers.some(({ sends }) => sends?.audio === true || sends?.video === true);
    this.#tell({ type: 'joined', peers });
    void this.#fetchChat();
  }

  /** Before the request: offers may arrive before its answer. */
  #start(media: LinkMedia): void {
    if (this.#receiver !== undefined) return;
    this.#use(media);
    this.#repairVideos();
  }

  #use({ sending, receiving, publisher }: LinkMedia): void {
    this.#sendTransport = sending;
    this.#receiver = new Receiver(receiving.transport, (event) => this.#emitMedia(event), this.#options.log);
    this.#reception = new Reception(this.#requester);
    this.#publisher = publisher;
  }

  async #renew(): Promise<void> {
    this.#isExpecting = !(this.#receiver?.isEmpty ?? true);
    this.#use(await this.#link.renew());
    void this.#publishAgain();
  }

  /** As after a join: first what others send, for encoders that start take the browser's time. */
  async #publishAgain(): Promise<void> {
    await this.offersTaken();
    if (this.#local !== undefined) await this.publish(this.#local);
  }

  async #requestJoin({ recvRtpCapabilities: rtpCapabilities }: types.Device): Promise<unknown> {
    const { displayName, userAgent } = this.#options;
    const isHeld = (): boolean => this.#isInLobby;
    try {
      const asked = this.#requester.request('join', { displayName, device: describeBrowser(userAgent), rtpCapabilities }, isHeld);
      this.#link.timeline.note('join');
      return await asked;
    } catch (error) {
      // A join that is refused in the lobby is sent again after admission.
      this.#joining = undefined;
      throw error;
    }
  }

  #emitMedia(event: RoomEvent): void {
    if (event.type === 'trackAdded' && event.remote.kind === 'video') this.#link.timeline.note('consumer');
    this.#tell(event);
  }

  #tell(event: RoomEvent): void {
    this.#options.hooks.onRoomEvent(event);
    this.contents.note(event);
  }

  /** Sends the display name to the moderators while in the lobby. */
  async knock(): Promise<void> {
    const { displayName, userAgent } = this.#options;
    await this.#requester.request('knock', { displayName, device: describeBrowser(userAgent) });
  }

  /** Sends a request to the room. Throws a ConveneError. */
  request<M extends keyof RoomRequests>(method: M, data: RoomRequests[M]): Promise<unknown> {
    return this.#link.ask(method, data);
  }

  /** Sets how videos are shown now. */
  receive(preferences: readonly ReceptionPreference[]): void {
    this.#reception?.sync(preferences.filter(({ consumerId }) => this.#receiver?.has(consumerId) === true));
  }

  /** Sets whose streams come first. The room accepts it only after the join. */
  watch(peerIds: readonly string[]): void {
    if (this.#hasJoined) this.#reception?.watch(peerIds);
  }

  /** Resolves once the offers that came with the join were taken, after a while in any case. */
  async offersTaken(): Promise<void> {
    await this.#receiver?.settled({ isExpecting: this.#isExpecting });
  }

  /** Publishes devices that are on, unpublishes those that are off. Before the join, they are only negotiated. */
  async publish(local: LocalMediaState): Promise<void> {
    this.#local = local;
    if (this.#hasJoined) this.#publisher?.admit();
    await this.#publisher?.sync(local);
  }

  async stats(): Promise<CallStats> {
    const transport = this.#sendTransport;
    const [received, sent, path] = await Promise.all([
      this.#receiver?.reports() ?? [],
      this.#publisher?.reports() ?? [],
      transport === undefined || transport.closed ? undefined : transport.getStats(),
    ]);
    return {
      takenAt: performance.now(),
      received: received.map(summarizeReceived),
      sent: sent.map(summarizeSent),
      path: path === undefined ? undefined : summarizePath(path),
    };
  }

  /** Whether sending is limited by the processor or the network. */
  async isShort(): Promise<boolean> {
    return (await this.#publisher?.isShort()) ?? false;
  }

  /** Sends only the smallest layer of each video, until it is called again. Call it after the join. */
  spare(isSparing: boolean): void {
    this.#publisher?.spare(isSparing);
  }

  /** Sets whether the CPU load counts for the choice of the codec. Call it after the join. */
  measure(isMeasured: boolean): void {
    this.#publisher?.measure(isMeasured);
  }

  /** Whether media is connected in both directions, and all videos that are on screen have arrived, as far as they are sent. */
  async isFlowing(): Promise<boolean> {
    if (this.#receiver?.isEmpty === false && this.#link.media?.receiving.transport.connectionState !== 'connected') return false;
    if (this.#publisher?.isEmpty === false && this.#sendTransport?.connectionState !== 'connected') return false;
    const expected = (this.#receiver?.pictures() ?? []).filter(({ consumerId, isWithheld }) => !isWithheld && this.#reception?.isHidden(consumerId) !== true);
    const frames = await this.#receiver?.frames(expected.map(({ consumerId }) => consumerId));
    return expected.every(({ consumerId }) => (frames?.get(consumerId) ?? 0) > 0);
  }

  /** Tells the server that everything is received from the next one. */
  reportMoved(): void {
    this.#requester.notify('moved', {});
  }

  /** Whether this connection may have delivered video. */
  get hasJoined(): boolean {
    return this.#hasJoined;
  }

  /** Closes signaling only: media continues while the server still sends. */
  closeSignaling(): void {
    this.#link.closeSignaling();
  }

  /** Closes everything except receiving: browsers keep the last frame of a track until its transport is closed. */
  closeSending(): void {
    this.#link.closeSending();
  }

  close(): void {
    this.#link.close();
  }

  get #requester(): Requester {
    return this.#link.signaling;
  }

  /** Ends with signaling. */
  #repairVideos(): void {
    const { hooks, log } = this.#options;
    const mender = new VideoRepair({
      expected: () => this.#expectedVideos(),
      frames: async (consumerIds) => (await this.#receiver?.frames(consumerIds)) ?? new Map<string, number>(),
      signaling: this.#requester,
      log,
      onStalled: (consumerId, isStalled) => this.#tell({ type: 'trackStalled', consumerId, isStalled }),
      restartIce: () => this.#link.media?.receiving.restartIce(),
      rejoin: () => hooks.onVideoLost(),
    });
    this.#link.repairing.onEnd(() => mender.close());
  }

  /** While a connection is established or repaired nothing can arrive; that has its own limits. */
  #expectedVideos(): ExpectedVideo[] {
    const connectionState = this.#link.media?.receiving.transport.connectionState;
    if (connectionState !== 'connected' && connectionState !== 'new') return [];
    return (this.#receiver?.pictures() ?? []).filter(({ consumerId }) => this.#reception?.isSeen(consumerId) === true);
  }

  #receiveRequest(method: string, data: JsonRecord): Promise<void> | undefined {
    return method === 'newConsumer' ? this.#addConsumer(data) : undefined;
  }

  async #addConsumer(data: JsonRecord): Promise<void> {
    // Offers for a transport that is being created.
    if (this.#renewal.isRunning) await this.#renewal.done();
    if (this.#receiver === undefined) throw new ConveneError('request-refused', 'not joined yet');
    try {
      const offer = decodeNewConsumer(data);
      if (offer.type === 'simulcast') this.#reception?.start(offer.consumerId);
      await this.#receiver.add(offer);
    } catch (error) {
      this.#endUnanswered(error);
      throw error;
    }
  }

  /**
   * Whether a media request was never answered. Its effect on the server is unknown: a participant might stay invisible
   * or inaudible for the rest of the call. A new join resolves it.
   */
  #endUnanswered(error: unknown): boolean {
    const isUnanswered = error instanceof ConveneError && error.code === 'request-timeout';
    if (isUnanswered) this.#options.hooks.onMediaBroken();
    return isUnanswered;
  }

  #receiveNotification(method: string, data: JsonRecord): void {
    const decoded = decodeNotification(method, data);
    if (decoded.kind === 'known') this.#take(decoded.message);
    else this.#noteIgnored(decoded.kind, method, data);
  }

  /** Logs each method once: a newer server may send it every second. */
  #noteIgnored(kind: 'unknown' | 'malformed', method: string, data: JsonRecord): void {
    const note = `ignored the ${kind} notification "${method}"`;
    if (this.#ignored.has(note) || this.#ignored.size === MOST_NOTED) return;
    this.#ignored.add(note);
    // Values may be secret.
    this.#options.log.info(note, Object.keys(data));
  }

  /** Loads the chat history and follows new messages. The call does not depend on it. */
  async #fetchChat(): Promise<void> {
    try {
      const page = decodeChatHistory(await this.#requester.request('getChatHistory', { follow: true, before: null }));
      this.#tell({ type: 'chatHistory', page });
    } catch (error) {
      this.#options.log.info('could not load the chat', error);
    }
  }

  #noteLobby(state: 'waiting' | 'admitted'): void {
    this.#isInLobby = state === 'waiting';
    this.#options.hooks.onLobby(state);
  }

  #noteLayers(consumerId: string, hasLayers: boolean): void {
    this.#receiver?.noteLayers(consumerId, hasLayers);
    if (hasLayers) this.#reception?.flows(consumerId);
  }

  #noteClosed(consumerId: string): void {
    this.#receiver?.remove(consumerId);
    this.#reception?.forget(consumerId);
  }

  #leave(notice: Moving): void {
    this.#isLeaving = true;
    this.#publisher?.keep();
    this.#options.hooks.onMoving(notice);
  }

  #take(message: ServerNotification): void {
    // Of consumers whose offers wait until there are transports for them.
    if (this.#renewal.isRunning && message.method.startsWith('consumer')) return void this.#renewal.done().then(() => this.#take(message));
    const { hooks, log } = this.#options;
    if (message.method === 'consumerScore') this.#receiver?.noteScore(message.data.consumerId, message.data.score);
    const event = roomEventOf(message);
    if (event?.type === 'ownScore') this.#publisher?.noteScore(event.producerId, event.score);
    if (event?.type === 'trackWithheld') this.#noteLayers(event.consumerId, !event.isWithheld);
    if (event !== undefined) return this.#tell(event);
    if (message.method === 'moving') return this.#leave(message.data);
    if (message.method === 'over') return hooks.onOver();
    if (message.method === 'transportsLost') return this.#renewal.start();
    if (message.method === 'lobby') return this.#noteLobby(message.data.state);
    if (message.method === 'producerLayers') this.#publisher?.limitLayers(message.data.producerId, message.data.spatialLayer);
    if (message.method === 'consumerPaused') this.#receiver?.setPaused(message.data.consumerId, true);
    if (message.method === 'consumerResumed') this.#receiver?.setPaused(message.data.consumerId, false);
    if (message.method === 'consumerClosed') this.#noteClosed(message.data.consumerId);
    if (message.method === 'mediasoupVersion') log.info(`the server runs mediasoup ${message.data.version}`);
  }
}
