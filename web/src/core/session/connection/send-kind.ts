/** What a participant publishes: at most one producer of each kind. */

export type SendKind = 'microphone' | 'camera' | 'screen' | 'screenSound';

export const SEND_KINDS: readonly SendKind[] = ['microphone', 'camera', 'screen', 'screenSound'];

/** The browser's statistics of one producer. */
export interface SentMedia {
  kind: SendKind;
  report: RTCStatsReport;
}
