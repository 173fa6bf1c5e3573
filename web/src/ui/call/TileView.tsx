/** One person or screen: picture or initials, name, marks, speaking outline, and what can be done with it. */

import { Hand, MicOff, Pin, PinOff, VolumeX } from 'lucide-react';
import { memo, useRef, type ReactNode } from 'react';
import type { CallModel } from '../../state/call-model';
import type { Person, Tile } from '../../state/tiles';
import { useSeen } from '../hooks/useSeen';
import { useTexts } from '../language';
import { Avatar } from '../parts/Avatar';
import { Video } from '../parts/Video';
import { PersonMenu } from './PersonMenu';
import { QualityBars } from './QualityBars';

export interface TileProps {
  tile: Tile;
  person: Person | undefined;
  call: CallModel;
  isMirrored: boolean;
  /** Whether the one who looks may moderate. */
  isModerator: boolean;
  isPinned: boolean;
  isSilenced: boolean;
  /** The large one of the stage: its name stands apart, and picture in picture takes it. */
  isMain?: boolean;
}

export const TileView = memo(function TileView(props: TileProps): ReactNode {
  const { tile, call, isMirrored, isMain = false } = props;
  const texts = useTexts();
  const element = useRef<HTMLLIElement>(null);
  useSeen(element, tile.key, call);
  const { kind, peerId, initials, hue, isSelf, isMuted, isStale, video } = tile;
  return (
    <li
      ref={element}
      className={classesOf(tile, isMain)}
      aria-label={nameOf(tile, texts.call.screenOf, texts.call.yourScreen)}
      data-testid={kind === 'person' ? 'tile' : 'share-tile'}
      data-peer-id={peerId}
      data-self={isSelf}
      data-muted={isMuted}
      data-video={video !== undefined}
      data-stale={isStale}
      data-main={isMain}
      onDoubleClick={() => call.pin(tile.key)}
    >
      {kind === 'person' && <Avatar initials={initials} hue={hue} />}
      {video !== undefined && (
        <Video key={video.id} track={video} isMirrored={isSelf && kind === 'person' && isMirrored} isWhole={kind === 'screen'} />
      )}
      {isStale && <span className="tile-note">{texts.call.reconnecting}</span>}
      <TileMarks {...props} />
      <TileActions {...props} />
    </li>
  );
}, isSameTile);

function classesOf(tile: Tile, isMain: boolean): string {
  const { kind, isSpeaking, isStale } = tile;
  return ['tile', `tile-${kind}`, isSpeaking ? 'tile-speaking' : '', isStale ? 'tile-stale' : '', isMain ? 'tile-main' : '']
    .filter((one) => one !== '')
    .join(' ');
}

function nameOf({ kind, name, isSelf }: Tile, screenOf: (name: string) => string, yourScreen: string): string {
  if (kind === 'person') return name;
  return isSelf ? yourScreen : screenOf(name);
}

/** Views are many and news is frequent: what looks the same is not drawn again. */
function isSameTile(before: TileProps, after: TileProps): boolean {
  const { tile: oldTile, person: oldPerson, ...oldRest } = before;
  const { tile, person, ...rest } = after;
  return isAlike(oldTile, tile) && isAlike(oldPerson ?? {}, person ?? {}) && isAlike(oldRest, rest);
}

function isAlike(one: object, other: object): boolean {
  const entries = Object.entries(one) as [string, unknown][];
  return entries.every(([key, value]) => isEqual(value, (other as Record<string, unknown>)[key]));
}

/** Rights are small objects made anew each time. */
function isEqual(one: unknown, other: unknown): boolean {
  if (Object.is(one, other)) return true;
  return isPlain(one) && isPlain(other) && JSON.stringify(one) === JSON.stringify(other);
}

function isPlain(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

function TileMarks({ tile, isSilenced }: TileProps): ReactNode {
  const texts = useTexts();
  const { kind, isSelf, isMuted, isHandRaised, quality } = tile;
  return (
    <>
      {isHandRaised && (
        <span className="tile-hand" data-testid="tile-hand">
          <Hand size={18} role="img" aria-label={texts.call.handRaised} />
        </span>
      )}
      <span className="tile-name">
        {kind === 'person' && isMuted && <MicOff size={14} aria-label={texts.call.muted} role="img" />}
        {isSilenced && <VolumeX size={14} aria-label={texts.people.silenced} role="img" />}
        <span className="tile-name-text">{nameOf(tile, texts.call.screenOf, texts.call.yourScreen)}</span>
        {isSelf && kind === 'person' && <span className="tile-you">{texts.common.you}</span>}
        {kind === 'person' && quality !== undefined && quality < 3 && <QualityBars quality={quality} />}
      </span>
    </>
  );
}

function TileActions({ tile, person, call, isModerator, isPinned, isSilenced }: TileProps): ReactNode {
  const texts = useTexts();
  const label = texts.call[isPinned ? 'unpin' : 'pin'];
  const Icon = isPinned ? PinOff : Pin;
  return (
    <span className="tile-actions">
      <button
        type="button"
        className={`tile-action tile-pin${isPinned ? ' tile-action-on' : ''}`}
        aria-label={`${label}: ${tile.name}`}
        title={label}
        aria-pressed={isPinned}
        onClick={() => call.pin(tile.key)}
      >
        <Icon size={16} aria-hidden="true" />
      </button>
      {person !== undefined && !tile.isSelf && (
        <PersonMenu person={person} call={call} isModerator={isModerator} isSilenced={isSilenced} tileKey={tile.key} isPinned={isPinned} className="tile-action" />
      )}
    </span>
  );
}
