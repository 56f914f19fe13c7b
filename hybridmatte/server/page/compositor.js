/** The colours of a part of a view: photograph, cut-out, alpha, trimap, confidence, foreground; and the tint. */

import { BACKGROUND, FOREGROUND } from './crops.js';
import { levelSize } from './pyramid.js';

/**
 * @typedef {import('./rectangles.js').Rect} Rect
 * @typedef {import('./picture.js').Picture} Picture
 * @typedef {'none' | 'known' | 'all'} Tint  Which of the three kinds are tinted.
 * @typedef {'cutout' | 'photo' | 'alpha' | 'trimap' | 'confidence' | 'foreground'} View
 */

export const TINTS = { foreground: [30, 144, 255], unknown: [255, 184, 28], background: [240, 62, 98] };
const TINT_STRENGTH = 0.38;
const SEEN_UNDER_TINT = 110; // alpha at which what was removed shows through the tint, of 255

/**
 * @param {Picture} picture
 * @param {View} view
 * @param {Tint} tinted
 * @param {number} level  Of the pyramid.
 * @param {Rect} rect  In pixels of the level.
 * @returns {ImageData}
 */
export function composePart(picture, view, tinted, level, rect) {
  if (!picture.photo) throw new Error('the photograph is not in memory');
  const image = picture.photo.pixels(level, rect);
  if (view === 'cutout') cutOut(image.data, picture, level, rect, tinted === 'none' ? 0 : SEEN_UNDER_TINT);
  else if (view === 'foreground' && picture.foreground) image.data.set(picture.foreground.pixels(level, rect).data);
  else if (view === 'alpha') paintGrey(image.data, means(picture.alpha, picture, level, rect));
  else if (view === 'confidence' && picture.confidence) {
    paintGrey(image.data, means(picture.confidence, picture, level, rect));
  } else if (view === 'trimap') paintGrey(image.data, samples(picture.trimap, picture, level, rect));
  if (tinted !== 'none' && view !== 'trimap') {
    tint(image.data, samples(picture.trimap, picture, level, rect), tinted === 'all');
  }
  return image;
}

/**
 * @param {Uint8ClampedArray} data
 * @param {Picture} picture
 * @param {number} level
 * @param {Rect} rect
 * @param {number} least  Alpha below which the photograph is shown with this alpha.
 */
function cutOut(data, picture, level, rect, least) {
  const alpha = means(picture.alpha, picture, level, rect);
  const colours = picture.foreground?.pixels(level, rect).data;
  for (let i = 0, j = 0; i < alpha.length; i++, j += 4) {
    if (colours && alpha[i] < 255 && alpha[i] > least) {
      data[j] = colours[j];
      data[j + 1] = colours[j + 1];
      data[j + 2] = colours[j + 2];
    }
    data[j + 3] = Math.max(alpha[i], least);
  }
}

/**
 * @param {Uint8ClampedArray} data
 * @param {Uint8Array} values
 */
function paintGrey(data, values) {
  for (let i = 0, j = 0; i < values.length; i++, j += 4) {
    data[j] = data[j + 1] = data[j + 2] = values[i];
    data[j + 3] = 255;
  }
}

/**
 * Lay the tints of the three kinds over colours that may be partly transparent.
 *
 * @param {Uint8ClampedArray} data
 * @param {Uint8Array} trimap
 * @param {boolean} isUnknownToo
 */
function tint(data, trimap, isUnknownToo) {
  for (let i = 0, j = 0; i < trimap.length; i++, j += 4) {
    const kind = trimap[i] === FOREGROUND ? 'foreground' : trimap[i] === BACKGROUND ? 'background' : 'unknown';
    if (kind === 'unknown' && !isUnknownToo) continue;
    const colour = TINTS[kind];
    const below = (data[j + 3] / 255) * (1 - TINT_STRENGTH);
    const covered = TINT_STRENGTH + below;
    for (let c = 0; c < 3; c++) data[j + c] = (colour[c] * TINT_STRENGTH + data[j + c] * below) / covered;
    data[j + 3] = 255 * covered;
  }
}

/**
 * A plane at a level: the mean of the pixels that each pixel of the level covers.
 *
 * @param {Uint8Array} plane
 * @param {{width: number, height: number}} size
 * @param {number} level
 * @param {Rect} rect
 */
export function means(plane, size, level, rect) {
  if (level === 0) return samples(plane, size, level, rect);
  const step = 2 ** level;
  const values = new Uint8Array(rect.width * rect.height);
  for (let row = 0; row < rect.height; row++) {
    const top = (rect.y + row) * step;
    const bottom = Math.min(top + step, size.height);
    for (let column = 0; column < rect.width; column++) {
      const left = (rect.x + column) * step;
      const right = Math.min(left + step, size.width);
      let sum = 0;
      for (let y = top; y < bottom; y++) {
        for (let i = y * size.width + left; i < y * size.width + right; i++) sum += plane[i];
      }
      values[row * rect.width + column] = Math.round(sum / ((bottom - top) * (right - left)));
    }
  }
  return values;
}

/**
 * A plane at a level: one pixel near the middle of those covered.
 *
 * @param {Uint8Array} plane
 * @param {{width: number, height: number}} size
 * @param {number} level
 * @param {Rect} rect
 */
function samples(plane, size, level, rect) {
  const step = 2 ** level;
  const values = new Uint8Array(rect.width * rect.height);
  for (let row = 0; row < rect.height; row++) {
    const y = Math.min((rect.y + row) * step + (step >> 1), size.height - 1);
    for (let column = 0; column < rect.width; column++) {
      const x = Math.min((rect.x + column) * step + (step >> 1), size.width - 1);
      values[row * rect.width + column] = plane[y * size.width + x];
    }
  }
  return values;
}

/**
 * A rectangle of the photograph in pixels of a level.
 *
 * @param {Rect} rect
 * @param {{width: number, height: number}} size
 * @param {number} level
 * @returns {Rect}
 */
export function atLevel(rect, size, level) {
  const step = 2 ** level;
  const whole = levelSize(size, level);
  const x = Math.floor(rect.x / step);
  const y = Math.floor(rect.y / step);
  const right = Math.min(whole.width, Math.ceil((rect.x + rect.width) / step));
  const bottom = Math.min(whole.height, Math.ceil((rect.y + rect.height) / step));
  return { x, y, width: right - x, height: bottom - y };
}
