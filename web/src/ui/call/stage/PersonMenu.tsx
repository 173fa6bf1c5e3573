/** Actions on another participant: local ones, and those of moderators. */

import {
  Crown,
  EllipsisVertical,
  Expand,
  Eye,
  Hand,
  Mic,
  MicOff,
  Pin,
  PinOff,
  ScreenShareOff,
  ShieldOff,
  Shrink,
  SlidersHorizontal,
  UserX,
  VideoOff,
  Volume2,
  VolumeX,
} from 'lucide-react';
import type { ReactNode } from 'react';
import type { CallModel } from '../../../state/call/call-model';
import type { Fit } from '../../../state/tiles/fit';
import type { Person } from '../../../state/tiles/tiles';
import { useTexts } from '../../language';
import { Menu, MenuItem, MenuLine } from '../../parts/Menu';

interface Props {
  person: Person;
  call: CallModel;
  /** Whether the local participant is a moderator. */
  isModerator: boolean;
  isSilenced: boolean;
  /** Key of the participant's tile. */
  tileKey: string;
  isPinned: boolean;
  /** The current fit of the tile's video, if it has one. */
  fit?: Fit | undefined;
  className: string;
}

export function PersonMenu({ person, call, isModerator, isSilenced, tileKey, isPinned, fit, className }: Props): ReactNode {
  const texts = useTexts();
  const label = texts.call.actionsFor(person.name);
  const trigger = (
    <button type="button" className={className} aria-label={label} title={label} data-testid="person-menu">
      <EllipsisVertical size={18} aria-hidden="true" />
    </button>
  );
  return (
    <Menu trigger={trigger} side="bottom" align="end">
      <MenuItem icon={isPinned ? PinOff : Pin} label={texts.call[isPinned ? 'unpin' : 'pin']} testId="pin-item" onSelect={() => call.pin(tileKey)} />
      {fit !== undefined && <FitItem call={call} tileKey={tileKey} fit={fit} />}
      <MenuItem
        icon={isSilenced ? Volume2 : VolumeX}
        label={texts.people[isSilenced ? 'unmuteForMe' : 'muteForMe']}
        onSelect={() => call.toggleLocalMute(person.peerId)}
      />
      {isModerator && <ModeratorItems person={person} call={call} />}
    </Menu>
  );
}

function FitItem({ call, tileKey, fit }: Pick<Props, 'call' | 'tileKey'> & { fit: Fit }): ReactNode {
  const texts = useTexts().call;
  return fit === 'fit' ? (
    <MenuItem icon={Expand} label={texts.fillTile} testId="fit-item" onSelect={() => call.fit(tileKey, 'fill')} />
  ) : (
    <MenuItem icon={Shrink} label={texts.fitTile} testId="fit-item" onSelect={() => call.fit(tileKey, 'fit')} />
  );
}

function ModeratorItems({ person, call }: Pick<Props, 'person' | 'call'>): ReactNode {
  const texts = useTexts().people;
  const { peerId, name, isMuted, hasCamera, isSharing, isHandRaised, isModerator, isRecorder, isBroadcaster } = person;
  return (
    <>
      <MenuLine />
      {isMuted ? (
        <MenuItem icon={Mic} label={texts.askToUnmute} testId="ask-to-unmute" onSelect={() => void call.ask('askToUnmute', { peerId })} />
      ) : (
        <MenuItem icon={MicOff} label={texts.mute} testId="mute-person" onSelect={() => void call.ask('muteParticipant', { peerId, source: 'audio' })} />
      )}
      {hasCamera && <MenuItem icon={VideoOff} label={texts.stopCamera} onSelect={() => void call.ask('muteParticipant', { peerId, source: 'video' })} />}
      {isSharing && (
        <MenuItem
          icon={ScreenShareOff}
          label={texts.stopShare}
          testId="stop-share-of"
          onSelect={() => void call.ask('muteParticipant', { peerId, source: 'share' })}
        />
      )}
      {isHandRaised && <MenuItem icon={Hand} label={texts.lowerHand} onSelect={() => void call.ask('lowerHand', { peerId })} />}
      <MenuItem icon={SlidersHorizontal} label={texts.rights} onSelect={() => call.open({ name: 'rights', peerId })} />
      <MenuItem
        icon={isModerator ? ShieldOff : Crown}
        label={texts[isModerator ? 'removeModerator' : 'makeModerator']}
        onSelect={() => void call.ask('setModerator', { peerId, moderator: !isModerator })}
      />
      {!isRecorder && !isBroadcaster && (
        <MenuItem icon={Eye} label={texts.makeViewer} testId="make-viewer" onSelect={() => void call.ask('setPermissions', { peerId, viewer: true })} />
      )}
      <MenuLine />
      <MenuItem icon={UserX} label={texts.remove} isDanger testId="remove-person" onSelect={() => call.open({ name: 'remove', peerId, displayName: name })} />
    </>
  );
}
