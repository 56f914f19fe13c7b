/**
 * A picture at full size, half, a quarter and so on down to one pixel: a screen of it is drawn from about as many
 * pixels, and a preview finds each size that it may ask for.
 */

export class Pyramid {
  /** @param {ImageBitmap[]} levels  Full size first. */
  constructor(levels) {
    this.levels = levels;
  }

  /**
   * @param {ImageBitmap} full
   * @returns {Promise<Pyramid>}
   */
  static async of(full) {
    const levels = [full];
    let last = full;
    while (Math.max(last.width, last.height) > 1) {
      const { width, height } = levelSize(full, levels.length);
      const options = /** @type {const} */ ({ resizeWidth: width, resizeHeight: height, resizeQuality: 'medium' });
      const covered = [last.width, last.height].map((side) => side + (side > 1 ? side % 2 : 0)); // by two at a time
      last = await createImageBitmap(last, 0, 0, covered[0], covered[1], options);
      levels.push(last);
    }
    return new Pyramid(levels);
  }

  /**
   * The colours of a part of a level.
   *
   * @param {number} level
   * @param {import('./rectangles.js').Rect} rect  In pixels of the level.
   */
  pixels(level, rect) {
    const context = scratch(rect.width, rect.height);
    context.drawImage(this.levels[level], rect.x, rect.y, rect.width, rect.height, 0, 0, rect.width, rect.height);
    return context.getImageData(0, 0, rect.width, rect.height);
  }

  /**
   * A level as a file.
   *
   * @param {number} level
   */
  async file(level) {
    const bitmap = this.levels[level];
    const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
    canvas.getContext('2d')?.drawImage(bitmap, 0, 0);
    return canvas.convertToBlob({ type: 'image/png' });
  }

  /**
   * The largest level of at most so many pixels.
   *
   * @param {number} pixels
   */
  levelOf(pixels) {
    const level = this.levels.findIndex(({ width, height }) => width * height <= pixels);
    return level < 0 ? this.levels.length - 1 : level;
  }

  close() {
    for (const level of this.levels) level.close();
  }
}

/**
 * @param {{width: number, height: number}} size  Of the whole picture.
 * @param {number} level
 */
export function levelSize(size, level) {
  return { width: Math.ceil(size.width / 2 ** level), height: Math.ceil(size.height / 2 ** level) };
}

/** @type {OffscreenCanvasRenderingContext2D | null} */
let kept = null;

/**
 * A canvas in main memory that is used again and again.
 *
 * @param {number} width
 * @param {number} height
 */
function scratch(width, height) {
  if (!kept) kept = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true });
  if (!kept) throw new Error('this browser offers no canvas');
  if (kept.canvas.width < width) kept.canvas.width = width;
  if (kept.canvas.height < height) kept.canvas.height = height;
  kept.clearRect(0, 0, width, height);
  return kept;
}
