/** The words for people: what happened and what they can do. Errors of the core come with codes, here they get sentences. */

import type { ConveneError, ErrorCode } from '../core/errors';
import type { DeviceKind } from '../core/media/devices';
import type { EndCause } from '../core/session/close-reason';
import type { ConnectionState } from '../core/session/connection-state';

export interface Text {
  title: string;
  advice: string;
}

const DEVICE_NAMES: Readonly<Record<DeviceKind, string>> = { microphone: 'microphone', camera: 'camera' };

const ERRORS: Readonly<Record<ErrorCode, (device: string) => Text>> = {
  'insecure-context': () => ({
    title: 'Camera and microphone need a secure address',
    advice: 'Open this meeting with an address that begins with https:// — or join now to watch and listen only.',
  }),
  'webrtc-missing': () => ({
    title: 'This browser cannot hold video calls',
    advice: 'Please open this link in a current Chrome, Edge, Firefox or Safari.',
  }),
  'browser-unsupported': () => ({
    title: 'This browser is not supported',
    advice: 'Please open this link in a current Chrome, Edge, Firefox or Safari.',
  }),
  'permission-denied': (device) => ({
    title: `Your browser blocks the ${device}`,
    advice: `Allow the ${device} with the icon beside the address bar, then try again. You can also join as you are.`,
  }),
  'device-missing': (device) => ({
    title: `No ${device} found`,
    advice: `Connect one and try again, or join as you are.`,
  }),
  'device-in-use': (device) => ({
    title: `Cannot use your ${device} now`,
    advice: `Another program seems to be using it. Close that program and try again, or join as you are.`,
  }),
  'device-failed': (device) => ({
    title: `Could not start your ${device}`,
    advice: `Unplug it and plug it in again, or choose another one. You can also join as you are.`,
  }),
  'server-unreachable': () => ({
    title: 'We could not reach the meeting',
    advice: 'Check your internet connection and try again. If others have the same trouble, tell whoever runs this service.',
  }),
  'media-unreachable': () => ({
    title: 'Sound and picture do not get through',
    advice: 'Your network seems to block calls. Try another network, or switch off a VPN or firewall.',
  }),
  'codec-unsupported': (device) => ({
    title: `Your ${device} cannot be sent from this browser`,
    advice: 'The browser and the server have no media format in common. Please try a current Chrome, Edge, Firefox or Safari.',
  }),
  'request-refused': (device) => ({
    title: `Your ${device} could not be sent`,
    advice: 'The server refused it. Turn it off and on again; if that does not help, leave and join again.',
  }),
  'request-timeout': () => ({ title: 'The server takes too long to answer', advice: 'Please try again in a moment.' }),
  'answer-malformed': () => ({
    title: 'The server speaks another version',
    advice: 'Reload this page. If that does not help, tell whoever runs this service.',
  }),
  'connection-closed': () => ({ title: 'The connection was closed', advice: 'Please try again.' }),
};

export function errorText(error: ConveneError, device?: DeviceKind): Text {
  return ERRORS[error.code](device === undefined ? 'camera and microphone' : DEVICE_NAMES[device]);
}

const ENDINGS: Readonly<Record<EndCause, Text>> = {
  left: { title: 'You left the meeting', advice: 'You can come back for as long as the meeting goes on.' },
  'meeting-ended': { title: 'The meeting has ended', advice: 'Thank you for being here.' },
  'meeting-missing': { title: 'There is no meeting here', advice: 'It may have been removed. Ask for a new link.' },
  'meeting-full': { title: 'This meeting is full', advice: 'Try again when somebody has left.' },
  replaced: { title: 'You joined from another place', advice: 'This page was disconnected so that you are not there twice.' },
  closed: { title: 'You were disconnected', advice: 'The meeting closed your connection.' },
};

export function endingText(cause: EndCause): Text {
  return ENDINGS[cause];
}

const CONNECTIONS: Readonly<Record<ConnectionState['status'], string>> = {
  idle: 'Not connected',
  connecting: 'Connecting…',
  connected: 'Connected',
  reconnecting: 'Reconnecting…',
  closed: 'Left',
  failed: 'Connection failed',
};

export function connectionText({ status }: ConnectionState): string {
  return CONNECTIONS[status];
}
