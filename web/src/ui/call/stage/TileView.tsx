/** One tile: video or initials, name, status icons, speaking outline, and actions. */

import { Hand, MicOff, Pin, PinOff, VolumeX } from 'lucide-react';
import { memo, useRef, useState, type ReactNode, type RefObject } from 'react';
import { isShallowEqual } from '../../../state/shallow-equal';
import type { CallModel } from '../../../state/call/call-model';
import { fitOf, type Fit } from '../../../state/tiles/fit';
import type { Person, Tile } from '../../../state/tiles/tiles';
import type { Size } from '../../../state/tiles/watching';
import { useSeen } from '../../hooks/useSeen';
import { useSize } from '../../hooks/useSize';
import { useTexts } from '../../language';
import { Avatar } from '../../parts/Avatar';
import { SteadyVideo } from '../../parts/media/SteadyVideo';
import { PersonMenu } from './PersonMenu';
import { QualityBars } from './QualityBars';

export interface TileProps {
  tile: Tile;
  person: Person | undefined;
  call: CallModel;
  isMirrored: boolean;
  /** Whether the local participant is a moderator. */
  isModerator: boolean;
  isPinned: boolean;
  isSilenced: boolean;
  /** Whether its video is sent but not received. */
  isLeftOut: boolean;
  /** The user's choice of fit; undefined for the default. */
  chosenFit: Fit | undefined;
  /** Whether it is the large tile: used for picture-in-picture. */
  isMain?: boolean;
}

/** Memoized: there are many tiles and frequent updates, and unchanged data are the same objects. */
export const TileView = memo(function TileView(props: TileProps): ReactNode {
  const { tile, call, isMirrored, isLeftOut, isMain = false } = props;
  const texts = useTexts();
  const element = useRef<HTMLLIElement>(null);
  useSeen(element, tile.key, call);
  const { kind, peerId, initials, hue, isSelf, isMuted, isStale, isStalled, isSent, link, video } = tile;
  const { fit, onSize } = useFit(element, props);
  return (
    <li
      ref={element}
      className={classesOf(props)}
      aria-label={nameOf(tile, texts.call.screenOf, texts.call.yourScreen)}
      data-testid={kind === 'person' ? 'tile' : 'share-tile'}
      data-peer-id={peerId}
      data-self={isSelf}
      data-muted={isMuted}
      data-sent={isSent}
      data-video={video !== undefined}
      data-left-out={isLeftOut}
      data-stale={isStale}
      data-stalled={isStalled}
      data-link={link}
      data-main={isMain}
      data-fit={fit}
      onDoubleClick={() => call.pin(tile.key)}
    >
      {kind === 'person' && <Avatar initials={initials} hue={hue} />}
      {video !== undefined && (
        <SteadyVideo
          track={video}
          isMirrored={isSelf && kind === 'person' && isMirrored}
          isWhole={fit === 'fit'}
          onSize={onSize}
          onFrame={isSelf ? undefined : () => call.noteFrame()}
        />
      )}
      <TileNote tile={tile} isLeftOut={isLeftOut} />
      <TileMarks {...props} />
      <TileActions {...props} fit={fit} />
    </li>
  );
});

/** Tracks the sizes of video and tile. */
function useFit(element: RefObject<HTMLElement | null>, { tile, chosenFit }: TileProps): { fit: Fit; onSize: (size: Size) => void } {
  const [picture, onSize] = useState<Size>();
  const box = useSize(element);
  const { kind, isBroadcast } = tile;
  return { fit: fitOf({ kind, isBroadcast, picture, box, chosen: chosenFit }), onSize };
}

function classesOf({ tile, isLeftOut, isMain = false }: TileProps): string {
  const { kind, isSpeaking, isStale, isStalled, link } = tile;
  const isFaded = isStale || link === 'lost' || (kind === 'person' && link === 'interrupted');
  const marks = [isSpeaking && 'tile-speaking', isFaded && 'tile-stale', isStalled && 'tile-stalled', isLeftOut && 'tile-left-out', isMain && 'tile-main'];
  return ['tile', `tile-${kind}`, ...marks].filter((one) => one !== false).join(' ');
}

/** The reason the video is frozen or missing. */
function TileNote({ tile: { kind, isStale, isStalled, isTooSlow, link }, isLeftOut }: Pick<TileProps, 'tile' | 'isLeftOut'>): ReactNode {
  const texts = useTexts().call;
  if (isStale) return <span className="tile-note">{texts.reconnecting}</span>;
  if (link === 'lost' || (kind === 'person' && link === 'interrupted')) return <span className="tile-note">{texts.links[link]}</span>;
  if (isStalled && link === 'good') return <span className="tile-note">{isTooSlow ? texts.tooSlowForVideo : texts.waitingForVideo}</span>;
  if (!isLeftOut) return null;
  return (
    <span className="tile-note" title={texts.leftOutWhy}>
      {texts.leftOut[kind]}
    </span>
  );
}

function nameOf({ kind, name, isSelf }: Tile, screenOf: (name: string) => string, yourScreen: string): string {
  if (kind === 'person') return name;
  return isSelf ? yourScreen : screenOf(name);
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
        {isSilenced && <VolumeX size={14} aria-label={texts.people.mutedForMe} role="img" />}
        <span className="tile-name-text">{nameOf(tile, texts.call.screenOf, texts.call.yourScreen)}</span>
        {isSelf && kind === 'person' && <span className="tile-you">{texts.common.you}</span>}
        {kind === 'person' && quality !== undefined && quality < 3 && <QualityBars quality={quality} />}
      </span>
    </>
  );
}

interface ActionsProps extends TileProps {
  /** The current fit. */
  fit: Fit;
}

/** Memoized: menus are expensive, and speaking changes often without affecting them. */
const TileActions = memo(function TileActions({ tile, person, call, isModerator, isPinned, isSilenced, fit }: ActionsProps): ReactNode {
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
        <PersonMenu
          person={person}
          call={call}
          isModerator={isModerator}
          isSilenced={isSilenced}
          tileKey={tile.key}
          isPinned={isPinned}
          fit={tile.video === undefined ? undefined : fit}
          className="tile-action"
        />
      )}
    </span>
  );
}, hasSameActions);

function hasSameActions(before: ActionsProps, after: ActionsProps): boolean {
  const { tile: oldTile, person: oldPerson, ...oldRest } = before;
  const { tile, person, ...rest } = after;
  const isSamePerson = oldPerson === person || (oldPerson !== undefined && person !== undefined && isShallowEqual(oldPerson, person, ['isSpeaking']));
  return isSamePerson && isShallowEqual(oldTile, tile, ['isSpeaking']) && isShallowEqual(oldRest, rest);
}
