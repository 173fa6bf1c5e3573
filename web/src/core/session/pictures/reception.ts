/**
 * Receives only what is on screen: tells the server which videos to pause, in which size to send the others, and whose streams come
 * first if there are more than it sends.
 *
 * It sends only changes, and forgets consumers that are closed.
 */

import type { Requester } from '../../signaling/requester';

/** How a video is shown now. */
export interface ReceptionWish {
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

export class Reception {
  readonly #signaling: Requester;
  readonly #told = new Map<string, Omit<ReceptionWish, 'consumerId'>>();
  /** The server's default: no preference. */
  #watched: readonly string[] = [];

  constructor(signaling: Requester) {
    this.#signaling = signaling;
  }

  /** Replaces the preferences of all videos; those not listed are forgotten. */
  sync(wishes: readonly ReceptionWish[]): void {
    const wanted = new Set(wishes.map(({ consumerId }) => consumerId));
    for (const consumerId of this.#told.keys()) if (!wanted.has(consumerId)) this.#told.delete(consumerId);
    for (const wish of wishes) this.#tell(wish);
  }

  /** Peers whose streams are wanted, the most wanted first. */
  watch(peerIds: readonly string[]): void {
    const isTold = peerIds.length === this.#watched.length && peerIds.every((peerId, index) => peerId === this.#watched[index]);
    if (isTold) return;
    this.#watched = [...peerIds];
    this.#signaling.notify('setWatchedPeers', { peerIds: [...peerIds] });
  }

  /** Whether the video is on screen. */
  isSeen(consumerId: string): boolean {
    return this.#told.get(consumerId)?.isHidden === false;
  }

  #tell({ consumerId, ...wish }: ReceptionWish): void {
    const told = this.#told.get(consumerId) ?? UNTOLD;
    if (wish.isHidden) {
      if (!told.isHidden) this.#signaling.notify('pauseConsumer', { consumerId });
      this.#told.set(consumerId, { ...told, isHidden: true });
      return;
    }
    if (told.spatialLayer !== wish.spatialLayer || told.temporalLayer !== wish.temporalLayer) {
      const { spatialLayer, temporalLayer } = wish;
      this.#signaling.notify('setConsumerPreferredLayers', { consumerId, spatialLayer, temporalLayer });
    }
    if (told.priority !== wish.priority) this.#signaling.notify('setConsumerPriority', { consumerId, priority: wish.priority });
    // Last, so that the first frame after a pause already has the right size.
    if (told.isHidden) this.#signaling.notify('resumeConsumer', { consumerId });
    this.#told.set(consumerId, wish);
  }
}
