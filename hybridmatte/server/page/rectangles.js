/**
 * Rectangles in whole pixels: x and y are the first column and row, width and height the counts.
 *
 * @typedef {{x: number, y: number, width: number, height: number}} Rect
 */

/**
 * The smallest rectangle around two, either of which may be absent.
 *
 * @param {Rect | null} a
 * @param {Rect | null} b
 * @returns {Rect | null}
 */
export function unite(a, b) {
  if (!a || !b) return a ?? b;
  const x = Math.min(a.x, b.x);
  const y = Math.min(a.y, b.y);
  const right = Math.max(a.x + a.width, b.x + b.width);
  const bottom = Math.max(a.y + a.height, b.y + b.height);
  return { x, y, width: right - x, height: bottom - y };
}

/**
 * A rectangle with a margin, cut to the picture; null where nothing is left.
 *
 * @param {Rect} rect
 * @param {number} margin
 * @param {{width: number, height: number}} size
 * @returns {Rect | null}
 */
export function grow(rect, margin, size) {
  const x = Math.max(0, Math.floor(rect.x - margin));
  const y = Math.max(0, Math.floor(rect.y - margin));
  const right = Math.min(size.width, Math.ceil(rect.x + rect.width + margin));
  const bottom = Math.min(size.height, Math.ceil(rect.y + rect.height + margin));
  return right > x && bottom > y ? { x, y, width: right - x, height: bottom - y } : null;
}

/**
 * The common part of two rectangles, or null.
 *
 * @param {Rect} a
 * @param {Rect} b
 * @returns {Rect | null}
 */
export function intersect(a, b) {
  const x = Math.max(a.x, b.x);
  const y = Math.max(a.y, b.y);
  const width = Math.min(a.x + a.width, b.x + b.width) - x;
  const height = Math.min(a.y + a.height, b.y + b.height) - y;
  return width > 0 && height > 0 ? { x, y, width, height } : null;
}

/**
 * @param {{width: number, height: number}} size
 * @returns {Rect}
 */
export function wholeOf(size) {
  return { x: 0, y: 0, width: size.width, height: size.height };
}
