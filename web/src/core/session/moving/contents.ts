/**
 * What one connection has reported of its room: participants and streams. A client that moves between servers compares those of both.
 *
 * It decides nothing and knows nothing of other connections.
 */

import type { Sends } from '../../../generated/messages';
import type { Peer } from '../../signaling/peers';
import type { RemoteTrack, RoomEvent } from '../events';

const KINDS: readonly (keyof Sends)[] = ['audio', 'video', 'share'];

/** What a stream shows, whichever server it comes from. */
function identityOf({ peerId, source, kind }: Pick<RemoteTrack, 'peerId' | 'source' | 'kind'>): string {
  return `${kind} ${source} ${peerId}`;
}

export class Contents {
  /** By peerId. */
  readonly #peers = new Map<string, Peer>();
  /** What each peer sends or has sent before, by peerId. */
  readonly #started = new Map<string, Set<keyof Sends>>();
  /** By consumerId. */
  readonly #tracks = new Map<string, RemoteTrack>();
  #viewers: RoomEvent = { type: 'viewers', count: 0 };
  #viewerHands: RoomEvent = { type: 'viewerHands', count: 0, hands: [] };
  #hasJoined = false;

  note(event: RoomEvent): void {
    switch (event.type) {
      case 'joined':
        this.#hasJoined = true;
        for (const peer of event.peers) this.#add(peer);
        return;
      case 'peerJoined':
        return this.#add(event.peer);
      case 'peerLeft':
        return this.#forget(event.peerId);
      case 'peerChanged':
        return this.#change(event.peerId, { peerStatus: event.peerStatus });
      case 'peerSends':
        return this.#change(event.peerId, { sends: event.sends });
      case 'viewers':
        this.#viewers = event;
        return;
      case 'viewerHands':
        this.#viewerHands = event;
        return;
      case 'trackAdded':
        this.#tracks.set(event.remote.consumerId, event.remote);
        return;
      case 'trackPaused':
        return this.#notePaused(event.consumerId, event.isPaused);
      case 'trackRemoved':
        this.#tracks.delete(event.consumerId);
        return;
      default:
    }
  }

  get hasJoined(): boolean {
    return this.#hasJoined;
  }

  get peers(): ReadonlyMap<string, Peer> {
    return this.#peers;
  }

  /** The viewers, as last reported. */
  get audience(): RoomEvent[] {
    return [this.#viewers, this.#viewerHands];
  }

  /** Whether a peer sends this, or has sent it before. */
  hasStarted(peerId: string, kind: keyof Sends): boolean {
    return this.#started.get(peerId)?.has(kind) === true;
  }

  get tracks(): readonly RemoteTrack[] {
    return [...this.#tracks.values()];
  }

  /** The consumers of all streams, which are forgotten. */
  takeTracks(): string[] {
    const consumerIds = [...this.#tracks.keys()];
    this.#tracks.clear();
    return consumerIds;
  }

  track(consumerId: string): RemoteTrack | undefined {
    return this.#tracks.get(consumerId);
  }

  /** The stream that shows the same as `remote`, which may be of another connection. */
  counterpartOf(remote: RemoteTrack): RemoteTrack | undefined {
    const identity = identityOf(remote);
    // The latest: a participant may have replaced a stream, and its end is not reported yet.
    return this.tracks.filter(({ consumerId }) => consumerId !== remote.consumerId).findLast((one) => identityOf(one) === identity);
  }

  #add(peer: Peer): void {
    this.#peers.set(peer.peerId, peer);
    this.#noteSends(peer);
  }

  #change(peerId: string, change: Partial<Peer>): void {
    const peer = this.#peers.get(peerId);
    if (peer !== undefined) this.#add({ ...peer, ...change });
  }

  #noteSends({ peerId, sends }: Peer): void {
    const started = this.#started.get(peerId) ?? new Set();
    for (const kind of KINDS) if (sends?.[kind] === true) started.add(kind);
    this.#started.set(peerId, started);
  }

  #forget(peerId: string): void {
    this.#peers.delete(peerId);
    this.#started.delete(peerId);
    for (const remote of this.tracks) if (remote.peerId === peerId) this.#tracks.delete(remote.consumerId);
  }

  #notePaused(consumerId: string, isPaused: boolean): void {
    const remote = this.#tracks.get(consumerId);
    if (remote !== undefined) this.#tracks.set(consumerId, { ...remote, isPaused });
  }
}
