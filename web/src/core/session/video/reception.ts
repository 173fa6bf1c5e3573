/**
 * Receives only what is on screen: tells the server which videos to pause, in which size to send the others, and whose streams come
 * first if there are more than it sends.
 *
 * A video starts in its smallest size, which its sender always encodes and which is there soonest; larger ones are requested once it flows.
 *
 * It sends only changes, and forgets consumers that are closed.
 */

import type { Requester } from '../../signaling/requester';

/** How a video is shown now. */
export interface ReceptionPreference {
  consumerId: string;
  /** Not on screen. */
  isHidden: boolean;
  /** The largest useful size: 0 is the smallest. */
  spatialLayer: number;
  /** Frame rate: 0 is the lowest. */
  temporalLayer: number;
  /** 1 to 255; higher ones are served first when bandwidth is short. */
  priority: number;
}

/** The server's default: everything is sent. */
const UNTOLD = { isHidden: false, spatialLayer: -1, temporalLayer: -1, priority: -1 };
const SMALLEST = { spatialLayer: 0, temporalLayer: 2 };

export class Reception {
  readonly #signaling: Requester;
  #listed: ReadonlySet<string> = new Set();
  readonly #sent = new Map<string, Omit<ReceptionPreference, 'consumerId'>>();
  /** Videos that do not flow yet, with the latest preference for them. */
  readonly #starting = new Map<string, ReceptionPreference | undefined>();
  /** The server's default: no preference. */
  #watched: readonly string[] = [];

  constructor(signaling: Requester) {
    this.#signaling = signaling;
  }

  /** Replaces the preferences of all videos. Those not listed stay as they are, and are not on screen. */
  sync(preferences: readonly ReceptionPreference[]): void {
    this.#listed = new Set(preferences.map(({ consumerId }) => consumerId));
    for (const preference of preferences) this.#sync(preference);
  }

  /** For a new video of several sizes, before it is accepted. */
  start(consumerId: string): void {
    this.#starting.set(consumerId, undefined);
    this.#signaling.notify('setConsumerPreferredLayers', { consumerId, ...SMALLEST });
  }

  /** The server has begun to forward a video. */
  flows(consumerId: string): void {
    const preference = this.#starting.get(consumerId);
    this.#starting.delete(consumerId);
    if (preference !== undefined) this.#send(preference);
  }

  /** A video has ended. */
  forget(consumerId: string): void {
    this.#starting.delete(consumerId);
    this.#sent.delete(consumerId);
  }

  /** Peers whose streams are wanted, in order of preference. */
  watch(peerIds: readonly string[]): void {
    const isReported = peerIds.length === this.#watched.length && peerIds.every((peerId, index) => peerId === this.#watched[index]);
    if (isReported) return;
    this.#watched = [...peerIds];
    this.#signaling.notify('setWatchedPeers', { peerIds: [...peerIds] });
  }

  /** Whether the video is on screen. */
  isSeen(consumerId: string): boolean {
    return this.#listed.has(consumerId) && this.#sent.get(consumerId)?.isHidden === false;
  }

  /** Whether the video is known not to be on screen. */
  isHidden(consumerId: string): boolean {
    return this.#sent.get(consumerId)?.isHidden === true;
  }

  #sync(preference: ReceptionPreference): void {
    const isStarting = this.#starting.has(preference.consumerId);
    if (isStarting) this.#starting.set(preference.consumerId, preference);
    this.#send(isStarting ? { ...preference, ...SMALLEST } : preference);
  }

  #send({ consumerId, ...preference }: ReceptionPreference): void {
    const sent = this.#sent.get(consumerId) ?? (this.#starting.has(consumerId) ? { ...UNTOLD, ...SMALLEST } : UNTOLD);
    if (preference.isHidden) {
      if (!sent.isHidden) this.#signaling.notify('pauseConsumer', { consumerId });
      this.#sent.set(consumerId, { ...sent, isHidden: true });
      return;
    }
    if (sent.spatialLayer !== preference.spatialLayer || sent.temporalLayer !== preference.temporalLayer) {
      const { spatialLayer, temporalLayer } = preference;
      this.#signaling.notify('setConsumerPreferredLayers', { consumerId, spatialLayer, temporalLayer });
    }
    if (sent.priority !== preference.priority) this.#signaling.notify('setConsumerPriority', { consumerId, priority: preference.priority });
    // Last, so that the first frame after a pause already has the right size.
    if (sent.isHidden) this.#signaling.notify('resumeConsumer', { consumerId });
    this.#sent.set(consumerId, preference);
  }
}
