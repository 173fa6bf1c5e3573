// The interface of a participant for tests, independent of the browser.

/** `window.convene.stats()` of one received track. */
export interface TrackStats {
  readonly peerId: string;
  readonly consumerId?: string;
  readonly kind: 'audio' | 'video';
  readonly framesDecoded?: number;
  readonly frameWidth?: number;
  readonly audioLevel?: number;
  readonly bytesReceived?: number;
  readonly codec?: string;
}

export interface Person {
  readonly name: string;
  /** The participant's peer id. */
  peerId(): Promise<string>;
  /** Peer ids of all tiles, including its own. */
  tiles(): Promise<string[]>;
  /** The media that they really receive. */
  stats(): Promise<TrackStats[]>;
}
