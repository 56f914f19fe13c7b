/** Composed tiles of the picture on show: made when first seen, mended where something changed, dropped when old. */

import { atLevel, composePart } from './compositor.js';
import { levelSize } from './pyramid.js';
import { intersect, unite } from './rectangles.js';

/**
 * @typedef {import('./rectangles.js').Rect} Rect
 * @typedef {import('./picture.js').Picture} Picture
 * @typedef {import('./compositor.js').View} View
 * @typedef {import('./compositor.js').Tint} Tint
 *
 * @typedef {object} Tile
 * @property {OffscreenCanvas} canvas
 * @property {Rect} rect  In pixels of the level.
 * @property {number} level
 * @property {Rect | null} stale  Part of `rect` to compose again.
 * @property {boolean} isNew  Nothing was composed yet.
 */

const SIDE = 512;
const MOST_TILES = 80; // of 1 MiB each

export class Tiles {
  constructor() {
    /** @type {Map<string, Tile>} */
    this.tiles = new Map();
    this.look = '';
  }

  /**
   * Say what is on show; tiles of anything else are dropped.
   *
   * @param {Picture} picture
   * @param {View} view
   * @param {Tint} tinted
   */
  show(picture, view, tinted) {
    const look = `${picture.id} ${view} ${tinted}`;
    if (look !== this.look) this.tiles.clear();
    this.look = look;
  }

  clear() {
    this.tiles.clear();
  }

  /**
   * Mark what changed in the photograph's pixels.
   *
   * @param {Picture} picture
   * @param {Rect} rect
   */
  spoil(picture, rect) {
    for (const tile of this.tiles.values()) {
      const part = intersect(atLevel(rect, picture, tile.level), tile.rect);
      if (part) tile.stale = unite(tile.stale, part);
    }
  }

  /**
   * The tiles of a level that a part of the photograph needs, mended as far as the time allows.
   *
   * @param {Picture} picture
   * @param {View} view
   * @param {Tint} tinted
   * @param {number} level
   * @param {Rect} seen  In pixels of the photograph.
   * @param {number} until  Time at which to stop composing, as `performance.now`.
   * @returns {{tiles: Tile[], missing: Tile[], isComplete: boolean}}  Missing are those that were never composed.
   */
  take(picture, view, tinted, level, seen, until) {
    const tiles = this.needed(picture, level, seen);
    let isComplete = true;
    for (const tile of tiles) {
      if (!tile.stale) continue;
      if (performance.now() > until) {
        isComplete = false;
        continue;
      }
      const image = composePart(picture, view, tinted, level, tile.stale);
      tile.canvas.getContext('2d')?.putImageData(image, tile.stale.x - tile.rect.x, tile.stale.y - tile.rect.y);
      tile.stale = null;
      tile.isNew = false;
    }
    const missing = tiles.filter((tile) => tile.isNew);
    return { tiles: tiles.filter((tile) => !tile.isNew), missing, isComplete };
  }

  /**
   * The tiles of a level that are there already; none is made, which would drop others.
   *
   * @param {number} level
   */
  composed(level) {
    return [...this.tiles.values()].filter((tile) => tile.level === level && !tile.isNew);
  }

  /**
   * @param {Picture} picture
   * @param {number} level
   * @param {Rect} seen
   */
  needed(picture, level, seen) {
    const part = atLevel(seen, picture, level);
    const whole = levelSize(picture, level);
    /** @type {Tile[]} */
    const found = [];
    for (let y = Math.floor(part.y / SIDE) * SIDE; y < part.y + part.height; y += SIDE) {
      for (let x = Math.floor(part.x / SIDE) * SIDE; x < part.x + part.width; x += SIDE) {
        found.push(this.tileAt(level, x, y, whole));
      }
    }
    while (this.tiles.size > Math.max(MOST_TILES, found.length)) {
      this.tiles.delete(/** @type {string} */ (this.tiles.keys().next().value));
    }
    return found;
  }

  /**
   * @param {number} level
   * @param {number} x
   * @param {number} y
   * @param {{width: number, height: number}} whole
   */
  tileAt(level, x, y, whole) {
    const key = `${level} ${x} ${y}`;
    let tile = this.tiles.get(key);
    if (!tile) {
      const rect = { x, y, width: Math.min(SIDE, whole.width - x), height: Math.min(SIDE, whole.height - y) };
      tile = { canvas: new OffscreenCanvas(rect.width, rect.height), rect, level, stale: rect, isNew: true };
    }
    this.tiles.delete(key); // the newest stand last
    this.tiles.set(key, tile);
    return tile;
  }
}
