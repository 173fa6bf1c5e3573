/** Participants with their roles, requests to join, and actions of moderators for the whole room. */

import { Circle, Crown, DoorClosed, DoorOpen, Hand, Lock, LockOpen, Mic, MicOff, ScreenShare, VideoOff, VolumeX } from 'lucide-react';
import { memo, type ReactNode } from 'react';
import type { LobbyPeer, ViewerHands } from '../../../generated/messages';
import { initialsOf } from '../../../core/peer/display-name';
import type { CallModel } from '../../../state/call/call-model';
import type { CallState } from '../../../state/call/call-state';
import type { RoomAccess } from '../../../state/tiles/participants';
import { hueOf, type Person } from '../../../state/tiles/tiles';
import { useTexts } from '../../language';
import { Avatar } from '../../parts/Avatar';
import { PersonMenu } from '../stage/PersonMenu';
import { SidePanel } from './SidePanel';

interface Props {
  call: CallModel;
  state: Pick<CallState, 'people' | 'lobby' | 'viewers' | 'viewerHands' | 'rights' | 'isLocked' | 'isLobbyOn' | 'locallyMuted' | 'pinned' | 'leftOut'>;
}

export function PeoplePanel({ call, state }: Props): ReactNode {
  const { people: texts, call: callTexts } = useTexts();
  const { people, lobby, viewers, viewerHands, rights, locallyMuted, leftOut } = state;
  const isModerator = rights.isModerator;
  return (
    <SidePanel title={`${texts.title} (${people.length})`} testId="people-panel" onClose={() => call.togglePanel('people')}>
      {isModerator && <RoomActions call={call} access={state} />}
      {isModerator && lobby.length > 0 && <Lobby call={call} lobby={lobby} />}
      {isModerator && viewerHands.count > 0 && <ViewerHandList call={call} raised={viewerHands} />}
      {viewers > 0 && (
        <p className="panel-note" data-testid="viewers-note">
          {callTexts.viewers(viewers)}
        </p>
      )}
      {leftOut.size > 0 && (
        <p className="panel-note" data-testid="left-out-note">
          {callTexts.leftOutWhy}
        </p>
      )}
      <ul className="people" tabIndex={0} aria-label={texts.title}>
        {inOrder(people).map((person) => (
          <PersonRow
            key={person.peerId}
            person={person}
            call={call}
            isModerator={isModerator}
            isSilenced={locallyMuted.has(person.peerId)}
            isPinned={state.pinned === person.peerId}
          />
        ))}
      </ul>
    </SidePanel>
  );
}

/** The local participant first, then raised hands, then moderators. */
function inOrder(people: readonly Person[]): Person[] {
  const rank = ({ isSelf, isHandRaised, isModerator }: Person): number => (isSelf ? 0 : isHandRaised ? 1 : isModerator ? 2 : 3);
  return [...people].sort((one, other) => rank(one) - rank(other));
}

function RoomActions({ call, access: { isLocked, isLobbyOn } }: { call: CallModel; access: RoomAccess }): ReactNode {
  const texts = useTexts().people;
  const LockIcon = isLocked ? LockOpen : Lock;
  const LobbyIcon = isLobbyOn === true ? DoorOpen : DoorClosed;
  return (
    <div className="panel-actions">
      <button
        type="button"
        className="button button-small button-quiet"
        data-testid="mute-all"
        onClick={() => void call.ask('muteParticipant', { source: 'audio' })}
      >
        <MicOff size={16} aria-hidden="true" />
        {texts.muteAll}
      </button>
      <button
        type="button"
        className="button button-small button-quiet"
        data-testid="lock-button"
        onClick={() => void call.ask('setRoomLock', { locked: !isLocked })}
      >
        <LockIcon size={16} aria-hidden="true" />
        {texts[isLocked ? 'unlock' : 'lock']}
      </button>
      {isLobbyOn !== undefined && (
        <button
          type="button"
          className="button button-small button-quiet"
          data-testid="lobby-button"
          onClick={() => void call.ask('setRoomLobby', { enabled: !isLobbyOn })}
        >
          <LobbyIcon size={16} aria-hidden="true" />
          {texts[isLobbyOn ? 'lobbyOff' : 'lobbyOn']}
        </button>
      )}
    </div>
  );
}

function Lobby({ call, lobby }: { call: CallModel; lobby: readonly LobbyPeer[] }): ReactNode {
  const texts = useTexts().people;
  return (
    <section className="lobby" aria-label={texts.lobby(lobby.length)} data-testid="lobby">
      <header>
        <h3>{texts.lobby(lobby.length)}</h3>
        {lobby.length > 1 && (
          <button type="button" className="button button-small button-primary" onClick={() => void call.ask('admitAll', {})}>
            {texts.admitAll}
          </button>
        )}
      </header>
      <ul>
        {lobby
          .map(({ peerId, displayName: given }) => ({ peerId, displayName: given === '' ? texts.guest : given }))
          .map(({ peerId, displayName }) => (
            <Asking
              key={peerId}
              name={displayName}
              refuse={{ label: texts.deny, name: texts.denyName(displayName), onClick: () => void call.ask('refusePeer', { peerId }) }}
              grant={{ label: texts.admit, name: texts.admitName(displayName), onClick: () => void call.ask('admitPeer', { peerId }) }}
            />
          ))}
      </ul>
    </section>
  );
}

