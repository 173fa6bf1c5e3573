/**
 * Receives only what is looked at: tells the server which pictures to hold back, in which size to send the others, and whose streams come
 * first where there are more than it sends.
 *
 * It sends differences alone, and forgets what it said of consumers that are gone.
 */

import type { Requester } from '../../signaling/requester';

/** How a picture is shown now. */
export interface ReceptionWish {
  consumerId: string;
  /** Nobody sees it. */
  isHidden: boolean;
  /** Largest size that is of use: 0 is the smallest. */
  spatialLayer: number;
  /** Frames: 0 is the fewest. */
  temporalLayer: number;
  /** 1 to 255; the higher is served first when the network cannot carry all. */
  priority: number;
}

/** What the server does before it is told anything: sends all there is. */
const UNTOLD = { isHidden: false, spatialLayer: -1, temporalLayer: -1, priority: -1 };

export class Reception {
  readonly #signaling: Requester;
  readonly #told = new Map<string, Omit<ReceptionWish, 'consumerId'>>();
  /** Nobody: what a server that was told nothing goes by. */
  #watched: readonly string[] = [];

  constructor(signaling: Requester) {
    this.#signaling = signaling;
  }

  /** Wishes for all pictures there are; others are forgotten. */
  sync(wishes: readonly ReceptionWish[]): void {
    const wanted = new Set(wishes.map(({ consumerId }) => consumerId));
    for (const consumerId of this.#told.keys()) if (!wanted.has(consumerId)) this.#told.delete(consumerId);
    for (const wish of wishes) this.#tell(wish);
  }

  /** Whose streams are wanted, the most wanted first. */
  watch(peerIds: readonly string[]): void {
    const isTold = peerIds.length === this.#watched.length && peerIds.every((peerId, index) => peerId === this.#watched[index]);
    if (isTold) return;
    this.#watched = [...peerIds];
    this.#signaling.notify('setWatchedPeers', { peerIds: [...peerIds] });
  }

  /** Whether somebody looks at the picture. */
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
    // Last, so that the first picture after a pause has the right size already.
    if (told.isHidden) this.#signaling.notify('resumeConsumer', { consumerId });
    this.#told.set(consumerId, wish);
  }
}
