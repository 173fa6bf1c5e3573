/** Everybody's tiles, as large as the space allows. */

import { useLayoutEffect, useRef, useState, type CSSProperties, type ReactNode } from 'react';
import { fitGrid } from '../../state/grid';
import type { Tile } from '../../state/tiles';
import { TileView } from './TileView';

const GAP = 12;

export function Grid({ tiles }: { tiles: Tile[] }): ReactNode {
  const [space, setSpace] = useState({ width: 0, height: 0 });
  const element = useRef<HTMLDivElement>(null);

  useLayoutEffect(() => {
    const grid = element.current;
    if (grid === null) return undefined;
    const observer = new ResizeObserver(() => setSpace({ width: grid.clientWidth, height: grid.clientHeight }));
    observer.observe(grid);
    return () => observer.disconnect();
  }, []);

  const { tileWidth, tileHeight } = fitGrid(tiles.length, space.width, space.height, GAP);
  const style = { '--tile-width': `${tileWidth}px`, '--tile-height': `${tileHeight}px`, '--gap': `${GAP}px` } as CSSProperties;
  return (
    <div className="grid" ref={element}>
      <ul className="grid-tiles" style={style} aria-label="Participants">
        {tiles.map((tile) => (
          <TileView key={tile.peerId} tile={tile} />
        ))}
      </ul>
    </div>
  );
}
