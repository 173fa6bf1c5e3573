/** Participants and shared screens as the views show them, from the room and the local media. Pure. */

import { initialsOf } from '../../core/peer/display-name';
import { trackOf, type LocalMediaState } from '../../core/media/local-media';
import type { RemoteTrack } from '../../core/session/events';
import { ALL_RIGHTS } from '../../core/signaling/peers';
import type { PublishGrant, Sends } from '../../generated/messages';
import type { HeldTrack, Participant, RoomView } from './participants';

/** 1 (poor) to 3 (good); undefined while unknown. */
export type Quality = 1 | 2 | 3 | undefined;

/** How a participant's media reaches the server: all of it, no longer video, or nothing. */
type Link = 'good' | 'interrupted' | 'lost';

/** One tile: a participant, or a participant's screen. */
export interface Tile {
  /** Unique among all tiles. */
  key: string;
  kind: 'person' | 'screen';
  peerId: string;
  name: string;
  initials: string;
  /** Hue of the avatar, 0 to 359; the same for a participant everywhere. */
  hue: number;
  isSelf: boolean;
  isMuted: boolean;
  isSpeaking: boolean;
  /** The video is frozen: the participant's connection, or the local one, is being restored. */
  isStale: boolean;
  /** Whether the video is expected but does not arrive. */
  isStalled: boolean;
  /** It does not arrive because the connection here is too slow for it. */
  isTooSlow: boolean;
  link: Link;
  isHandRaised: boolean;
  /** A broadcast is shown whole. */
  isBroadcast: boolean;
  quality: Quality;
  /** The camera or screen is on, whether or not its video is received. */
  isSent: boolean;
  video: MediaStreamTrack | undefined;
  /** The video's consumer, to set the size to receive. */
  consumerId: string | undefined;
}

/** A participant with everything that lists and menus show. */
export interface Person {
  peerId: string;
  name: string;
  initials: string;
  hue: number;
  isSelf: boolean;
  isModerator: boolean;
  isGuest: boolean;
  isRecorder: boolean;
  isBroadcaster: boolean;
  /** The sources that are sent, whether or not they are received. */
  isMuted: boolean;
  hasCamera: boolean;
  isSharing: boolean;
  isSpeaking: boolean;
  isStale: boolean;
  link: Link;
  isHandRaised: boolean;
  quality: Quality;
  publish: PublishGrant;
}

export interface Voice {
  key: string;
  peerId: string;
  track: MediaStreamTrack;
  /** Whether audio of the track has arrived. */
  hasArrived: RemoteTrack['hasArrived'];
}

export interface Self {
  peerId: string;
  displayName: string;
  local: LocalMediaState;
}

/** The others in the order in which they joined, then the local participant, unless it is a viewer. */
export function peopleOf(room: RoomView, self: Self): Person[] {
  const others = room.participants.filter(({ peerId }) => peerId !== self.peerId);
  return [...others.map((participant) => remotePerson(room, participant)), ...(room.rights.isViewer ? [] : [selfPerson(room, self)])];
}

/** A tile for each shared screen, then one for each participant. */
export function tilesOf(room: RoomView, self: Self): Tile[] {
  const people = peopleOf(room, self);
  return [...people.flatMap((person) => screenTile(room, self, person)), ...people.map((person) => personTile(room, self, person))];
}

/** All remote audio: microphones and shared screens, the latest track of each. */
export function voicesOf(room: RoomView, self: Self): Voice[] {
  const voices = room.tracks.filter(({ kind, peerId }) => kind === 'audio' && peerId !== self.peerId);
  const latest = new Map(voices.map(({ peerId, source, track, hasArrived }) => [`${peerId}:${source}`, { peerId, track, hasArrived }]));
  return [...latest].map(([key, voice]) => ({ key, ...voice }));
}

function remotePerson(room: RoomView, participant: Participant): Person {
  const { peerId, displayName, peerStatus, isRecorder, isBroadcaster, isStale } = participant;
  const isMuted = !isSent(held(room, peerId, 'audio'), participant, 'audio');
  return {
    ...identity(peerId, displayName),
    isSelf: false,
    isModerator: peerStatus.isModerator,
    isGuest: peerStatus.isGuest,
    isRecorder,
    isBroadcaster,
    isMuted,
    hasCamera: isSent(held(room, peerId, 'video'), participant, 'video'),
    isSharing: isSent(screenOf(room, peerId), participant, 'share'),
    isSpeaking: !isMuted && room.speaking.has(peerId),
    isStale,
    link: linkOf(room, participant),
    isHandRaised: room.raisedHands.includes(peerId),
    quality: worst(room.tracks.filter((one) => one.peerId === peerId && !one.isPaused).map(({ score }) => score)),
    publish: peerStatus.publish,
  };
}

