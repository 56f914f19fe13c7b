/** Undo and redo without limit: each step keeps only the tiles that it changed. */

import { unite } from './rectangles.js';

/** @typedef {import('./rectangles.js').Rect} Rect */

const TILE = 64;

/**
 * One step: the tiles as they were before it (or, once undone, after it), and whose answer alpha was then.
 *
 * @typedef {object} Step
 * @property {string} label
 * @property {unknown} origin
 * @property {Map<number, Uint8Array>} tiles
 */

export class History {
  /**
   * @param {number} width
   * @param {number} height
   * @param {Record<string, Uint8Array>} planes  Planes of width x height bytes, changed in place.
   */
  constructor(width, height, planes) {
    this.width = width;
    this.height = height;
    this.planes = Object.values(planes);
    this.names = Object.keys(planes);
    this.columns = Math.ceil(width / TILE);
    this.rows = Math.ceil(height / TILE);
    /** @type {Step[]} */
    this.done = [];
    /** @type {Step[]} */
    this.undone = [];
    this.isOpen = false; // a step is under way
    this.ended = Promise.resolve(); // once it is not
    this.end = () => {};
  }

  /**
   * Open a step; what `touch` is told from now on belongs to it.
   *
   * @param {string} label
   * @param {unknown} origin
   */
  begin(label, origin) {
    if (this.isOpen) throw new Error(`the step ${label} begins inside another one`);
    this.isOpen = true;
    this.ended = new Promise((resolve) => {
      this.end = () => resolve(undefined);
    });
    this.done.push({ label, origin, tiles: new Map() });
  }

  /** Close the step; a step that changed nothing is forgotten, any other one ends what could be redone. */
  commit() {
    const step = this.done[this.done.length - 1];
    if (!this.isOpen) return;
    this.isOpen = false;
    this.end();
    if (step.tiles.size) this.undone.length = 0;
    else this.done.pop();
  }

  /** Give up the step under way: the planes are as before it, and what could be redone still can. */
  cancel() {
    if (!this.isOpen) return null;
    this.isOpen = false;
    this.end();
    const step = this.done.pop();
    /** @type {Rect | null} */
    let rect = null;
    for (const [key, tile] of step?.tiles ?? []) {
      this.paste(key, tile);
      rect = unite(rect, this.rectOf(key));
    }
    return rect;
  }

  /** Wait until no step is under way. */
  async rested() {
    while (this.isOpen) await this.ended;
  }

  /**
   * Keep the tiles of a plane before they change. Before the first step nothing is kept.
   *
   * @param {string} plane
   * @param {Rect} rect
   */
  touch(plane, rect) {
    const step = this.done[this.done.length - 1];
    if (!step) return;
    const first = this.names.indexOf(plane) * this.rows * this.columns;
    const lastColumn = Math.floor((rect.x + rect.width - 1) / TILE);
    const lastRow = Math.floor((rect.y + rect.height - 1) / TILE);
    for (let row = Math.floor(rect.y / TILE); row <= lastRow; row++) {
      for (let column = Math.floor(rect.x / TILE); column <= lastColumn; column++) {
        const key = first + row * this.columns + column;
        if (!step.tiles.has(key)) step.tiles.set(key, this.copy(key));
      }
    }
  }

  /**
   * Write new values into a plane where they differ, and keep what was there.
   *
   * @param {string} plane
   * @param {Uint8Array} values  The whole plane.
   * @returns {Rect | null} What changed.
   */
  replace(plane, values) {
    const target = this.planes[this.names.indexOf(plane)];
    /** @type {Rect | null} */
    let changed = null;
    for (let tile = 0; tile < this.rows * this.columns; tile++) {
      const rect = this.rectOf(tile);
      if (!differs(target, values, this.width, rect)) continue;
      this.touch(plane, rect);
      for (let y = rect.y; y < rect.y + rect.height; y++) {
        const start = y * this.width + rect.x;
        target.set(values.subarray(start, start + rect.width), start);
      }
      changed = unite(changed, rect);
    }
    return changed;
  }

  /** @returns {{rect: Rect | null, step: Step} | null} What changed. */
  undo() {
    return this.swap(this.done, this.undone);
  }

  /** @returns {{rect: Rect | null, step: Step} | null} What changed. */
  redo() {
    return this.swap(this.undone, this.done);
  }

  /** Bytes that the steps hold. */
  get bytes() {
    let sum = 0;
    for (const step of [...this.done, ...this.undone]) {
      for (const tile of step.tiles.values()) sum += tile.length;
    }
    return sum;
  }

  /**
   * Exchange the last step's tiles with what the planes hold now.
   *
   * @param {Step[]} from
   * @param {Step[]} to
   */
  swap(from, to) {
    if (this.isOpen) throw new Error('a step is under way');
    const step = from.pop();
    if (!step) return null;
    /** @type {Rect | null} */
    let rect = null;
    for (const [key, tile] of step.tiles) {
      step.tiles.set(key, this.copy(key));
      this.paste(key, tile);
      rect = unite(rect, this.rectOf(key));
    }
    to.push(step);
    return { rect, step };
  }

  /**
   * The pixels of a tile; tiles are numbered by plane, row and column.
   *
   * @param {number} key
   * @returns {Rect}
   */
  rectOf(key) {
    const x = (key % this.columns) * TILE;
    const y = (Math.floor(key / this.columns) % this.rows) * TILE;
    return { x, y, width: Math.min(TILE, this.width - x), height: Math.min(TILE, this.height - y) };
  }

  /** @param {number} key */
  planeOf(key) {
    return this.planes[Math.floor(key / (this.columns * this.rows))];
  }

  /** @param {number} key */
  copy(key) {
    const { x, y, width, height } = this.rectOf(key);
    const tile = new Uint8Array(width * height);
    for (let line = 0; line < height; line++) {
      const start = (y + line) * this.width + x;
      tile.set(this.planeOf(key).subarray(start, start + width), line * width);
    }
    return tile;
  }

  /**
   * @param {number} key
   * @param {Uint8Array} tile
   */
  paste(key, tile) {
    const { x, y, width, height } = this.rectOf(key);
    for (let line = 0; line < height; line++) {
      this.planeOf(key).set(tile.subarray(line * width, (line + 1) * width), (y + line) * this.width + x);
    }
  }
}

/**
 * @param {Uint8Array} a
 * @param {Uint8Array} b
 * @param {number} width  Of both planes.
 * @param {Rect} rect
 */
function differs(a, b, width, rect) {
  for (let y = rect.y; y < rect.y + rect.height; y++) {
    const end = y * width + rect.x + rect.width;
    for (let i = y * width + rect.x; i < end; i++) if (a[i] !== b[i]) return true;
  }
  return false;
}
