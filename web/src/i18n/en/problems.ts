/** Errors, and how a call ended. */

import type { ErrorCode } from '../../core/errors';
import type { EndCause } from '../../core/session/close-reason';
import type { SendKind } from '../../core/session/connection/send-kind';

export interface Text {
  title: string;
  advice: string;
}

/** The device an error is about, or camera and microphone together. */
export type DeviceWord = SendKind | 'both';

const DEVICES: Readonly<Record<DeviceWord, string>> = {
  microphone: 'microphone',
  camera: 'camera',
  screen: 'screen share',
  screenSound: 'screen audio',
  both: 'camera and microphone',
};

/** "Continue without it." */
const it = (device: DeviceWord): string => (device === 'both' ? 'them' : 'it');

const BROWSER_ADVICE = 'Open this link in a current version of Chrome, Edge, Firefox, or Safari.';

const errors: Readonly<Record<ErrorCode, (device: DeviceWord) => Text>> = {
  'insecure-context': () => ({
    title: 'Camera and microphone need a secure connection',
    advice: 'Use a link that starts with https://, or join now to watch and listen only.',
  }),
  'webrtc-missing': () => ({ title: 'This browser doesn’t support video calls', advice: BROWSER_ADVICE }),
  'browser-unsupported': () => ({ title: 'This browser isn’t supported', advice: BROWSER_ADVICE }),
  'meeting-missing': () => ({ title: 'Meeting not found', advice: 'Check the link for typos, or ask for a new one.' }),
  'meeting-over': () => ({ title: 'The meeting has ended', advice: 'Thanks for joining.' }),
  'token-required': () => ({
    title: 'You need an invitation',
    advice: 'Only invited people can join this meeting. Open the link from your invitation, or ask for one.',
  }),
  'token-invalid': () => ({
    title: 'This link isn’t valid',
    advice: 'It may be incomplete or for another meeting. Open the full link from your invitation, or ask for a new one.',
  }),
  'token-expired': () => ({ title: 'Your link has expired', advice: 'Links expire after a while. Ask the person who invited you for a new one.' }),
  'access-refused': () => ({ title: 'You can’t join this meeting', advice: 'You don’t have access. Ask the person who invited you.' }),
  'permission-denied': (device) => ({
    title: `Your browser is blocking your ${DEVICES[device]}`,
    advice: `Allow access to your ${DEVICES[device]} with the icon in the address bar, then try again. You can also continue without ${it(device)}.`,
  }),
  'device-missing': (device) => ({
    title: `No ${device === 'both' ? 'camera or microphone' : DEVICES[device]} found`,
    advice: 'Connect one and try again, or continue without it.',
  }),
  'device-in-use': (device) => ({
    title: `Can’t use your ${DEVICES[device]} right now`,
    advice: `Another app may be using ${it(device)}. Close that app and try again, or continue without ${it(device)}.`,
  }),
  'device-failed': (device) => ({
    title: `Couldn’t start your ${DEVICES[device]}`,
    advice: `Unplug the device and plug it back in, or choose another one. You can also continue without ${it(device)}.`,
  }),
  'server-unreachable': () => ({
    title: 'We couldn’t reach the meeting',
    advice: 'Check your internet connection and try again. If others have the same problem, contact your administrator.',
  }),
  'meeting-waits': () => ({ title: 'The meeting isn’t ready yet', advice: 'It’s still being set up. Try again in a moment.' }),
  'meeting-busy': () => ({ title: 'The meeting is busy right now', advice: 'Try again in a moment.' }),
  'media-unreachable': () => ({
    title: 'We can’t reach the media server',
    advice: 'Your network may be blocking calls. Try another network, or turn off your VPN or firewall.',
  }),
  'codec-unsupported': (device) => ({
    title: `This browser can’t send your ${DEVICES[device]}`,
    advice: `The browser and the server don’t share a media format. ${BROWSER_ADVICE}`,
  }),
  'request-refused': (device) => ({
    title: `We couldn’t send your ${DEVICES[device]}`,
    advice: `The server rejected ${it(device)}. Turn ${it(device)} off and on again. If that doesn’t help, leave and rejoin.`,
  }),
  'join-refused': () => ({
    title: 'You couldn’t join the meeting',
    advice: `This browser isn’t compatible with this meeting. ${BROWSER_ADVICE}`,
  }),
  'request-timeout': () => ({ title: 'The server is taking too long to respond', advice: 'Try again in a moment.' }),
  'answer-malformed': () => ({
    title: 'This page is out of date',
    advice: 'Reload the page. If that doesn’t help, contact your administrator.',
  }),
  'connection-closed': () => ({ title: 'The connection was closed', advice: 'Try again.' }),
};

const endings: Readonly<Record<EndCause, Text>> = {
  left: { title: 'You left the meeting', advice: 'You can rejoin while the meeting is still going.' },
  'ended-by-moderator': { title: 'The meeting was ended for everyone', advice: 'A moderator ended it. Thanks for joining.' },
  'meeting-ended': { title: 'The meeting has ended', advice: 'Thanks for joining.' },
  'meeting-missing': { title: 'Meeting not found', advice: 'It may have been deleted. Ask for a new link.' },
  'meeting-full': { title: 'This meeting is full', advice: 'Try again when someone leaves.' },
  'meeting-locked': { title: 'This meeting is locked', advice: 'No one new can join right now. Ask someone in the meeting to unlock it.' },
  removed: { title: 'You were removed from the meeting', advice: 'A moderator removed you. You can’t rejoin this meeting with this browser or account.' },
  refused: { title: 'Your request to join was declined', advice: 'A moderator declined your request to join.' },
  'not-admitted': { title: 'No one answered your request', advice: 'A moderator has to let you in. Try again when one is in the meeting.' },
  'lobby-full': { title: 'Too many people are waiting to join', advice: 'Try again in a few minutes.' },
  replaced: { title: 'You joined on another device', advice: 'This page was disconnected so you aren’t in the meeting twice.' },
  'peer-id-taken': { title: 'You couldn’t join the meeting', advice: 'Another connection is using your spot. Try joining again.' },
  'invitation-used': {
    title: 'This invitation has already been used',
    advice: 'Each invitation is for one person. Ask the person who invited you for a new one.',
  },
  'token-required': errors['token-required']('both'),
  closed: { title: 'You were disconnected', advice: 'The meeting closed your connection.' },
};

export const problems = { errors, endings };
