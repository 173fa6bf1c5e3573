/** The kinds of media that a participant publishes: at most one producer of each. */

export type SendKind = 'microphone' | 'camera' | 'screen' | 'screenSound';

export const SEND_KINDS: readonly SendKind[] = ['microphone', 'camera', 'screen', 'screenSound'];

/** The browser's statistics of one producer. */
export interface SentMedia {
  kind: SendKind;
  report: RTCStatsReport;
}