interface Answer {
  label: string;
  /** The label with the name, for those who do not see the row. */
  name: string;
  onClick: () => void;
}

/** A row of a list of people who wait for a moderator. */
function Asking({ name, refuse, grant }: { name: string; refuse: Answer; grant: Answer }): ReactNode {
  return (
    <li className="person">
      <Avatar initials={initialsOf(name)} hue={hueOf(name)} isSmall />
      <span className="person-name">{name}</span>
      <button type="button" className="button button-small button-quiet" aria-label={refuse.name} onClick={refuse.onClick}>
        {refuse.label}
      </button>
      <button type="button" className="button button-small button-primary" aria-label={grant.name} onClick={grant.onClick}>
        {grant.label}
      </button>
    </li>
  );
}

/** Viewers who want to come on stage, the first one first. */
function ViewerHandList({ call, raised: { count, hands } }: { call: CallModel; raised: ViewerHands }): ReactNode {
  const texts = useTexts().people;
  return (
    <section className="lobby" aria-label={texts.viewerHands(count)} data-testid="viewer-hands">
      <header>
        <h3>{texts.viewerHands(count)}</h3>
      </header>
      <ul>
        {hands.map(({ peerId, displayName }) => (
          <Asking
            key={peerId}
            name={displayName}
            refuse={{ label: texts.lowerHand, name: texts.lowerHandOf(displayName), onClick: () => void call.ask('lowerHand', { peerId }) }}
            grant={{ label: texts.bringOnStage, name: texts.bringName(displayName), onClick: () => void call.ask('setPermissions', { peerId, viewer: false }) }}
          />
        ))}
      </ul>
    </section>
  );
}

interface RowProps {
  person: Person;
  call: CallModel;
  isModerator: boolean;
  isSilenced: boolean;
  isPinned: boolean;
}

const PersonRow = memo(function PersonRow({ person, call, isModerator, isSilenced, isPinned }: RowProps): ReactNode {
  const texts = useTexts();
  const { peerId, name, initials, hue, isSelf, isStale, link } = person;
  return (
    <li className={`person${isStale || link === 'lost' ? ' person-stale' : ''}`} data-testid="person" data-peer-id={peerId}>
      <Avatar initials={initials} hue={hue} isSmall />
      <span className="person-name">
        <span className="person-name-text">
          {name}
          {isSelf && <span className="person-you"> ({texts.common.you})</span>}
          {link === 'lost' && <span className="person-you"> ({texts.call.links.lost})</span>}
        </span>
        <Roles person={person} />
      </span>
      <States person={person} isSilenced={isSilenced} />
      {isSelf ? (
        <span className="person-menu" />
      ) : (
        <PersonMenu
          person={person}
          call={call}
          isModerator={isModerator}
          isSilenced={isSilenced}
          tileKey={peerId}
          isPinned={isPinned}
          className="icon-button person-menu"
        />
      )}
    </li>
  );
});

function Roles({ person: { isModerator, isGuest, isRecorder } }: { person: Person }): ReactNode {
  const texts = useTexts().people;
  if (!isModerator && !isGuest && !isRecorder) return null;
  return (
    <span className="person-roles">
      {isRecorder && (
        <span className="role role-recorder">
          <Circle size={9} fill="currentColor" aria-hidden="true" />
          {texts.recorder}
        </span>
      )}
      {isModerator && (
        <span className="role">
          <Crown size={12} aria-hidden="true" />
          {texts.moderator}
        </span>
      )}
      {isGuest && <span className="role">{texts.guest}</span>}
    </span>
  );
}

function States({ person, isSilenced }: { person: Person; isSilenced: boolean }): ReactNode {
  const texts = useTexts();
  const { isHandRaised, isSharing, isMuted, hasCamera, isSpeaking } = person;
  return (
    <span className="person-states">
      {isHandRaised && <Hand size={18} className="state-hand" role="img" aria-label={texts.call.handRaised} />}
      {isSharing && <ScreenShare size={18} role="img" aria-label={texts.people.sharing} />}
      {isSilenced && <VolumeX size={18} role="img" aria-label={texts.people.mutedForMe} />}
      {!hasCamera && <VideoOff size={18} role="img" aria-label={texts.people.cameraOff} />}
      {isMuted ? (
        <MicOff size={18} className="state-muted" role="img" aria-label={texts.call.muted} />
      ) : (
        <Mic
          size={18}
          className={isSpeaking ? 'state-speaking' : ''}
          {...(isSpeaking ? { role: 'img', 'aria-label': texts.call.speaking } : { 'aria-hidden': true })}
        />
      )}
    </span>
  );
}
