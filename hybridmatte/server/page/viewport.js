/** Where the photograph lies on the canvas: a scale and an offset. */

/** @typedef {{x: number, y: number}} Point */
/** @typedef {{width: number, height: number}} Size */

export const LARGEST_SCALE = 64; // screen pixels for one of the photograph
const KEPT_IN_SIGHT = 48; // screen pixels of the photograph

export class Viewport {
  /**
   * @param {number} scale  Screen pixels (CSS) for a pixel of the photograph.
   * @param {number} x  Of the photograph's corner on the canvas.
   * @param {number} y
   */
  constructor(scale, x, y) {
    this.scale = scale;
    this.x = x;
    this.y = y;
  }

  /**
   * The whole photograph, centred.
   *
   * @param {Size} photo
   * @param {Size} canvas
   * @param {number} margin
   */
  static fitting(photo, canvas, margin) {
    const [width, height] = [Math.max(canvas.width - 2 * margin, 1), Math.max(canvas.height - 2 * margin, 1)];
    const scale = Math.min(width / photo.width, height / photo.height, 8);
    return new Viewport(scale, (canvas.width - photo.width * scale) / 2, (canvas.height - photo.height * scale) / 2);
  }

  /**
   * @param {Point} point  On the canvas.
   * @returns {Point} On the photograph.
   */
  toPhoto(point) {
    return { x: (point.x - this.x) / this.scale, y: (point.y - this.y) / this.scale };
  }

  /**
   * @param {Point} point  On the photograph.
   * @returns {Point} On the canvas.
   */
  toCanvas(point) {
    return { x: point.x * this.scale + this.x, y: point.y * this.scale + this.y };
  }

  /**
   * Zoom so that the point under the hand stays there.
   *
   * @param {number} factor
   * @param {Point} at  On the canvas.
   * @param {number} smallest  Scale.
   */
  zoom(factor, at, smallest) {
    const scale = Math.min(LARGEST_SCALE, Math.max(smallest, this.scale * factor));
    const fixed = this.toPhoto(at);
    this.scale = scale;
    this.x = at.x - fixed.x * scale;
    this.y = at.y - fixed.y * scale;
  }

  /**
   * @param {number} dx
   * @param {number} dy
   */
  pan(dx, dy) {
    this.x += dx;
    this.y += dy;
  }

  /**
   * Keep a part of the photograph in sight.
   *
   * @param {Size} photo
   * @param {Size} canvas
   */
  keepInSight(photo, canvas) {
    const [width, height] = [photo.width * this.scale, photo.height * this.scale];
    this.x = Math.min(canvas.width - KEPT_IN_SIGHT, Math.max(KEPT_IN_SIGHT - width, this.x));
    this.y = Math.min(canvas.height - KEPT_IN_SIGHT, Math.max(KEPT_IN_SIGHT - height, this.y));
  }
}
