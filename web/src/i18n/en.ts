/** The words for people, in English: the catalog that the others are measured by. */

import type { ErrorCode } from '../core/errors';
import type { EndCause } from '../core/session/close-reason';
import type { ConnectionState, Interruption } from '../core/session/connection-state';
import type { SendKind } from '../core/session/publisher';
import type { PublishSource, Reaction } from '../generated/messages';
import type { Command } from '../state/shortcuts';
import type { Language, Theme } from '../state/settings';
import type { Layout } from '../state/stage';
import type { Refusal } from '../state/refusal';
import type { WaitingKind } from '../state/waiting';
import type { ReceiveQuality } from '../state/watching';
import { nameInSentence } from './name-in-sentence';

export interface Text {
  title: string;
  advice: string;
}

/** What an error is about: one device, or camera and microphone together. */
export type DeviceWord = SendKind | 'both';

const DEVICES: Readonly<Record<DeviceWord, string>> = {
  microphone: 'microphone',
  camera: 'camera',
  screen: 'screen',
  screenSound: 'sound of your screen',
  both: 'camera and microphone',
};

const BROWSER_ADVICE = 'Please open this link in a current Chrome, Edge, Firefox or Safari.';

const errors: Readonly<Record<ErrorCode, (device: DeviceWord) => Text>> = {
  'insecure-context': () => ({
    title: 'Camera and microphone need a secure address',
    advice: 'Open this meeting with an address that begins with https:// — or join now to watch and listen only.',
  }),
  'webrtc-missing': () => ({ title: 'This browser cannot hold video calls', advice: BROWSER_ADVICE }),
  'browser-unsupported': () => ({ title: 'This browser is not supported', advice: BROWSER_ADVICE }),
  'meeting-missing': () => ({ title: 'There is no meeting here', advice: 'Check the link for typing errors, or ask for a new one.' }),
  'meeting-over': () => ({ title: 'The meeting has ended', advice: 'Thank you for being here.' }),
  'token-required': () => ({
    title: 'You need a personal link',
    advice: 'Only invited people can join this meeting. Open the link from your own invitation, or ask for one.',
  }),
  'token-invalid': () => ({
    title: 'This link does not let you in',
    advice: 'It may be incomplete, or made for another meeting. Open the whole link from your invitation, or ask for a new one.',
  }),
  'token-expired': () => ({ title: 'Your link has expired', advice: 'Links are good for a limited time. Ask the person who invited you for a new one.' }),
  'access-refused': () => ({ title: 'You cannot join this meeting', advice: 'The meeting does not admit you. Ask the person who invited you.' }),
  'permission-denied': (device) => ({
    title: `Your browser blocks the ${DEVICES[device]}`,
    advice: `Allow the ${DEVICES[device]} with the icon beside the address bar, then try again. You can also go on as you are.`,
  }),
  'device-missing': (device) => ({ title: `No ${DEVICES[device]} found`, advice: 'Connect one and try again, or go on as you are.' }),
  'device-in-use': (device) => ({
    title: `Cannot use your ${DEVICES[device]} now`,
    advice: 'Another program seems to be using it. Close that program and try again, or go on as you are.',
  }),
  'device-failed': (device) => ({
    title: `Could not start your ${DEVICES[device]}`,
    advice: 'Unplug it and plug it in again, or choose another one. You can also go on as you are.',
  }),
  'server-unreachable': () => ({
    title: 'We could not reach the meeting',
    advice: 'Check your internet connection and try again. If others have the same trouble, tell whoever runs this service.',
  }),
  'meeting-waits': () => ({ title: 'The meeting is not ready yet', advice: 'It is still being prepared. Please try again in a moment.' }),
  'meeting-busy': () => ({ title: 'The meeting is busy right now', advice: 'Please try again in a moment.' }),
  'media-unreachable': () => ({
    title: 'Sound and picture do not get through',
    advice: 'Your network seems to block calls. Try another network, or switch off a VPN or firewall.',
  }),
  'codec-unsupported': (device) => ({
    title: `Your ${DEVICES[device]} cannot be sent from this browser`,
    advice: `The browser and the server have no media format in common. ${BROWSER_ADVICE}`,
  }),
  'request-refused': (device) => ({
    title: `Your ${DEVICES[device]} could not be sent`,
    advice: 'The server refused it. Turn it off and on again; if that does not help, leave and join again.',
  }),
  'join-refused': () => ({
    title: 'You couldn’t join the meeting',
    advice: `The meeting doesn’t accept what this browser sends. ${BROWSER_ADVICE}`,
  }),
  'request-timeout': () => ({ title: 'The server takes too long to answer', advice: 'Please try again in a moment.' }),
  'answer-malformed': () => ({
    title: 'The server speaks another version',
    advice: 'Reload this page. If that does not help, tell whoever runs this service.',
  }),
  'connection-closed': () => ({ title: 'The connection was closed', advice: 'Please try again.' }),
};

