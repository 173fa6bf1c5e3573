/** The buttons of the call. On narrow screens the less common ones move to the menu "more". */

import { Ellipsis, Hand, MessageSquare, PhoneOff, ScreenShare, ScreenShareOff, Smile, Users, type LucideIcon } from 'lucide-react';
import type { ReactNode } from 'react';
import { canShareScreen, type DeviceKind } from '../../../core/media/devices';
import type { AppModel } from '../../../state/app/app-model';
import type { AppState } from '../../../state/app/app-state';
import type { CallModel } from '../../../state/call/call-model';
import type { Command } from '../../../state/call/shortcuts';
import { withKeys } from '../../keyboard';
import { useTexts } from '../../language';
import { DeviceToggle } from '../../parts/media/DeviceToggle';
import { memoOn } from '../../parts/memo-on';
import { Menu } from '../../parts/Menu';
import { DeviceMenu, LeaveMenu } from './DeviceMenu';
import { SHOWN_IN_BAR, type BarState } from './bar-state';
import { MoreItems } from './MoreMenu';
import { ReactionPicker } from './ReactionPicker';

interface Props {
  model: AppModel;
  app: AppState;
  call: CallModel;
  state: BarState;
}

export const ControlsBar = memoOn<Props>(SHOWN_IN_BAR, function ControlsBar({ model, app, call, state }) {
  const all = useTexts();
  const texts = all.controls;
  const titled = (title: string, command: Command): string => withKeys(title, command, app.settings, all);
  return (
    <div className="controls" role="toolbar" aria-label={texts.toolbar}>
      {!state.rights.isViewer && (
        <>
          <DeviceControl kind="microphone" model={model} app={app} call={call} state={state} />
          <DeviceControl kind="camera" model={model} app={app} call={call} state={state} />
          <ShareControl call={call} state={state} titled={titled} />
        </>
      )}
      <Control
        icon={Hand}
        label={texts.hand}
        title={titled(texts[state.isHandRaised ? 'lowerHand' : 'raiseHand'], 'hand')}
        testId="hand-button"
        isPressed={state.isHandRaised}
        onClick={() => void call.toggleHand()}
      />
      <span className="wide-only">
        <ReactionPicker call={call} trigger={<Control icon={Smile} label={texts.react} title={texts.reactTitle} testId="react-button" />} />
      </span>
      <Control
        icon={MessageSquare}
        label={texts.chat}
        title={titled(texts.chat, 'chat')}
        testId="chat-button"
        isPressed={state.panel === 'chat'}
        badge={state.chat.unread}
        badgeLabel={texts.unread(state.chat.unread)}
        onClick={() => call.togglePanel('chat')}
      />
      <Control
        className="wide-only"
        icon={Users}
        label={texts.people}
        title={titled(texts.people, 'people')}
        testId="people-button"
        isPressed={state.panel === 'people'}
        badge={state.rights.isModerator ? state.lobby.length + state.viewerHands.count : 0}
        badgeLabel=""
        onClick={() => call.togglePanel('people')}
      />
      <Menu trigger={<Control icon={Ellipsis} label={texts.more} title={texts.moreTitle} testId="more-button" />} align="end">
        <MoreItems model={model} app={app} call={call} state={state} />
      </Menu>
      <span className="control-group control-group-leave">
        <button
          type="button"
          className="control control-leave"
          data-testid="leave-button"
          aria-label={texts.leave}
          title={texts.leave}
          onClick={() => call.leave()}
        >
          <PhoneOff size={22} aria-hidden="true" />
          <span className="control-label">{texts.leave}</span>
        </button>
        {state.rights.isModerator && <LeaveMenu call={call} />}
      </span>
    </div>
  );
});

function DeviceControl({ kind, model, app, call, state }: Props & { kind: DeviceKind }): ReactNode {
  const texts = useTexts();
  const isAllowed = state.rights.publish[kind === 'microphone' ? 'audio' : 'video'];
  return (
    <span className="control-group">
      <DeviceToggle
        kind={kind}
        device={state.local[kind]}
        isAllowed={isAllowed}
        withKeys={(title) => withKeys(title, kind, app.settings, texts)}
        onToggle={() => call.toggle(kind)}
      />
      <DeviceMenu kind={kind} model={model} app={app} />
    </span>
  );
}

function ShareControl({ call, state, titled }: Pick<Props, 'call' | 'state'> & { titled: (title: string, command: Command) => string }): ReactNode {
  const texts = useTexts();
  if (!canShareScreen()) return null;
  const isOn = state.local.screen.status === 'on';
  const isAllowed = state.rights.publish.share;
  const title = isAllowed ? titled(texts.controls[isOn ? 'stopShare' : 'shareTitle'], 'share') : texts.devices.notAllowed;
  return (
    <Control
      className="wide-only"
      icon={isOn ? ScreenShareOff : ScreenShare}
      label={texts.controls.share}
      title={title}
      testId="share-button"
      isPressed={isOn}
      isAllowed={isAllowed}
      onClick={() => call.toggleShare()}
    />
  );
}

interface ControlProps {
  icon: LucideIcon;
  label: string;
  title: string;
  testId: string;
  isPressed?: boolean;
  isAllowed?: boolean;
  badge?: number;
  badgeLabel?: string;
  className?: string;
  onClick?: () => void;
}

/** Passes on the properties that a menu adds to its trigger. */
function Control(props: ControlProps): ReactNode {
  const { icon: Icon, label, title, testId, isPressed, isAllowed = true, badge = 0, badgeLabel = '', className = '', onClick, ...rest } = props;
  return (
    <button
      type="button"
      {...rest}
      className={`control${isPressed === true ? ' control-active' : ''} ${className}`}
      data-testid={testId}
      aria-label={label}
      aria-description={[title === label ? '' : title, badge > 0 ? badgeLabel : ''].filter((part) => part !== '').join(', ') || undefined}
      title={title}
      aria-disabled={!isAllowed || undefined}
      {...(isPressed === undefined ? {} : { 'aria-pressed': isPressed })}
      {...(onClick === undefined ? {} : { onClick: isAllowed ? onClick : undefined })}
    >
      <Icon size={22} aria-hidden="true" />
      <span className="control-label">{label}</span>
      {badge > 0 && <span className="control-badge" data-count={badge > 99 ? '99+' : badge} data-testid={`${testId}-badge`} />}
    </button>
  );
}
