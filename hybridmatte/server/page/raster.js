/**
 * Painting into a trimap: hard-edged discs along a line, rectangles, polygons and fills.
 *
 * Each function tells `write` which pixels of a row it covers; `write(y, first, last)` takes whole pixels, inclusive.
 *
 * @typedef {(y: number, first: number, last: number) => void} WriteRow
 * @typedef {{x: number, y: number}} Point  In pixels of the photograph; (0.5, 0.5) is the centre of the first pixel.
 * @typedef {{width: number, height: number}} Size
 */

/**
 * The pixels whose centre is at most half a brush size from a line segment.
 *
 * @param {Point} from
 * @param {Point} to
 * @param {number} size  Diameter in pixels; below 3 the ends are moved to the centres of their pixels.
 * @param {Size} picture
 * @param {WriteRow} write
 */
export function coverSegment(from, to, size, picture, write) {
  if (size < 3) [from, to] = [centreOf(from), centreOf(to)];
  const radius = Math.max(size / 2, 0.5);
  const firstRow = Math.max(0, Math.ceil(Math.min(from.y, to.y) - radius - 0.5));
  const lastRow = Math.min(picture.height - 1, Math.floor(Math.max(from.y, to.y) + radius - 0.5));
  for (let y = firstRow; y <= lastRow; y++) {
    const span = spanOfRow(from, to, radius, y + 0.5);
    if (!span) continue;
    const first = Math.max(0, Math.ceil(span[0] - 0.5 - 1e-9));
    const last = Math.min(picture.width - 1, Math.floor(span[1] - 0.5 + 1e-9));
    if (first <= last) write(y, first, last);
  }
}

/**
 * Where a horizontal line meets the set of points at most `radius` from a segment. The set is convex: one interval.
 *
 * @param {Point} from
 * @param {Point} to
 * @param {number} radius
 * @param {number} y
 * @returns {[number, number] | null}
 */
function spanOfRow(from, to, radius, y) {
  let low = Infinity;
  let high = -Infinity;
  for (const end of [from, to]) {
    const rest = radius * radius - (y - end.y) ** 2;
    if (rest < 0) continue;
    low = Math.min(low, end.x - Math.sqrt(rest));
    high = Math.max(high, end.x + Math.sqrt(rest));
  }
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const length = Math.hypot(dx, dy);
  if (length > 0) {
    const [nx, ny] = [(-dy / length) * radius, (dx / length) * radius];
    for (const side of [-1, 1]) {
      if (dy === 0) continue;
      const t = (y - from.y - side * ny) / dy;
      if (t < 0 || t > 1) continue;
      low = Math.min(low, from.x + side * nx + t * dx);
      high = Math.max(high, from.x + side * nx + t * dx);
    }
  }
  return low <= high ? [low, high] : null;
}

/** @param {Point} point */
function centreOf(point) {
  return { x: Math.floor(point.x) + 0.5, y: Math.floor(point.y) + 0.5 };
}

/**
 * @param {Point} from
 * @param {Point} to
 * @param {Size} picture
 * @param {WriteRow} write
 */
export function coverRectangle(from, to, picture, write) {
  const first = Math.max(0, Math.floor(Math.min(from.x, to.x)));
  const last = Math.min(picture.width - 1, Math.floor(Math.max(from.x, to.x)));
  const bottom = Math.min(picture.height - 1, Math.floor(Math.max(from.y, to.y)));
  if (first > last) return;
  for (let y = Math.max(0, Math.floor(Math.min(from.y, to.y))); y <= bottom; y++) write(y, first, last);
}

/**
 * The pixels whose centre lies inside a polygon, by the even-odd rule.
 *
 * @param {Point[]} corners
 * @param {Size} picture
 * @param {WriteRow} write
 */
export function coverPolygon(corners, picture, write) {
  const heights = corners.map((corner) => corner.y);
  const firstRow = Math.max(0, Math.floor(Math.min(...heights)));
  const lastRow = Math.min(picture.height - 1, Math.ceil(Math.max(...heights)));
  for (let y = firstRow; y <= lastRow; y++) {
    const crossings = crossingsOfRow(corners, y + 0.5);
    for (let i = 0; i + 1 < crossings.length; i += 2) {
      const first = Math.max(0, Math.ceil(crossings[i] - 0.5));
      const last = Math.min(picture.width - 1, Math.ceil(crossings[i + 1] - 0.5) - 1);
      if (first <= last) write(y, first, last);
    }
  }
}

/**
 * @param {Point[]} corners
 * @param {number} y
 */
function crossingsOfRow(corners, y) {
  /** @type {number[]} */
  const crossings = [];
  corners.forEach((a, i) => {
    const b = corners[(i + 1) % corners.length];
    if (a.y <= y !== b.y <= y) crossings.push(a.x + ((y - a.y) / (b.y - a.y)) * (b.x - a.x));
  });
  return crossings.sort((a, b) => a - b);
}

/**
 * The pixels that touch the start by their sides and have its value.
 *
 * `write` must change the values: a pixel that keeps its value would be visited for ever.
 *
 * @param {Uint8Array} plane
 * @param {Size} picture
 * @param {Point} start
 * @param {WriteRow} write
 */
export function coverConnected(plane, picture, start, write) {
  const { width, height } = picture;
  const [startX, startY] = [Math.floor(start.x), Math.floor(start.y)];
  if (startX < 0 || startY < 0 || startX >= width || startY >= height) return;
  const value = plane[startY * width + startX];
  const open = [startY * width + startX];
  while (open.length) {
    const index = /** @type {number} */ (open.pop());
    if (plane[index] !== value) continue;
    const y = Math.floor(index / width);
    const row = y * width;
    let first = index;
    let last = index;
    while (first > row && plane[first - 1] === value) first--;
    while (last < row + width - 1 && plane[last + 1] === value) last++;
    write(y, first - row, last - row);
    if (y > 0) pushRuns(plane, first - width, last - width, value, open);
    if (y < height - 1) pushRuns(plane, first + width, last + width, value, open);
  }
}

/**
 * @param {Uint8Array} plane
 * @param {number} first
 * @param {number} last
 * @param {number} value
 * @param {number[]} open
 */
function pushRuns(plane, first, last, value, open) {
  for (let i = first; i <= last; i++) {
    if (plane[i] === value && (i === first || plane[i - 1] !== value)) open.push(i);
  }
}

/**
 * The points of a smooth curve through the middles of a hand's path: each corner bends, none is cut short.
 *
 * @param {Point} start  Where the last piece ended.
 * @param {Point} corner
 * @param {Point} end
 * @param {number} spacing  Pixels from point to point, about.
 * @returns {Point[]}
 */
export function smoothPiece(start, corner, end, spacing) {
  const length = Math.hypot(corner.x - start.x, corner.y - start.y) + Math.hypot(end.x - corner.x, end.y - corner.y);
  const count = Math.max(1, Math.min(64, Math.ceil(length / spacing)));
  return Array.from({ length: count }, (_, i) => {
    const t = (i + 1) / count;
    const u = 1 - t;
    return {
      x: u * u * start.x + 2 * u * t * corner.x + t * t * end.x,
      y: u * u * start.y + 2 * u * t * corner.y + t * t * end.y,
    };
  });
}
