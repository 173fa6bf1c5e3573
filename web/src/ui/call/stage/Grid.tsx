/** Tiles of equal size, as large as possible; those that do not fit are on further pages. */

import { ChevronLeft, ChevronRight } from 'lucide-react';
import { useRef, useState, type CSSProperties, type ReactNode } from 'react';
import { fitGrid } from '../../../state/tiles/grid';
import { GAP, pageCapacity, pageOf } from '../../../state/tiles/stage';
import type { Tile } from '../../../state/tiles/tiles';
import { useSize } from '../../hooks/useSize';
import { useTexts } from '../../language';

const PAGER_HEIGHT = 58;

interface Props {
  tiles: readonly Tile[];
  lastSpoke: ReadonlyMap<string, number>;
  renderTile: (tile: Tile) => ReactNode;
}

export function Grid({ tiles, lastSpoke, renderTile }: Props): ReactNode {
  const texts = useTexts();
  const [wanted, setWanted] = useState(0);
  const element = useRef<HTMLDivElement>(null);
  const { width, height } = useSize(element);
  const capacity = pageCapacity(width, height);
  // The pager has its own row, so that it does not cover tiles.
  const isPaged = tiles.length > capacity;
  const page = pageOf(tiles, lastSpoke, isPaged ? pageCapacity(width, height - PAGER_HEIGHT) : capacity, wanted);
  const { tileWidth, tileHeight } = fitGrid(page.tiles.length, width, isPaged ? height - PAGER_HEIGHT : height, GAP);
  const style = { '--tile-width': `${tileWidth}px`, '--tile-height': `${tileHeight}px`, '--gap': `${GAP}px` } as CSSProperties;
  return (
    <div className="grid" ref={element}>
      <ul className={`grid-tiles${isPaged ? ' grid-paged' : ''}`} style={style} aria-label={texts.call.participants}>
        {width > 0 && page.tiles.map(renderTile)}
      </ul>
      {page.count > 1 && <Pager index={page.index} count={page.count} onTurn={setWanted} />}
    </div>
  );
}

function Pager({ index, count, onTurn }: { index: number; count: number; onTurn: (page: number) => void }): ReactNode {
  const texts = useTexts().call;
  return (
    <nav className="pager" aria-label={texts.page(index + 1, count)}>
      <button type="button" className="icon-button" aria-label={texts.previousPage} disabled={index === 0} onClick={() => onTurn(index - 1)}>
        <ChevronLeft size={20} aria-hidden="true" />
      </button>
      <span aria-live="polite">
        {index + 1} / {count}
      </span>
      <button type="button" className="icon-button" aria-label={texts.nextPage} disabled={index === count - 1} onClick={() => onTurn(index + 1)}>
        <ChevronRight size={20} aria-hidden="true" />
      </button>
    </nav>
  );
}
