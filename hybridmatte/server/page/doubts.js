/** Places where alpha may be wrong: clusters of unknown pixels with little confidence, the most doubtful first. */

import { UNKNOWN } from './crops.js';

/**
 * @typedef {import('./rectangles.js').Rect} Rect
 * @typedef {{width: number, height: number}} Size
 *
 * Doubt summed over square cells of the picture.
 * @typedef {{sums: Float32Array, columns: number, rows: number, side: number}} Grid
 */

const LIKELY_WRONG = 128; // confidence below which a pixel counts, of 255
const CELLS = 64; // along the longer side
const LEAST_IN_CELL = 0.12; // doubt, as a share of a cell, from which the cell counts: thin edges stay below
const LEAST_IN_PLACE = 4e-4; // doubt, as a share of the picture
const MOST_PLACES = 9;

/**
 * @param {Uint8Array} confidence
 * @param {Uint8Array} trimap
 * @param {Size} size
 * @returns {Rect[]}
 */
export function doubtfulPlaces(confidence, trimap, size) {
  const grid = doubtGrid(confidence, trimap, size);
  const least = LEAST_IN_PLACE * size.width * size.height;
  return clustersOf(grid)
    .filter(({ doubt }) => doubt >= least)
    .sort((a, b) => b.doubt - a.doubt)
    .slice(0, MOST_PLACES)
    .map(({ left, top, right, bottom }) => {
      const [x, y] = [left * grid.side, top * grid.side];
      const width = Math.min((right + 1) * grid.side, size.width) - x;
      return { x, y, width, height: Math.min((bottom + 1) * grid.side, size.height) - y };
    });
}

/**
 * @param {Uint8Array} confidence
 * @param {Uint8Array} trimap
 * @param {Size} size
 * @returns {Grid}
 */
function doubtGrid(confidence, trimap, { width, height }) {
  const side = Math.max(4, Math.round(Math.max(width, height) / CELLS));
  const [columns, rows] = [Math.ceil(width / side), Math.ceil(height / side)];
  const sums = new Float32Array(columns * rows);
  for (let y = 0, i = 0; y < height; y++) {
    const row = Math.floor(y / side) * columns;
    for (let x = 0; x < width; x++, i++) {
      if (confidence[i] >= LIKELY_WRONG || trimap[i] !== UNKNOWN) continue;
      sums[row + Math.floor(x / side)] += 1 - confidence[i] / 255;
    }
  }
  return { sums, columns, rows, side };
}

/**
 * Doubtful cells that touch, also by a corner.
 *
 * @param {Grid} grid
 */
function clustersOf({ sums, columns, rows, side }) {
  const isOpen = Array.from(sums, (sum) => sum > LEAST_IN_CELL * side * side);
  const clusters = [];
  for (let start = 0; start < sums.length; start++) {
    if (!isOpen[start]) continue;
    const cluster = { doubt: 0, left: columns, right: 0, top: rows, bottom: 0 };
    const stack = [start];
    isOpen[start] = false;
    for (let cell = stack.pop(); cell !== undefined; cell = stack.pop()) {
      const [x, y] = [cell % columns, Math.floor(cell / columns)];
      cluster.doubt += sums[cell];
      cluster.left = Math.min(cluster.left, x);
      cluster.right = Math.max(cluster.right, x);
      cluster.top = Math.min(cluster.top, y);
      cluster.bottom = Math.max(cluster.bottom, y);
      for (const next of neighboursOf(x, y, columns, rows)) {
        if (isOpen[next]) stack.push(next);
        isOpen[next] = false;
      }
    }
    clusters.push(cluster);
  }
  return clusters;
}

/**
 * @param {number} x
 * @param {number} y
 * @param {number} columns
 * @param {number} rows
 */
function neighboursOf(x, y, columns, rows) {
  const found = [];
  for (let v = Math.max(0, y - 1); v <= Math.min(rows - 1, y + 1); v++) {
    for (let u = Math.max(0, x - 1); u <= Math.min(columns - 1, x + 1); u++) found.push(v * columns + u);
  }
  return found;
}
