// What tests ask of a person in a call, whatever browser they use.

/** What `window.convene.stats()` says of one received track. */
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
  /** The id this person has in the room. */
  peerId(): Promise<string>;
  /** Ids of all whose tile is shown, their own included. */
  tiles(): Promise<string[]>;
  /** What they really receive. */
  stats(): Promise<TrackStats[]>;
}
