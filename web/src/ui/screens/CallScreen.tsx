/** The call screen: tiles, controls, panels, toasts and dialogs. */

import { Disc, DoorClosed, Eye, Lock, Volume2 } from 'lucide-react';
import { useRef, useState, type ReactNode } from 'react';
import type { AppModel } from '../../state/app/app-model';
import type { AppState } from '../../state/app/app-state';
import type { CallModel } from '../../state/call/call-model';
import type { CallState } from '../../state/call/call-state';
import type { Command } from '../../state/call/shortcuts';
import { speakerInUse } from '../../state/call/speaker';
import type { Layout } from '../../state/tiles/stage';
import { ChatPanel } from '../call/panels/ChatPanel';
import { ControlsBar } from '../call/controls/ControlsBar';
import { Notices } from '../call/Notices';
import { toggleFullScreen } from '../call/controls/page-actions';
import { PeoplePanel } from '../call/panels/PeoplePanel';
import { Reactions } from '../call/controls/Reactions';
import { Stage } from '../call/stage/Stage';
import { StatisticsPanel } from '../call/panels/StatisticsPanel';
import { Toasts } from '../call/Toasts';
import { CallDialogs } from '../dialogs/CallDialogs';
import { usePageVisibility } from '../hooks/usePageVisibility';
import { keyboardOf } from '../keyboard';
import { useShortcuts } from '../hooks/useShortcuts';
import { useStore } from '../hooks/useStore';
import { useWakeLock } from '../hooks/useWakeLock';
import { useTexts } from '../language';
import { ConnectionBadge } from '../parts/ConnectionBadge';
import { SteadyAudio } from '../parts/media/SteadyAudio';

interface Props {
  model: AppModel;
  app: AppState;
  call: CallModel;
}

export function CallScreen({ model, app, call }: Props): ReactNode {
  const state = useStore(call.state);
  useWakeLock();
  usePageVisibility(call);
  useShortcuts(
    keyboardOf(app.settings),
    (command) => run(command, model, app, call),
    () => call.talk(false),
  );
  return (
    <main className={`call${state.panel === undefined ? '' : ' call-with-panel'}`}>
      <CallHeader title={state.title ?? app.meeting.title} state={state} />
      <div className="call-stage">
        <Notices call={call} state={state} needsInvitation={app.meeting.needsToken} />
        <Stage call={call} state={state} settings={app.settings} />
        <Reactions reactions={state.reactions} />
        {state.showsStatistics && <StatisticsPanel call={call} people={state.people} />}
      </div>
      {state.panel === 'chat' && <ChatPanel call={call} state={state} />}
      {state.panel === 'people' && <PeoplePanel call={call} state={state} />}
      <Sound state={state} speakerId={speakerInUse(app.settings.speakerId, app.devices)} />
      <ControlsBar model={model} app={app} call={call} state={state} />
      <Toasts call={call} state={state} />
      <CallDialogs model={model} app={app} call={call} state={state} />
    </main>
  );
}

const NEXT_LAYOUT: Readonly<Record<Layout, Layout>> = { auto: 'speaker', speaker: 'grid', grid: 'auto' };

function run(command: Command, model: AppModel, app: AppState, call: CallModel): void {
  switch (command) {
    case 'microphone':
    case 'camera':
      return call.toggle(command);
    case 'share':
      return call.toggleShare();
    case 'chat':
    case 'people':
      return call.togglePanel(command);
    case 'hand':
      return void call.toggleHand();
    case 'layout':
      return model.change({ layout: NEXT_LAYOUT[app.settings.layout] });
    case 'fullScreen':
      return toggleFullScreen();
    case 'help':
      return call.open({ name: 'shortcuts' });
    case 'statistics':
      return call.toggleStatistics();
    case 'talk':
      return call.talk(true);
  }
}

function CallHeader({ title, state }: { title: string; state: CallState }): ReactNode {
  const texts = useTexts();
  return (
    <header className="call-header">
      <h1 title={title}>{title}</h1>
      {state.isRecorded && (
        <span className="chip chip-recording" data-testid="recording-mark">
          <Disc size={14} aria-hidden="true" />
          {texts.recording.mark}
        </span>
      )}
      {state.isLocked && (
        <span className="chip" data-testid="locked-mark">
          <Lock size={14} aria-hidden="true" />
          <span className="chip-word">{texts.call.locked}</span>
        </span>
      )}
      {state.isLobbyOn === true && (
        <span className="chip" data-testid="lobby-mark">
          <DoorClosed size={14} aria-hidden="true" />
          <span className="chip-word">{texts.call.lobbyOn}</span>
        </span>
      )}
      {state.viewers > 0 && (
        <span className="chip" data-testid="viewers-mark" title={texts.call.viewers(state.viewers)}>
          <Eye size={14} aria-hidden="true" />
          <span aria-hidden="true">{texts.call.count(state.viewers)}</span>
          <span className="visually-hidden">{texts.call.viewers(state.viewers)}</span>
        </span>
      )}
      <span className="call-header-space" />
      <ConnectionBadge connection={state.connection} />
    </header>
  );
}

/** All remote audio. If the browser or the system blocks playback, a button starts it. */
function Sound({ state, speakerId }: { state: CallState; speakerId: string | undefined }): ReactNode {
  const texts = useTexts();
  const [blocked, setBlocked] = useState<ReadonlySet<string>>(new Set());
  const elements = useRef<HTMLDivElement>(null);
  const playAll = (): void => {
    for (const voice of elements.current?.querySelectorAll('audio') ?? []) voice.play().catch(() => undefined);
  };
  return (
    <div ref={elements} className="sound">
      {state.voices.map(({ key, peerId, track, hasArrived }) => (
        <SteadyAudio
          key={key}
          track={track}
          hasArrived={hasArrived}
          isSilent={state.locallyMuted.has(peerId)}
          speakerId={speakerId}
          onBlocked={(isBlocked) => setBlocked((before) => withMember(before, key, isBlocked))}
        />
      ))}
      {blocked.size > 0 && (
        <button type="button" className="button button-primary hear-button" onClick={playAll}>
          <Volume2 size={18} aria-hidden="true" />
          {texts.call.turnOnSound}
        </button>
      )}
    </div>
  );
}

function withMember(members: ReadonlySet<string>, member: string, isIn: boolean): ReadonlySet<string> {
  if (members.has(member) === isIn) return members;
  const changed = new Set(members);
  if (isIn) changed.add(member);
  else changed.delete(member);
  return changed;
}
