/** The tiles of the call: a grid, or one large tile with the others in a strip. */

import { useRef, type ReactNode } from 'react';
import type { CallModel } from '../../../state/call/call-model';
import type { CallState } from '../../../state/call/call-state';
import type { Settings } from '../../../state/settings';
import { stageOf } from '../../../state/tiles/stage';
import type { Tile } from '../../../state/tiles/tiles';
import { useSize } from '../../hooks/useSize';
import { useTexts } from '../../language';
import { Grid } from './Grid';
import { TileView } from './TileView';

interface Props {
  call: CallModel;
  state: CallState;
  settings: Settings;
}

export function Stage({ call, state, settings }: Props): ReactNode {
  const { tiles, people, pinned, locallyMuted, fits, leftOut, activeSpeaker, lastSpoke } = state;
  const stage = stageOf(tiles, { layout: settings.layout, pinned, activeSpeaker });
  const renderTile = (tile: Tile, isMain: boolean): ReactNode => (
    <TileView
      key={tile.key}
      tile={tile}
      person={people.find(({ peerId }) => peerId === tile.peerId)}
      call={call}
      isMirrored={settings.isMirrored}
      isModerator={state.rights.isModerator}
      isPinned={tile.key === pinned}
      isSilenced={locallyMuted.has(tile.peerId)}
      isLeftOut={leftOut.has(tile.key)}
      chosenFit={fits.get(tile.key)}
      isMain={isMain}
    />
  );
  if (stage.kind === 'grid') return <Grid tiles={stage.tiles} lastSpoke={lastSpoke} renderTile={(tile) => renderTile(tile, false)} />;
  return <Focus main={stage.main} others={stage.others} lastSpoke={lastSpoke} renderTile={renderTile} />;
}

interface FocusProps {
  main: Tile;
  others: readonly Tile[];
  lastSpoke: ReadonlyMap<string, number>;
  renderTile: (tile: Tile, isMain: boolean) => ReactNode;
}

/** In portrait a screen takes the height that it needs, and participants get the rest. */
function Focus({ main, others, lastSpoke, renderTile }: FocusProps): ReactNode {
  const element = useRef<HTMLDivElement>(null);
  const { width, height } = useSize(element);
  const isUpright = main.kind === 'screen' && height > width && others.length > 0;
  const mainHeight = Math.min((width * 9) / 16, height * 0.6);
  const classes = ['focus', others.length === 0 ? 'focus-alone' : '', isUpright ? 'focus-upright' : ''].filter((one) => one !== '').join(' ');
  return (
    <div ref={element} className={classes} data-testid="focus" style={isUpright ? { gridTemplateRows: `${mainHeight}px minmax(0, 1fr)` } : undefined}>
      {width > 0 && <ul className="focus-main">{renderTile(main, true)}</ul>}
      {width > 0 && isUpright && <Grid tiles={others} lastSpoke={lastSpoke} renderTile={(tile) => renderTile(tile, false)} />}
      {width > 0 && !isUpright && others.length > 0 && <Strip>{others.map((tile) => renderTile(tile, false))}</Strip>}
    </div>
  );
}

/** Focusable, so that it can be scrolled by keyboard. */
function Strip({ children }: { children: ReactNode }): ReactNode {
  const texts = useTexts();
  return (
    <ul className="focus-strip" aria-label={texts.call.participants} tabIndex={0}>
      {children}
    </ul>
  );
}
