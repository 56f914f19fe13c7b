/** One photograph with everything that was made of it. */

import { BACKGROUND, FOREGROUND, UNKNOWN } from './crops.js';
import { History } from './history.js';
import { unite, wholeOf } from './rectangles.js';

/**
 * @typedef {import('./rectangles.js').Rect} Rect
 * @typedef {import('./pyramid.js').Pyramid} Pyramid
 *
 * Whose answer alpha is: the service's own, with the points that were clicked, or the one to the painted trimap.
 * @typedef {{kind: 'auto', points: string[]} | {kind: 'trimap'}} Origin
 *
 * @typedef {'waiting' | 'finding' | 'painting' | 'solving' | 'settled' | 'failed'} Progress
 */

let count = 0;

export class Picture {
  /**
   * @param {File} file
   * @param {Pyramid} photo
   */
  constructor(file, photo) {
    this.id = ++count;
    this.file = file;
    this.width = photo.levels[0].width;
    this.height = photo.levels[0].height;
    /** @type {Pyramid | null} */
    this.photo = photo;
    /** @type {Pyramid | null} */
    this.foreground = null;
    /** @type {Uint8Array | null} */
    this.confidence = null;
    this.trimap = new Uint8Array(this.width * this.height).fill(UNKNOWN);
    this.alpha = new Uint8Array(this.width * this.height);
    this.history = new History(this.width, this.height, { trimap: this.trimap, alpha: this.alpha });
    /** @type {Origin} */
    this.origin = { kind: 'auto', points: [] };
    /** @type {Progress} */
    this.progress = 'waiting';
    this.revision = 0; // grows with each change of the trimap
    this.isTried = false; // the service has looked for the object, or has failed to
    this.hasAnswer = false; // alpha is the answer to something, not empty
    /** @type {import('./viewport.js').Viewport | null} */
    this.viewport = null;
    this.isFitted = true; // nobody has zoomed or moved it
    /** @type {Rect | null} */
    this.dirty = null; // what changed since the last preview was asked for
    this.note = '';
    this.method = ''; // of the answer that alpha is
    /** @type {string[] | null} */
    this.wish = null; // the points of an object that was asked for and has not been answered
    this.refusals = 0; // in a row, by a service that is busy
    this.hasBothKinds = false; // foreground and background: without both there is nothing to solve
  }

  /** @param {Rect | null} rect  Changed, but without a preview yet. */
  spread(rect) {
    this.dirty = unite(this.dirty, rect);
  }

  get name() {
    return this.file.name || 'photograph';
  }

  get stem() {
    return this.name.replace(/\.[^.]+$/, '');
  }

  get isEdited() {
    return this.history.done.length > 0;
  }

  /** @param {string} label */
  beginStep(label) {
    this.history.begin(label, this.origin);
  }

  /**
   * Set pixels of a row of the trimap. Known pixels have their alpha at once, so the picture follows the brush.
   *
   * @param {number} y
   * @param {number} first
   * @param {number} last
   * @param {number} value
   * @returns {Rect | null} What changed.
   */
  paintRow(y, first, last, value) {
    const row = y * this.width;
    while (first <= last && this.trimap[row + first] === value) first++;
    while (first <= last && this.trimap[row + last] === value) last--;
    if (first > last) return null;
    const rect = { x: first, y, width: last - first + 1, height: 1 };
    this.history.touch('trimap', rect);
    this.trimap.fill(value, row + first, row + last + 1);
    if (value !== UNKNOWN) {
      this.history.touch('alpha', rect);
      this.alpha.fill(value, row + first, row + last + 1);
    }
    this.spread(rect);
    return rect;
  }

  /**
   * Make pixels of a row unknown that have one given value; alpha stays until it is answered.
   *
   * @param {number} y
   * @param {number} first
   * @param {number} last
   * @param {number} value
   * @returns {Rect | null} What changed.
   */
  openRow(y, first, last, value) {
    const row = y * this.width;
    while (first <= last && this.trimap[row + first] !== value) first++;
    while (first <= last && this.trimap[row + last] !== value) last--;
    if (first > last) return null;
    const rect = { x: first, y, width: last - first + 1, height: 1 };
    this.history.touch('trimap', rect);
    for (let i = row + first; i <= row + last; i++) if (this.trimap[i] === value) this.trimap[i] = UNKNOWN;
    this.spread(rect);
    return rect;
  }

  /** @returns {boolean} Whether the step changed anything. */
  commitStep() {
    const before = this.history.done.length;
    if (!this.history.isOpen) return false;
    this.history.commit();
    if (this.history.done.length < before) return false;
    this.origin = { kind: 'trimap' };
    this.revision++;
    return true;
  }

  /**
   * @param {'undo' | 'redo'} direction
   * @returns {{rect: Rect | null, label: string} | null}
   */
  step(direction) {
    const result = direction === 'undo' ? this.history.undo() : this.history.redo();
    if (!result) return null;
    const { step, rect } = result;
    const origin = /** @type {Origin} */ (step.origin);
    step.origin = this.origin;
    this.origin = origin;
    this.revision++;
    return { rect, label: step.label };
  }

  /**
   * Take a whole trimap, its known alphas with it.
   *
   * @param {Uint8Array} values  0, 128 or 255.
   */
  replaceTrimap(values) {
    const alpha = this.alpha.slice();
    for (let i = 0; i < values.length; i++) if (values[i] !== UNKNOWN) alpha[i] = values[i];
    const changed = unite(this.history.replace('trimap', values), this.history.replace('alpha', alpha));
    this.spread(changed);
    return changed;
  }

  /** Free what can be made again from the file. */
  release() {
    this.photo?.close();
    this.foreground?.close();
    this.photo = null;
    this.foreground = null;
  }

  get whole() {
    return wholeOf(this);
  }
}

/**
 * The three values of a trimap from the bytes of a file: background up to 0.1, foreground from 0.9 of white.
 *
 * @param {Uint8Array} values
 */
export function trimapValues(values) {
  return values.map((value) => (value <= 25 ? BACKGROUND : value >= 230 ? FOREGROUND : UNKNOWN));
}
