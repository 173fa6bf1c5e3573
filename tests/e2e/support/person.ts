// What tests ask of a person in a call, whatever browser they use.
import type { TrackStats } from './participant.ts';

export interface Person {
  readonly name: string;
  /** The id this person has in the room. */
  peerId(): Promise<string>;
  /** Ids of all whose tile is shown, their own included. */
  tiles(): Promise<string[]>;
  /** What they really receive. */
  stats(): Promise<TrackStats[]>;
}
