/**
 * What one connection has reported of its room: participants and streams. A client that moves between servers compares those of both.
 *
 * It decides nothing and knows nothing of other connections.
 */

import type { RemoteTrack, RoomEvent } from '../events';

/** What a stream shows, whichever server it comes from. */
function identityOf({ peerId, source, kind }: Pick<RemoteTrack, 'peerId' | 'source' | 'kind'>): string {
  return `${kind} ${source} ${peerId}`;
}

export class Contents {
  readonly #peers = new Set<string>();
  /** By consumerId. */
  readonly #tracks = new Map<string, RemoteTrack>();
  #hasJoined = false;

  note(event: RoomEvent): void {
    switch (event.type) {
      case 'joined':
        this.#hasJoined = true;
        for (const { peerId } of event.peers) this.#peers.add(peerId);
        return;
      case 'peerJoined':
        this.#peers.add(event.peer.peerId);
        return;
      case 'peerLeft':
        return this.#forget(event.peerId);
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

  get peers(): ReadonlySet<string> {
    return this.#peers;
  }

  get tracks(): readonly RemoteTrack[] {
    return [...this.#tracks.values()];
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

  #forget(peerId: string): void {
    this.#peers.delete(peerId);
    for (const remote of this.tracks) if (remote.peerId === peerId) this.#tracks.delete(remote.consumerId);
  }

  #notePaused(consumerId: string, isPaused: boolean): void {
    const remote = this.#tracks.get(consumerId);
    if (remote !== undefined) this.#tracks.set(consumerId, { ...remote, isPaused });
  }
}