const endings: Readonly<Record<EndCause, Text>> = {
  left: { title: 'You left the meeting', advice: 'You can come back for as long as the meeting goes on.' },
  'ended-by-moderator': { title: 'The meeting was ended for everybody', advice: 'A moderator closed it. Thank you for being here.' },
  'meeting-ended': { title: 'The meeting has ended', advice: 'Thank you for being here.' },
  'meeting-missing': { title: 'There is no meeting here', advice: 'It may have been removed. Ask for a new link.' },
  'meeting-full': { title: 'This meeting is full', advice: 'Try again when someone leaves.' },
  'meeting-locked': { title: 'This meeting is locked', advice: 'No one new can join right now. Ask someone inside to unlock it.' },
  removed: { title: 'You were removed from the meeting', advice: 'A moderator removed you. You can’t rejoin this meeting with this browser or account.' },
  refused: { title: 'Your request to join was declined', advice: 'A moderator declined your request to join.' },
  'not-admitted': { title: 'No one answered your request', advice: 'A moderator has to let you in. Try again when one is in the meeting.' },
  'lobby-full': { title: 'Too many people are waiting to join', advice: 'Try again in a few minutes.' },
  replaced: { title: 'You joined from another place', advice: 'This page was disconnected so that you are not there twice.' },
  'peer-id-taken': { title: 'You couldn’t join the meeting', advice: 'Another connection is using your place. Try joining again.' },
  'invitation-used': { title: 'This invitation has already been used', advice: 'Each invitation is for one person. Ask the person who invited you for a new one.' },
  'token-required': errors['token-required']('both'),
  closed: { title: 'You were disconnected', advice: 'The meeting closed your connection.' },
};

const connection: Readonly<Record<Exclude<ConnectionState['status'], 'interrupted'>, string>> = {
  idle: 'Not connected',
  connecting: 'Connecting…',
  lobby: 'Asking to join…',
  connected: 'Connected',
  reconnecting: 'Reconnecting…',
  closed: 'Left',
  failed: 'Connection failed',
};

const interruptions: Readonly<Record<Interruption, string>> = {
  signaling: 'Reconnecting… The call goes on.',
  media: 'Sound and picture do not get through. Trying again…',
};

const waiting: Readonly<Record<WaitingKind, string>> = {
  scheduled: 'The meeting has not begun yet.',
  starting: 'The meeting is being prepared. This takes a few seconds.',
  image: 'The server is downloading what it needs. This can take a minute.',
  capacity: 'We’re at capacity. You’ll join as soon as a spot opens.',
  broken: 'The meeting can’t start because of a problem with the service. Please tell the person who invited you.',
  other: 'The meeting isn’t ready yet.',
};

const commands: Readonly<Record<Command, string>> = {
  microphone: 'Microphone on or off',
  camera: 'Camera on or off',
  share: 'Share your screen',
  chat: 'Chat',
  people: 'People',
  hand: 'Raise or lower your hand',
  layout: 'Switch the view',
  fullScreen: 'Full screen',
  help: 'This help',
  statistics: 'Statistics',
  talk: 'Hold to talk while muted',
};

const reactions: Readonly<Record<Reaction, string>> = {
  like: 'Like',
  clap: 'Applause',
  heart: 'Heart',
  laugh: 'Laughter',
  surprised: 'Surprise',
  party: 'Celebration',
};

