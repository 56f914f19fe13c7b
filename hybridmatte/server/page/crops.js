/** What a preview solves: a crop around the change, with both known kinds in it, at full size or halved. */

import { grow, wholeOf } from './rectangles.js';

/**
 * @typedef {import('./rectangles.js').Rect} Rect
 * @typedef {{values: Uint8Array, width: number, height: number}} Plane
 *
 * What is sent: a part of the trimap, in which unknown pixels far from the change may be pinned.
 * @typedef {{rect: Rect, scale: number, trimap: Uint8Array, unknown: number}} Crop
 */

export const BACKGROUND = 0;
export const UNKNOWN = 128;
export const FOREGROUND = 255;

const SMALLEST_MARGIN = 40; // pixels around the change
const WIDENING = 1.7;
const SHARE_OF_MARGIN = 0.35; // of the longer side of the change
const NEAR = 24; // pixels around the change within which every unknown pixel is solved anew
const [SURELY_OUT, SURELY_IN] = [4, 251]; // alphas farther away that are kept as they are
const MOST_PIXELS = 1_500_000; // of a crop that is sent, unknown or not
const FADE = 12; // pixels over which a crop's answer passes into what was there

/**
 * Which kinds of pixel a rectangle of a trimap holds.
 *
 * @param {Uint8Array} trimap
 * @param {number} width
 * @param {Rect} rect
 */
export function kindsIn(trimap, width, rect) {
  const seen = { foreground: false, background: false, unknown: false };
  for (let y = rect.y; y < rect.y + rect.height; y++) {
    const end = y * width + rect.x + rect.width;
    for (let i = y * width + rect.x; i < end; i++) {
      const value = trimap[i];
      if (value === FOREGROUND) seen.foreground = true;
      else if (value === BACKGROUND) seen.background = true;
      else seen.unknown = true;
    }
    if (seen.foreground && seen.background && seen.unknown) break;
  }
  return seen;
}

/**
 * The crop to solve after a change, or null where the whole trimap lacks a known kind.
 *
 * @param {Uint8Array} trimap
 * @param {Uint8Array | null} alpha  Null where there is none yet, so that nothing is pinned.
 * @param {{width: number, height: number}} size
 * @param {Rect} changed
 * @param {number} mostUnknown  At most so many unknown pixels are sent: crops with more are halved, once or more.
 * @returns {Crop | null}
 */
export function cropAround(trimap, alpha, size, changed, mostUnknown) {
  const rect = rectWithBothKinds(trimap, size, changed);
  if (!rect) return null;
  const whole = wholeOf(size);
  const near = grow(changed, NEAR, size) ?? whole;
  const crop = pinned(trimap, alpha, size.width, rect, near);
  const isLarge = (/** @type {number} */ scale) =>
    crop.unknown > mostUnknown * scale ** 2 || rect.width * rect.height > MOST_PIXELS * scale ** 2;
  let scale = 1;
  while (isLarge(scale)) scale *= 2;
  if (scale === 1) return { ...crop, rect, scale };
  const [left, top] = [rect.x % scale, rect.y % scale]; // so that it starts on a pixel of the smaller picture
  const aligned = { x: rect.x - left, y: rect.y - top, width: rect.width + left, height: rect.height + top };
  return { ...pinned(trimap, alpha, size.width, aligned, near), rect: aligned, scale };
}

/**
 * @param {Uint8Array} trimap
 * @param {{width: number, height: number}} size
 * @param {Rect} changed
 * @returns {Rect | null}
 */
function rectWithBothKinds(trimap, size, changed) {
  let margin = Math.max(SMALLEST_MARGIN, SHARE_OF_MARGIN * Math.max(changed.width, changed.height));
  for (;;) {
    const rect = grow(changed, margin, size);
    if (!rect) return null;
    const kinds = kindsIn(trimap, size.width, rect);
    if (kinds.foreground && kinds.background) return rect;
    if (rect.width === size.width && rect.height === size.height) return null;
    margin *= WIDENING;
  }
}

/**
 * A part of a trimap; unknown pixels that are far from the change and all but 0 or 1 already count as known.
 *
 * @param {Uint8Array} trimap
 * @param {Uint8Array | null} alpha
 * @param {number} width
 * @param {Rect} rect
 * @param {Rect} near
 * @returns {{trimap: Uint8Array, unknown: number}}
 */
