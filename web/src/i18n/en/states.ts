/** One text for each value of a type: states, commands, reactions, choices. */

import type { ConnectionState, Interruption } from '../../core/session/connection-state';
import type { PublishSource, Reaction } from '../../generated/messages';
import type { Command } from '../../state/call/shortcuts';
import type { Language, Theme } from '../../state/settings';
import type { Layout } from '../../state/tiles/stage';
import type { Refusal } from '../../state/call/refusal';
import type { WaitingKind } from '../../state/app/waiting';
import type { ReceiveQuality } from '../../state/tiles/watching';

const connection: Readonly<Record<Exclude<ConnectionState['status'], 'interrupted'>, string>> = {
  idle: 'Not connected',
  connecting: 'Connecting…',
  lobby: 'Asking to join…',
  connected: 'Connected',
  reconnecting: 'Reconnecting…',
  closed: 'Disconnected',
  failed: 'Connection failed',
};

const interruptions: Readonly<Record<Interruption, string>> = {
  signaling: 'Reconnecting… The call continues.',
  media: 'We can’t reach the media server. Trying again…',
};

const waiting: Readonly<Record<WaitingKind, string>> = {
  scheduled: 'The meeting hasn’t started yet.',
  starting: 'The meeting is being set up. This takes a few seconds.',
  image: 'The server is downloading what it needs. This can take a minute.',
  capacity: 'We’re at capacity. You’ll join as soon as a spot opens.',
  broken: 'The meeting can’t start because of a problem with the service. Let the person who invited you know.',
  other: 'The meeting isn’t ready yet.',
};

const commands: Readonly<Record<Command, string>> = {
  microphone: 'Mute or unmute',
  camera: 'Turn camera on or off',
  share: 'Share screen',
  chat: 'Open or close chat',
  people: 'Open or close the people panel',
  hand: 'Raise or lower hand',
  layout: 'Change view',
  fullScreen: 'Full screen',
  help: 'Keyboard shortcuts',
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
  gone: 'That’s no longer available.',
  tooLarge: 'That’s too large to send.',
  tooOften: 'Wait a moment and try again.',
  noAnswer: 'The server didn’t respond. Try again.',
  offline: 'You’re not connected right now.',
  other: 'Try again in a moment.',
};

const layouts: Readonly<Record<Layout, string>> = { auto: 'Automatic', grid: 'Grid', speaker: 'Speaker' };

const themes: Readonly<Record<Theme, string>> = { system: 'System', light: 'Light', dark: 'Dark' };

const receive: Readonly<Record<ReceiveQuality, string>> = { auto: 'Auto', saver: 'Data saver', audioOnly: 'Audio only' };

const languages: Readonly<Record<Language, string>> = { en: 'English', de: 'Deutsch', es: 'Español' };

export const states = { connection, interruptions, waiting, commands, reactions, mutedBy, refusals, layouts, themes, receive, languages };
