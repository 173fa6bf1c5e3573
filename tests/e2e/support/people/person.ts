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

/** A participant whose page a test can use, in whatever browser. Elements are named by their test id. */
export interface DrivenPerson extends Person {
  enter(): Promise<void>;
  isConnected(seconds?: number): Promise<void>;
  click(id: string): Promise<void>;
  /** What all elements with this id say, one per line. */
  text(id: string): Promise<string>;
  /** Runs a function in the page. It sees nothing but its argument. */
  run<Argument, Result>(script: (argument: Argument) => Result | Promise<Result>, argument: Argument): Promise<Result>;
}