function pinned(trimap, alpha, width, rect, near) {
  const values = new Uint8Array(rect.width * rect.height);
  let unknown = 0;
  for (let y = 0, i = 0; y < rect.height; y++) {
    const row = (rect.y + y) * width + rect.x;
    const isNearRow = rect.y + y >= near.y && rect.y + y < near.y + near.height;
    for (let x = 0; x < rect.width; x++, i++) {
      values[i] = trimap[row + x];
      if (values[i] !== UNKNOWN) continue;
      const isNear = isNearRow && rect.x + x >= near.x && rect.x + x < near.x + near.width;
      const value = alpha && !isNear ? alpha[row + x] : UNKNOWN;
      if (value <= SURELY_OUT) values[i] = BACKGROUND;
      else if (value >= SURELY_IN) values[i] = FOREGROUND;
      else unknown++;
    }
  }
  return { trimap: values, unknown };
}

/**
 * A crop's trimap, smaller by a whole factor: a pixel is known where all that it covers is known alike. If a kind would
 * get lost by that, each pixel counts as of this kind that covers some of it: thin strokes are still solved for.
 *
 * @param {Crop} crop
 * @returns {Plane}
 */
export function trimapOf({ rect, scale, trimap }) {
  const [columns, rows] = [Math.ceil(rect.width / scale), Math.ceil(rect.height / scale)];
  const values = new Uint8Array(columns * rows);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      values[row * columns + column] = commonValue(trimap, rect, column * scale, row * scale, scale);
    }
  }
  for (const kind of [FOREGROUND, BACKGROUND]) {
    if (!values.includes(kind)) keepSome(values, columns, kind, trimap, rect.width, scale);
  }
  return { values, width: columns, height: rows };
}

/**
 * @param {Uint8Array} values  Of the smaller trimap.
 * @param {number} columns
 * @param {number} kind
 * @param {Uint8Array} trimap
 * @param {number} width
 * @param {number} scale
 */
function keepSome(values, columns, kind, trimap, width, scale) {
  for (let i = trimap.indexOf(kind); i >= 0; i = trimap.indexOf(kind, i + 1)) {
    const [x, y] = [i % width, Math.floor(i / width)];
    const at = Math.floor(y / scale) * columns + Math.floor(x / scale);
    if (values[at] === UNKNOWN) values[at] = kind;
  }
}

/**
 * @param {Uint8Array} trimap
 * @param {{width: number, height: number}} size
 * @param {number} left
 * @param {number} top
 * @param {number} scale
 */
function commonValue(trimap, size, left, top, scale) {
  const value = trimap[top * size.width + left];
  const right = Math.min(left + scale, size.width);
  const bottom = Math.min(top + scale, size.height);
  for (let y = top; y < bottom; y++) {
    for (let x = left; x < right; x++) if (trimap[y * size.width + x] !== value) return UNKNOWN;
  }
  return value;
}

/**
 * Write a crop's answer into alpha: what was sent as unknown and still is, fading out at sides inside the picture.
 *
 * @param {Uint8Array} alpha
 * @param {Uint8Array} trimap
 * @param {{width: number, height: number}} size
 * @param {Crop} crop
 * @param {Plane} answer
 */
export function blendAnswer(alpha, trimap, size, { rect, scale, trimap: sent }, answer) {
  for (let y = 0; y < rect.height; y++) {
    const vertical = fadeAt(y, rect.y, rect.height, size.height);
    for (let x = 0; x < rect.width; x++) {
      const i = (rect.y + y) * size.width + rect.x + x;
      if (trimap[i] !== UNKNOWN || sent[y * rect.width + x] !== UNKNOWN) continue;
      const weight = Math.min(vertical, fadeAt(x, rect.x, rect.width, size.width));
      const value = scale === 1 ? answer.values[y * answer.width + x] : between(answer, x, y, scale);
      alpha[i] = Math.round(alpha[i] + weight * (value - alpha[i]));
    }
  }
}

/**
 * @param {number} at  Offset in the crop.
 * @param {number} start
 * @param {number} length
 * @param {number} whole
 */
function fadeAt(at, start, length, whole) {
  const before = start === 0 ? 1 : (at + 1) / FADE;
  const after = start + length === whole ? 1 : (length - at) / FADE;
  return Math.min(1, before, after);
}

/**
 * The value of a smaller plane between its pixels.
 *
 * @param {Plane} plane
 * @param {number} x
 * @param {number} y
 * @param {number} scale
 */
function between({ values, width, height }, x, y, scale) {
  const u = Math.min(Math.max((x + 0.5) / scale - 0.5, 0), width - 1);
  const v = Math.min(Math.max((y + 0.5) / scale - 0.5, 0), height - 1);
  const [left, top] = [Math.floor(u), Math.floor(v)];
  const [right, bottom] = [Math.min(left + 1, width - 1), Math.min(top + 1, height - 1)];
  const upper = values[top * width + left] * (1 - u + left) + values[top * width + right] * (u - left);
  const lower = values[bottom * width + left] * (1 - u + left) + values[bottom * width + right] * (u - left);
  return upper * (1 - v + top) + lower * (v - top);
}
