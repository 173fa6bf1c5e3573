/** The number of columns and rows that gives the largest tiles. Pure. */

export interface GridSize {
  columns: number;
  rows: number;
  tileWidth: number;
  tileHeight: number;
}

/** Tiles are at most 16:9. On a portrait screen they may be portrait, elsewhere that would crop too much. */
const WIDEST = 16 / 9;
const NARROWEST = 4 / 3;
const NARROWEST_UPRIGHT = 3 / 4;

/** Narrower tiles have no room for names: used only if nothing else fits. */
const LEGIBLE = 130;

export function fitGrid(count: number, width: number, height: number, gap: number): GridSize {
  const narrowest = height > width ? NARROWEST_UPRIGHT : NARROWEST;
  let best: GridSize = { columns: 1, rows: Math.max(count, 1), tileWidth: 0, tileHeight: 0 };
  for (let columns = 1; columns <= count; columns += 1) {
    const rows = Math.ceil(count / columns);
    const size = { columns, rows, ...fitTile((width - gap * (columns - 1)) / columns, (height - gap * (rows - 1)) / rows, narrowest) };
    if (worth(size) > worth(best)) best = size;
  }
  return best;
}

function worth({ tileWidth, tileHeight }: GridSize): number {
  return tileWidth * tileHeight * (tileWidth < LEGIBLE ? 0.5 : 1);
}

function fitTile(cellWidth: number, cellHeight: number, narrowest: number): { tileWidth: number; tileHeight: number } {
  const width = Math.max(cellWidth, 0);
  const height = Math.max(cellHeight, 0);
  return {
    tileWidth: Math.floor(Math.min(width, height * WIDEST)),
    tileHeight: Math.floor(Math.min(height, width / narrowest)),
  };
}