const mutedBy: Readonly<Record<PublishSource, string>> = {
  audio: 'A moderator muted you.',
  video: 'A moderator turned your camera off.',
  share: 'A moderator stopped your screen share.',
};

const refusals: Readonly<Record<Refusal, string>> = {
  notAllowed: 'You’re not allowed to do this.',
  notNow: 'This isn’t possible right now.',
  gone: 'That isn’t available any more.',
  tooLarge: 'That’s too large to send.',
  tooOften: 'Wait a moment and try again.',
  noAnswer: 'No answer in time. Try again.',
  offline: 'You’re not connected right now.',
  other: 'Please try again in a moment.',
};

const layouts: Readonly<Record<Layout, string>> = { auto: 'Automatic', grid: 'Everybody alike', speaker: 'Speaker large' };
const themes: Readonly<Record<Theme, string>> = { system: 'As on this device', light: 'Light', dark: 'Dark' };
const receive: Readonly<Record<ReceiveQuality, string>> = { auto: 'Best', saver: 'Save data', audioOnly: 'Sound and screens only' };
const languages: Readonly<Record<Language, string>> = { en: 'English', de: 'Deutsch', es: 'Español' };

/** Names in a sentence: few are named, many are counted. */
function names(list: readonly string[]): string {
  const [first = '', second] = list.map(nameInSentence);
  if (list.length > 2) return `${first} and ${list.length - 1} others`;
  return second === undefined ? first : `${first} and ${second}`;
}

