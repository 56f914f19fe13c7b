/** What is seen behind the cut-out: a checkerboard, a colour, a picture that covers it, or the photograph, faint. */

/** @typedef {import('./rectangles.js').Rect} Rect */

const SQUARE = 10; // screen pixels
const FAINT = 0.3;
const UNDER_FAINT = '#707478';

export class BackgroundPainter {
  /** @param {import('./state.js').State} state */
  constructor(state) {
    this.state = state;
    /** @type {CanvasPattern | null} */
    this.pattern = null;
    this.patternKey = '';
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {import('./picture.js').Picture} picture
   * @param {Rect} place  In device pixels.
   * @param {number} density
   */
  paint(context, picture, place, density) {
    const { background, colour } = this.state.options;
    const { backgroundPicture } = this.state;
    if (background === 'picture' && backgroundPicture) {
      drawCovering(context, backgroundPicture.bitmap, place);
      return;
    }
    if (background === 'colour') context.fillStyle = colour;
    else context.fillStyle = background === 'faint' ? UNDER_FAINT : this.checker(context, density);
    context.fillRect(place.x, place.y, place.width, place.height);
    if (background !== 'faint' || !picture.photo) return;
    const smaller = picture.photo.levels.find((level) => level.width <= 2 * place.width) ?? picture.photo.levels[0];
    context.globalAlpha = FAINT;
    context.drawImage(smaller, place.x, place.y, place.width, place.height);
    context.globalAlpha = 1;
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {number} density
   */
  checker(context, density) {
    const styles = getComputedStyle(document.documentElement);
    const colours = [styles.getPropertyValue('--checker-a').trim(), styles.getPropertyValue('--checker-b').trim()];
    const key = `${colours} ${density}`;
    if (!this.pattern || key !== this.patternKey) {
      const side = Math.round(SQUARE * density);
      const canvas = new OffscreenCanvas(2 * side, 2 * side);
      const square = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext('2d'));
      square.fillStyle = colours[0];
      square.fillRect(0, 0, 2 * side, 2 * side);
      square.fillStyle = colours[1];
      square.fillRect(0, 0, side, side);
      square.fillRect(side, side, side, side);
      this.pattern = /** @type {CanvasPattern} */ (context.createPattern(canvas, 'repeat'));
      this.patternKey = key;
    }
    return this.pattern;
  }
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {ImageBitmap} bitmap
 * @param {Rect} place
 */
function drawCovering(context, bitmap, place) {
  const scale = Math.max(place.width / bitmap.width, place.height / bitmap.height);
  const [width, height] = [place.width / scale, place.height / scale];
  const [left, top] = [(bitmap.width - width) / 2, (bitmap.height - height) / 2];
  context.imageSmoothingEnabled = true;
  context.drawImage(bitmap, left, top, width, height, place.x, place.y, place.width, place.height);
}