function selfPerson(room: RoomView, { peerId, displayName, local }: Self): Person {
  const isMuted = local.microphone.status !== 'on' || local.microphone.isInterrupted;
  return {
    ...identity(peerId, displayName),
    isSelf: true,
    isModerator: room.rights.isModerator,
    isGuest: false,
    isRecorder: false,
    isBroadcaster: false,
    isMuted,
    hasCamera: trackOf(local.camera) !== undefined,
    isSharing: local.screen.status === 'on',
    isSpeaking: !isMuted && room.speaking.has(peerId),
    isStale: false,
    link: 'good',
    isHandRaised: room.raisedHands.includes(peerId),
    quality: worst([...room.ownScores.values()].filter((score) => score > 0)),
    publish: ALL_RIGHTS,
  };
}

function personTile(room: RoomView, { local }: Self, person: Person): Tile {
  const camera = held(room, person.peerId, 'video');
  return {
    ...tileOf(person),
    key: person.peerId,
    kind: 'person',
    isStalled: !person.isSelf && isStalled(camera),
    isTooSlow: !person.isSelf && isTooSlow(camera),
    isSent: person.hasCamera,
    video: person.isSelf ? trackOf(local.camera) : visible(camera),
    consumerId: person.isSelf || camera?.isStale === true ? undefined : camera?.consumerId,
  };
}

/** Exists while the screen is shared, so that tiles do not move when its video stalls. */
function screenTile(room: RoomView, { local }: Self, person: Person): Tile[] {
  const screen = screenOf(room, person.peerId);
  const video = person.isSelf ? (local.screen.status === 'on' ? local.screen.video : undefined) : visible(screen);
  if (video === undefined && !person.isSharing) return [];
  const consumerId = person.isSelf || screen?.isStale === true ? undefined : screen?.consumerId;
  return [
    {
      ...{ ...tileOf(person), key: `${person.peerId}:screen`, kind: 'screen', isSpeaking: false, isHandRaised: false },
      ...{ isStalled: !person.isSelf && isStalled(screen), isTooSlow: !person.isSelf && isTooSlow(screen) },
      ...{ isSent: person.isSharing, video, consumerId },
    },
  ];
}

function tileOf(person: Person): Omit<Tile, 'key' | 'kind' | 'isSent' | 'video' | 'consumerId' | 'isStalled' | 'isTooSlow'> {
  const { peerId, name, initials, hue, isSelf, isMuted, isSpeaking, isStale, link, isHandRaised, isBroadcaster, quality } = person;
  return { peerId, name, initials, hue, isSelf, isMuted, isSpeaking, isStale, link, isHandRaised, isBroadcast: isBroadcaster, quality };
}

function held(room: RoomView, peerId: string, source: 'audio' | 'video'): HeldTrack | undefined {
  return room.tracks.find((one) => one.peerId === peerId && one.source === source);
}

function screenOf(room: RoomView, peerId: string): HeldTrack | undefined {
  return room.tracks.find((one) => one.peerId === peerId && one.source === 'screensharing' && one.kind === 'video');
}

function visible(track: HeldTrack | undefined): MediaStreamTrack | undefined {
  return track === undefined || track.isPaused ? undefined : track.track;
}

/** Decided by the stream if there is a current one, otherwise by what the server reports. */
function isSent(track: HeldTrack | undefined, { isStale, sends }: Participant, what: keyof Sends): boolean {
  const isCurrent = track !== undefined && (!track.isStale || isStale || sends === undefined);
  return isCurrent ? !track.isPaused : sends?.[what] === true;
}

/** A stale track that is about to be replaced does not count as stalled. */
function isStalled(track: HeldTrack | undefined): boolean {
  return track !== undefined && track.isStalled && !track.isPaused && !track.isStale;
}

/** The server receives it and has stopped forwarding it. For a moment it does so whenever it starts again. */
function isTooSlow(track: HeldTrack | undefined): boolean {
  return isStalled(track) && track?.isWithheld === true && !track.isSilent;
}

/** Screens do not count: a still one sends nothing. Nor do streams that never started. */
function linkOf(room: RoomView, { peerId, peerStatus }: Participant): Link {
  if (peerStatus.isDisconnected) return 'lost';
  const flows = room.tracks.filter((one) => one.peerId === peerId && one.source !== 'screensharing' && !one.isPaused && one.hasFlowed);
  if (!flows.some(({ isSilent }) => isSilent)) return 'good';
  if (flows.every(({ isSilent }) => isSilent)) return 'lost';
  return flows.some(({ kind, isSilent }) => kind === 'video' && isSilent) ? 'interrupted' : 'good';
}

/** mediasoup's score of 0 to 10 in three steps, of the worst stream. */
function worst(scores: readonly (number | undefined)[]): Quality {
  const known = scores.filter((score) => score !== undefined);
  if (known.length === 0) return undefined;
  const score = Math.min(...known);
  if (score >= 8) return 3;
  return score >= 5 ? 2 : 1;
}

function identity(peerId: string, displayName: string): Pick<Person, 'peerId' | 'name' | 'initials' | 'hue'> {
  return { peerId, name: displayName, initials: initialsOf(displayName), hue: hueOf(displayName) };
}

/** Spreads names over the color wheel. */
export function hueOf(name: string): number {
  let hash = 0;
  for (const character of name) hash = (hash * 31 + (character.codePointAt(0) ?? 0)) % 65_521;
  return (hash * 47) % 360;
}
