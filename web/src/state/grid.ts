/** How many columns and rows make the tiles largest in the space there is. Pure. */

export interface GridSize {
  columns: number;
  rows: number;
  tileWidth: number;
  tileHeight: number;
}

/** Tiles may be as tall as a phone held upright shows them, and as wide as cinema. */
const NARROWEST = 3 / 4;
const WIDEST = 16 / 9;

export function fitGrid(count: number, width: number, height: number, gap: number): GridSize {
  let best: GridSize = { columns: 1, rows: Math.max(count, 1), tileWidth: 0, tileHeight: 0 };
  for (let columns = 1; columns <= count; columns += 1) {
    const rows = Math.ceil(count / columns);
    // A grid with an empty last row shows nothing that fewer columns would not show larger.
    const size = { columns, rows, ...fitTile((width - gap * (columns - 1)) / columns, (height - gap * (rows - 1)) / rows) };
    if (size.tileWidth * size.tileHeight > best.tileWidth * best.tileHeight) best = size;
  }
  return best;
}

function fitTile(cellWidth: number, cellHeight: number): { tileWidth: number; tileHeight: number } {
  const width = Math.max(cellWidth, 0);
  const height = Math.max(cellHeight, 0);
  return {
    tileWidth: Math.floor(Math.min(width, height * WIDEST)),
    tileHeight: Math.floor(Math.min(height, width / NARROWEST)),
  };
}