export const en = {
  errors,
  endings,
  connection,
  interruptions,
  waiting,
  commands,
  reactions,
  mutedBy,
  refusals,
  layouts,
  themes,
  receive,
  languages,
  common: {
    close: 'Close',
    cancel: 'Cancel',
    dismiss: 'Dismiss',
    tryAgain: 'Try again',
    you: 'you',
    loading: 'Looking for the meeting…',
    copied: 'Copied',
  },
  home: {
    title: 'Join a meeting',
    advice: 'Enter the code or link from your invitation.',
    entry: 'Code or link',
    entryHint: 'team/meeting',
    go: 'Continue',
    problems: {
      unreadable: 'This isn’t a meeting code or link. Check it for typing errors.',
      elsewhere: 'This link belongs to another website. Open it in your browser.',
    },
    recent: 'Recent meetings',
    clear: 'Clear',
    toHome: 'Go to home page',
  },
  preJoin: {
    about: 'You are about to join',
    preview: 'Preview of your camera',
    yourName: 'Your name',
    nameHint: 'How others see you',
    join: 'Join meeting',
    joinWithout: 'Join without camera and microphone',
    joinAndWait: 'Join and wait',
    mayAsk: 'Your browser may ask whether this page may use your camera and microphone.',
    cameraOff: 'Camera is off',
    level: 'Loudness of your microphone',
    nobody: 'Nobody is here yet',
    already: (count: number) => (count === 1 ? '1 person is here' : `${count} people are here`),
    unreachable: 'The server does not answer yet. You can join now and wait.',
    outOfReach:
      'In Firefox no sound or picture will get through: this server takes them at 127.0.0.1 alone, and Firefox makes no connections there. Use Chrome, or connect this computer to a network and restart the server.',
  },
  waitingRoom: {
    title: 'Almost there',
    startsAt: (when: string) => `Begins ${when}`,
    auto: 'You’ll join automatically. Just leave this page open.',
    back: 'Back',
    lobbyTitle: 'Asking to join…',
    lobby: 'You’ll join when a moderator lets you in. If none is here yet, that may take a while.',
    cancel: 'Cancel request',
  },
  devices: {
    microphone: 'Microphone',
    camera: 'Camera',
    speaker: 'Speaker',
    fails: 'does not work',
    on: (device: string) => `Turn ${device.toLowerCase()} on`,
    off: (device: string) => `Turn ${device.toLowerCase()} off`,
    choose: (device: string) => `Choose ${device.toLowerCase()}`,
    notAllowed: 'A moderator does not allow you this now',
  },
  /** By the system or a switch of the device, not by a person here or a moderator. */
  interrupted: {
    microphone: 'Your device has muted your microphone. Check for a mute switch, or another app that’s using it.',
    camera: 'Your device has paused your camera. Check for a privacy switch, or another app that’s using it.',
  },
  controls: {
    toolbar: 'Call controls',
    share: 'Share',
    shareTitle: 'Share your screen',
    stopShare: 'Stop sharing',
    hand: 'Hand',
    raiseHand: 'Raise your hand',
    lowerHand: 'Lower your hand',
    react: 'React',
    reactTitle: 'Send a reaction',
    chat: 'Chat',
    unread: (count: number) => `${count} unread`,
    people: 'People',
    more: 'More',
    moreTitle: 'More actions',
    leave: 'Leave',
    endForAll: 'End for everybody',
    view: 'View',
    flip: 'Flip camera',
    fullScreen: 'Full screen',
    pictureInPicture: 'Picture in picture',
    settings: 'Settings',
    shortcuts: 'Keyboard shortcuts',
    statistics: 'Statistics',
    copyLink: 'Copy link',
  },
  call: {
    alone: 'You are the only one here. Share the link to invite others.',
    aloneInvited: 'You are the only one here. To join, others need an invitation of their own.',
    hear: 'Turn on sound',
    participants: 'Participants',
    screenOf: (name: string) => `${name}’s screen`,
    yourScreen: 'Your screen',
    sharing: 'You are sharing your screen',
    muted: 'Muted',
    handRaised: 'Hand raised',
    speaking: 'Speaking',
    reconnecting: 'Reconnecting…',
    waitingForVideo: 'Waiting for video…',
    leftOut: { person: 'Camera on, not shown', screen: 'Screen shared, not shown' },
    leftOutWhy: 'In large meetings you don’t get every video. Screens, people who speak and large tiles come first: pin what you want to see.',
    links: { interrupted: 'Video interrupted', lost: 'Connection lost' },
    quality: (level: number) => `Connection: ${['bad', 'fair', 'good'][level - 1] ?? ''}`,
    pin: 'Pin',
    unpin: 'Unpin',
    fillTile: 'Fill tile',
    fitTile: 'Show whole video',
    actionsFor: (name: string) => `Actions for ${name}`,
    previousPage: 'Previous page',
    nextPage: 'Next page',
    page: (index: number, count: number) => `Page ${index} of ${count}`,
    locked: 'Locked',
    lobbyOn: 'Lobby on',
    talking: 'You are on air',
  },
  recording: { mark: 'Recording', on: 'This meeting is being recorded.', off: 'The recording has stopped.' },
  chat: {
    title: 'Chat',
    empty: 'Nothing has been said yet. Messages are gone when the meeting ends.',
    placeholder: 'Write a message',
    send: 'Send',
    off: 'You cannot write in this meeting.',
    tooLong: 'This message is too long.',
    messages: 'Messages',
    loadEarlier: 'Load earlier messages',
    loadingEarlier: 'Loading earlier messages…',
    earlierFailed: 'Couldn’t load earlier messages.',
  },
  people: {
    title: 'People',
    moderator: 'Moderator',
    guest: 'Guest',
    recorder: 'Recorder',
    sharing: 'Shares a screen',
    cameraOff: 'Camera off',
    silence: 'Do not hear here',
    unsilence: 'Hear again',
    silenced: 'Not heard here',
    mute: 'Mute',
    askToUnmute: 'Ask to unmute',
    stopCamera: 'Turn camera off',
    stopShare: 'Stop screen share',
    lowerHand: 'Lower hand',
    makeModerator: 'Make moderator',
    takeModerator: 'Take moderation away',
    rights: 'Permissions…',
    remove: 'Remove from meeting…',
    muteAll: 'Mute all',
    lock: 'Lock meeting',
    unlock: 'Unlock meeting',
    lobbyOn: 'Turn on lobby',
    lobbyOff: 'Turn off lobby',
    lobby: (count: number) => `Waiting to join (${count})`,
    admit: 'Admit',
    admitAll: 'Admit all',
    refuse: 'Deny',
    admitName: (name: string) => `Admit ${name}`,
    refuseName: (name: string) => `Deny ${name}`,
    knocks: (list: readonly string[]) => `${names(list)} ${list.length === 1 ? 'wants' : 'want'} to join`,
  },
  toasts: {
    region: 'Notices',
    joined: (list: readonly string[]) => `${names(list)} joined`,
    left: (list: readonly string[]) => `${names(list)} left`,
    hand: (name: string) => `${nameInSentence(name)} raised a hand`,
    moderator: 'You are a moderator now.',
    noModerator: 'You are no moderator any more.',
    restricted: 'A moderator changed what you may send.',
    locked: 'The meeting is locked: no one new can join.',
    unlocked: 'The meeting is unlocked.',
    lobbyOn: 'Newcomers now wait until a moderator admits them.',
    lobbyOff: 'Newcomers can now join without approval.',
    linkNeedsInvitation: 'People need their own invitation to join.',
    refused: 'That did not work.',
    replaced: { microphone: 'Your microphone has gone. Another one is used now.', camera: 'Your camera has gone. Another one is used now.', speaker: 'Speaker disconnected. Using the default speaker.' },
    reaction: (name: string, reaction: string) => `${name}: ${reaction}`,
  },
  dialogs: {
    unmuteTitle: 'Please unmute',
    unmuteText: 'A moderator asks you to turn your microphone on.',
    unmute: 'Turn microphone on',
    stayMuted: 'Stay muted',
    removeTitle: (name: string) => `Remove ${name}?`,
    removeText: 'They’ll be disconnected and can’t rejoin this meeting with the same browser or account.',
    removeLimits: 'From another browser they could ask to join again. For a while, newcomers from the same network will need a moderator’s approval.',
    removeAlso: 'To keep them out more reliably:',
    removeLock: 'Lock the meeting',
    removeLobby: 'Approve newcomers (lobby)',
    remove: 'Remove',
    endTitle: 'End the meeting for everybody?',
    endText: 'Everybody is disconnected. The link stays good: who opens it again starts the meeting anew.',
    end: 'End for everybody',
    rightsTitle: (name: string) => `What ${name} may do`,
    rightAudio: 'Speak',
    rightVideo: 'Show their camera',
    rightShare: 'Share their screen',
    shortcutsTitle: 'Keyboard shortcuts',
    space: 'Space bar',
    ctrl: 'Ctrl',
  },
  settings: {
    title: 'Settings',
    devices: 'Devices',
    meeting: 'Meeting',
    look: 'Look and language',
    theme: 'Colours',
    language: 'Language',
    layout: 'View',
    receive: 'Quality of what you see',
    camera: 'Size of your picture',
    cameraHeight: (height: number) => ({ 1080: 'Full HD (1080p)', 720: 'HD (720p)', 360: 'Standard (360p)', 180: 'Small (180p)' })[height] ?? `${height}p`,
    codec: 'Video format, from when you next turn on the camera',
    codecAuto: 'What suits this device',
    noise: 'Suppress noise around you',
    blur: 'Blur what is behind you',
    mirror: 'Show yourself as in a mirror',
    sounds: 'Sounds when people come, go, knock or write',
    pushToTalk: 'Hold the space bar to unmute',
  },
  statistics: {
    title: 'Statistics',
    copy: 'Copy',
    path: 'Path',
    roundTrip: 'Round trip',
    available: 'Can send',
    sends: 'You send',
    receives: 'You receive',
    what: 'What',
    size: 'Size',
    frames: 'fps',
    rate: 'kbit/s',
    loss: 'Loss',
    codec: 'Codec',
    layers: 'Layers',
    nothing: 'Nothing yet',
    kinds: { microphone: 'Microphone', camera: 'Camera', screen: 'Screen', screenSound: 'Screen sound', audio: 'Sound', video: 'Picture' },
  },
  ended: { joinAgain: 'Join again', startOver: 'Start over', tryAgain: 'Try again', reload: 'Reload page' },
};

export type Texts = typeof en;
