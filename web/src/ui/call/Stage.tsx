/** The pictures of the call: all alike, or one large with the others beside it. */

import type { ReactNode } from 'react';
import type { CallModel } from '../../state/call-model';
import type { CallState } from '../../state/call-state';
import type { Settings } from '../../state/settings';
import { stageOf } from '../../state/stage';
import type { Tile } from '../../state/tiles';
import { useTexts } from '../language';
import { Grid } from './Grid';
import { TileView } from './TileView';

interface Props {
  call: CallModel;
  state: CallState;
  settings: Settings;
}

export function Stage({ call, state, settings }: Props): ReactNode {
  const texts = useTexts();
  const { tiles, people, pinned, silenced, activeSpeaker, spoke } = state;
  const stage = stageOf(tiles, { layout: settings.layout, pinned, activeSpeaker });
  const renderTile = (tile: Tile, isMain: boolean): ReactNode => (
    <TileView
      key={tile.key}
      tile={tile}
      person={people.find(({ peerId }) => peerId === tile.peerId)}
      call={call}
      isMirrored={settings.isMirrored}
      isPinned={tile.key === pinned}
      isSilenced={silenced.has(tile.peerId)}
      isMain={isMain}
    />
  );
  if (stage.kind === 'grid') return <Grid tiles={stage.tiles} spoke={spoke} renderTile={(tile) => renderTile(tile, false)} />;
  return (
    <div className={`focus${stage.others.length === 0 ? ' focus-alone' : ''}`} data-testid="focus">
      <ul className="focus-main">{renderTile(stage.main, true)}</ul>
      {stage.others.length > 0 && (
        // Scrolled by keys too, so it takes the focus.
        <ul className="focus-strip" aria-label={texts.call.participants} tabIndex={0}>
          {stage.others.map((tile) => renderTile(tile, false))}
        </ul>
      )}
    </div>
  );
}
