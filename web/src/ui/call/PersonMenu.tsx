/** What one can do with another person: for oneself alone, and as a moderator for all. */

import {
  Crown,
  EllipsisVertical,
  Hand,
  Mic,
  MicOff,
  ScreenShareOff,
  ShieldOff,
  SlidersHorizontal,
  UserX,
  VideoOff,
  Volume2,
  VolumeX,
} from 'lucide-react';
import type { ReactNode } from 'react';
import type { CallModel } from '../../state/call-model';
import type { Person } from '../../state/tiles';
import { useStore } from '../hooks/useStore';
import { useTexts } from '../language';
import { Menu, MenuItem, MenuLine } from '../parts/Menu';

interface Props {
  person: Person;
  call: CallModel;
  isSilenced: boolean;
  className: string;
}

export function PersonMenu({ person, call, isSilenced, className }: Props): ReactNode {
  const texts = useTexts();
  const { rights } = useStore(call.state);
  const label = texts.call.actionsFor(person.name);
  const trigger = (
    <button type="button" className={className} aria-label={label} title={label} data-testid="person-menu">
      <EllipsisVertical size={18} aria-hidden="true" />
    </button>
  );
  return (
    <Menu trigger={trigger} side="bottom" align="end">
      <MenuItem
        icon={isSilenced ? Volume2 : VolumeX}
        label={texts.people[isSilenced ? 'unsilence' : 'silence']}
        onSelect={() => call.silence(person.peerId)}
      />
      {rights.isModerator && <ModeratorItems person={person} call={call} />}
    </Menu>
  );
}

function ModeratorItems({ person, call }: Pick<Props, 'person' | 'call'>): ReactNode {
  const texts = useTexts().people;
  const { peerId, name, isMuted, hasCamera, isSharing, isHandRaised, isModerator } = person;
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
        label={texts[isModerator ? 'takeModerator' : 'makeModerator']}
        onSelect={() => void call.ask('setModerator', { peerId, moderator: !isModerator })}
      />
      <MenuLine />
      <MenuItem
        icon={UserX}
        label={texts.remove}
        isDanger
        testId="remove-person"
        onSelect={() => call.open({ name: 'remove', peerId, displayName: name })}
      />
    </>
  );
}
