/** The tiles of the grid, made from the room and one's own media. Pure. */

import { initialsOf } from '../core/display-name';
import { trackOf, type LocalMediaState } from '../core/media/local-media';
import type { HeldTrack, Participant, RoomView } from './participants';

export interface Tile {
  peerId: string;
  name: string;
  initials: string;
  /** Colour of the avatar, 0 to 359; the same for a person on every screen. */
  hue: number;
  isSelf: boolean;
  isMuted: boolean;
  isSpeaking: boolean;
  /** The picture is old: the person's connection, or one's own, is being restored. */
  isStale: boolean;
  video: MediaStreamTrack | undefined;
  /** Never set for oneself: nobody wants to hear their own voice. */
  audio: MediaStreamTrack | undefined;
}

export interface Self {
  peerId: string;
  displayName: string;
  local: LocalMediaState;
}

/** Others in the order of their coming, oneself last. */
export function tilesOf(room: RoomView, self: Self): Tile[] {
  const others = room.participants.filter(({ peerId }) => peerId !== self.peerId);
  return [...others.map((participant) => remoteTile(room, participant)), selfTile(room, self)];
}

function remoteTile(room: RoomView, { peerId, displayName, isStale }: Participant): Tile {
  const own = room.tracks.filter((track) => track.peerId === peerId);
  const audio = own.find(({ kind }) => kind === 'audio');
  const isMuted = audio === undefined || audio.isPaused;
  return {
    ...identity(peerId, displayName),
    isSelf: false,
    isMuted,
    isSpeaking: !isMuted && isSpeaking(room, peerId),
    isStale,
    video: visible(own.find(({ source }) => source === 'screensharing')) ?? visible(own.find(({ source }) => source === 'video')),
    audio: audio?.track,
  };
}

function visible(held: HeldTrack | undefined): MediaStreamTrack | undefined {
  return held === undefined || held.isPaused ? undefined : held.track;
}

function selfTile(room: RoomView, { peerId, displayName, local }: Self): Tile {
  const isMuted = local.microphone.status !== 'on';
  return {
    ...identity(peerId, displayName),
    isSelf: true,
    isMuted,
    isSpeaking: !isMuted && isSpeaking(room, peerId),
    isStale: false,
    video: trackOf(local.camera),
    audio: undefined,
  };
}

function isSpeaking(room: RoomView, peerId: string): boolean {
  return room.speaking.has(peerId);
}

function identity(peerId: string, displayName: string): Pick<Tile, 'peerId' | 'name' | 'initials' | 'hue'> {
  return { peerId, name: displayName, initials: initialsOf(displayName), hue: hueOf(displayName) };
}

/** Spreads names over the colour circle. */
export function hueOf(name: string): number {
  let hash = 0;
  for (const character of name) hash = (hash * 31 + (character.codePointAt(0) ?? 0)) % 65_521;
  return (hash * 47) % 360;
}
