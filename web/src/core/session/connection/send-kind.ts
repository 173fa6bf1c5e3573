/** What a participant sends: at most one producer of each kind, and what is measured of it. */

export type SendKind = 'microphone' | 'camera' | 'screen' | 'screenSound';

export const SEND_KINDS: readonly SendKind[] = ['microphone', 'camera', 'screen', 'screenSound'];

/** The browser's statistics of one producer. */
export interface SentMedia {
  kind: SendKind;
  report: RTCStatsReport;
}
