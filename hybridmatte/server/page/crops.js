/** What a preview solves: a crop around the change, with both known kinds in it, at full, half or a quarter of the size. */

import { grow, wholeOf } from './rectangles.js';

/** @typedef {import('./rectangles.js').Rect} Rect */
/** @typedef {{rect: Rect, scale: number}} Crop */

export const BACKGROUND = 0;
export const UNKNOWN = 128;
export const FOREGROUND = 255;

const SMALLEST_MARGIN = 40; // pixels around the change
const WIDENING = 1.7;
const SHARE_OF_MARGIN = 0.35; // of the longer side of the change
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
 * @param {{width: number, height: number}} size
 * @param {Rect} changed
 * @param {number} mostPixels  At most so many pixels are sent; larger crops are halved, once or more.
 * @returns {Crop | null}
 */
export function cropAround(trimap, size, changed, mostPixels) {
  let margin = Math.max(SMALLEST_MARGIN, SHARE_OF_MARGIN * Math.max(changed.width, changed.height));
  const whole = wholeOf(size);
  for (;;) {
    const rect = grow(changed, margin, size);
    if (!rect) return null;
    const kinds = kindsIn(trimap, size.width, rect);
    if (kinds.foreground && kinds.background) return withScale(rect, mostPixels);
    if (rect.width === whole.width && rect.height === whole.height) return null;
    margin *= WIDENING;
  }
}

/**
 * @param {Rect} rect
 * @param {number} mostPixels
 * @returns {Crop}
 */
function withScale(rect, mostPixels) {
  let scale = 1;
  while ((rect.width * rect.height) / (scale * scale) > mostPixels) scale *= 2;
  const [left, top] = [rect.x % scale, rect.y % scale]; // so that the crop starts on a pixel of the smaller picture
  const [width, height] = [rect.width + left, rect.height + top];
  return { rect: { x: rect.x - left, y: rect.y - top, width, height }, scale };
}

/**
 * A crop of a trimap, smaller by a whole factor: a pixel is known where all that it covers is known alike.
 *
 * @param {Uint8Array} trimap
 * @param {number} width
 * @param {Crop} crop
 * @returns {{values: Uint8Array, width: number, height: number}}
 */
export function trimapOf(trimap, width, { rect, scale }) {
  const [columns, rows] = [Math.ceil(rect.width / scale), Math.ceil(rect.height / scale)];
  const values = new Uint8Array(columns * rows);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      values[row * columns + column] = commonValue(trimap, width, rect, column * scale, row * scale, scale);
    }
  }
  return { values, width: columns, height: rows };
}

/**
 * @param {Uint8Array} trimap
 * @param {number} width
 * @param {Rect} rect
 * @param {number} left
 * @param {number} top
 * @param {number} scale
 */
function commonValue(trimap, width, rect, left, top, scale) {
  const value = trimap[(rect.y + top) * width + rect.x + left];
  const right = Math.min(left + scale, rect.width);
  const bottom = Math.min(top + scale, rect.height);
  for (let y = top; y < bottom; y++) {
    for (let x = left; x < right; x++) {
      if (trimap[(rect.y + y) * width + rect.x + x] !== value) return UNKNOWN;
    }
  }
  return value;
}

/**
 * Write a crop's answer into alpha: unknown pixels only, fading out towards the sides that are not the picture's.
 *
 * @param {Uint8Array} alpha
 * @param {Uint8Array} trimap
 * @param {{width: number, height: number}} size
 * @param {Crop} crop
 * @param {{values: Uint8Array, width: number, height: number}} answer
 */
export function blendAnswer(alpha, trimap, size, { rect, scale }, answer) {
  for (let y = 0; y < rect.height; y++) {
    const vertical = fadeAt(y, rect.y, rect.height, size.height);
    for (let x = 0; x < rect.width; x++) {
      const i = (rect.y + y) * size.width + rect.x + x;
      if (trimap[i] !== UNKNOWN) continue;
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
 * @param {{values: Uint8Array, width: number, height: number}} plane
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
