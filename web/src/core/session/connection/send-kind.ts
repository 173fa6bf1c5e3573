/** The kinds of media that a participant publishes: at most one producer of each. */

export type SendKind = 'microphone' | 'camera' | 'screen' | 'screenSound';

/** In the order in which they are published: each takes a round trip, and others wait for the camera longest. */
export const SEND_KINDS: readonly SendKind[] = ['camera', 'microphone', 'screen', 'screenSound'];

/** The browser's statistics of one producer. */
export interface SentMedia {
  kind: SendKind;
  report: RTCStatsReport;
}
