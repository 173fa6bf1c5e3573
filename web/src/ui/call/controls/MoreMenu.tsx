/** The less common actions; on narrow screens also those that do not fit into the bar. */

import { ChartNoAxesColumn, Keyboard, Link, Maximize, PictureInPicture2, ScreenShare, Settings as SettingsIcon, SwitchCamera, Users } from 'lucide-react';
import type { ReactNode } from 'react';
import { canShareScreen } from '../../../core/media/devices';
import type { AppModel } from '../../../state/app/app-model';
import type { AppState } from '../../../state/app/app-state';
import type { CallModel } from '../../../state/call/call-model';
import type { Layout } from '../../../state/tiles/stage';
import { useTexts } from '../../language';
import { MenuChoice, MenuItem, MenuLine } from '../../parts/Menu';
import type { BarState } from './bar-state';
import { ReactionRow } from './ReactionPicker';
import { copyLink, pictureInPicture, toggleFullScreen } from './page-actions';

interface Props {
  model: AppModel;
  app: AppState;
  call: CallModel;
  state: BarState;
}

export function MoreItems({ model, app, call, state }: Props): ReactNode {
  const texts = useTexts();
  const { controls } = texts;
  const layouts = (['auto', 'grid', 'speaker'] as const).map((value) => ({ value, label: texts.layouts[value] }));
  return (
    <>
      <NarrowItems model={model} app={app} call={call} state={state} />
      {/* Narrow menus are long already: there the layout is in the settings. */}
      <div className="wide-block">
        <MenuChoice label={controls.view} value={app.settings.layout} choices={layouts} onChoose={(layout) => model.change({ layout: layout as Layout })} />
        <MenuLine />
      </div>
      {document.fullscreenEnabled && <MenuItem icon={Maximize} label={controls.fullScreen} onSelect={toggleFullScreen} />}
      {document.pictureInPictureEnabled && <MenuItem icon={PictureInPicture2} label={controls.pictureInPicture} onSelect={pictureInPicture} />}
      {globalThis.isSecureContext && (
        <MenuItem
          icon={Link}
          label={controls.copyLink}
          onSelect={() => copyLink(() => call.toast({ kind: 'link', needsInvitation: app.meeting.needsToken }))}
        />
      )}
      <MenuItem icon={SettingsIcon} label={controls.settings} testId="settings-item" onSelect={() => call.open({ name: 'settings' })} />
      <MenuItem className="pointer-only" icon={Keyboard} label={controls.shortcuts} testId="shortcuts-item" onSelect={() => call.open({ name: 'shortcuts' })} />
      <MenuItem icon={ChartNoAxesColumn} label={controls.statistics} testId="statistics-item" onSelect={() => call.toggleStatistics()} />
    </>
  );
}

function NarrowItems({ model, app, call, state }: Props): ReactNode {
  const texts = useTexts().controls;
  const isSharing = state.local.screen.status === 'on';
  return (
    <div className="narrow-only">
      <ReactionRow call={call} />
      <MenuItem icon={Users} label={texts.people} testId="people-item" onSelect={() => call.togglePanel('people')} />
      {canShareScreen() && !state.rights.isViewer && (
        <MenuItem
          icon={ScreenShare}
          label={texts[isSharing ? 'stopShare' : 'shareTitle']}
          isDisabled={!state.rights.publish.share}
          onSelect={() => call.toggleShare()}
        />
      )}
      {app.devices.cameras.length > 1 && state.local.camera.status === 'on' && (
        <MenuItem icon={SwitchCamera} label={texts.flip} testId="flip-item" onSelect={() => model.flipCamera()} />
      )}
      <MenuLine />
    </div>
  );
}
