/** The canvas: draws the view at the resolution of the screen, and keeps each picture's zoom. */

import { atLevel } from './compositor.js';
import { BackgroundPainter } from './backgrounds.js';
import { oncePerFrame } from './frames.js';
import { grow } from './rectangles.js';
import { Tiles } from './tiles.js';
import { Viewport } from './viewport.js';

/**
 * @typedef {import('./rectangles.js').Rect} Rect
 * @typedef {import('./picture.js').Picture} Picture
 * @typedef {import('./tiles.js').Tile} Tile
 */

const TIME_FOR_TILES = 12; // milliseconds a frame
const GRID_FROM = 8; // screen pixels for a pixel of the photograph
const CRISP_FROM = 2;
const SHARE_OF_PLACE = 0.4; // of the canvas, for a place that is brought into view
const LARGEST_FOR_PLACE = 4; // screen pixels for a pixel of the photograph
const MARGIN = 0.022; // around a fitted photograph, as a share of the canvas's longer side

export class Stage {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {import('./state.js').State} state
   */
  constructor(canvas, state) {
    this.canvas = canvas;
    this.state = state;
    this.tiles = new Tiles();
    this.backgrounds = new BackgroundPainter(state);
    this.context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
    this.invalidate = oncePerFrame(() => this.draw());
    this.shownLevel = 0;
    this.size = { width: 1, height: 1 };
    new ResizeObserver(() => this.resize()).observe(canvas);
    state.on('pixels', ({ picture, rect }) => this.onPixels(picture, rect));
    state.on('options', () => this.invalidate());
    state.on('pictures', () => {
      this.suggestSize();
      this.invalidate();
    });
  }

  get density() {
    return window.devicePixelRatio || 1;
  }

  /** The viewport of the picture on show. */
  get viewport() {
    const picture = this.state.active;
    if (!picture) return null;
    picture.viewport ??= this.fitted(picture);
    return picture.viewport;
  }

  /** @param {Picture} picture */
  fitted(picture) {
    return Viewport.fitting(picture, this.size, MARGIN * Math.max(this.size.width, this.size.height));
  }

  resize() {
    const { clientWidth, clientHeight } = this.canvas;
    const before = this.size;
    this.size = { width: clientWidth, height: clientHeight };
    this.canvas.width = Math.max(1, Math.round(clientWidth * this.density));
    this.canvas.height = Math.max(1, Math.round(clientHeight * this.density));
    for (const picture of this.state.pictures) {
      if (picture.isFitted) picture.viewport = null;
      else picture.viewport?.pan((clientWidth - before.width) / 2, (clientHeight - before.height) / 2);
    }
    this.suggestSize();
    this.draw(); // a canvas that was resized is empty
  }

  /** The brush is as wide on the screen for each photograph, as that is seen as a whole. */
  suggestSize() {
    const picture = this.state.active;
    if (picture) this.state.suggestSize(this.fitted(picture).scale);
  }

  /**
   * @param {Picture} picture
   * @param {Rect | null} rect
   */
  onPixels(picture, rect) {
    if (picture !== this.state.active) return;
    if (rect) this.tiles.spoil(picture, rect);
    else this.tiles.clear();
    this.invalidate();
  }

  fit() {
    const picture = this.state.active;
    if (!picture) return;
    picture.viewport = null;
    this.moved(true);
  }

  /**
   * Bring a part of the photograph into view, with its surroundings.
   *
   * @param {Rect} rect
   */
  bring(rect) {
    const picture = this.state.active;
    if (!picture) return;
    const { width, height } = this.size;
    const wanted = Math.min(width / rect.width, height / rect.height) * SHARE_OF_PLACE;
    const scale = Math.max(this.fitted(picture).scale, Math.min(wanted, LARGEST_FOR_PLACE));
    const [x, y] = [rect.x + rect.width / 2, rect.y + rect.height / 2];
    picture.viewport = new Viewport(scale, width / 2 - x * scale, height / 2 - y * scale);
    this.moved();
  }

  /**
   * @param {number} factor
   * @param {{x: number, y: number}} [at]  On the canvas; its middle by default.
   */
  zoom(factor, at) {
    const picture = this.state.active;
    if (!picture || !this.viewport) return;
    const smallest = Math.min(1, this.fitted(picture).scale) / 4;
    this.viewport.zoom(factor, at ?? { x: this.size.width / 2, y: this.size.height / 2 }, smallest);
    this.moved();
  }

  /**
   * @param {number} dx
   * @param {number} dy
   */
  pan(dx, dy) {
    this.viewport?.pan(dx, dy);
    this.moved();
  }

  /** @param {boolean} [isFitted]  The whole picture is shown, and stays so when the canvas changes its size. */
  moved(isFitted = false) {
    const picture = this.state.active;
    if (picture) {
      picture.isFitted = isFitted;
      this.viewport?.keepInSight(picture, this.size);
    }
    this.invalidate();
    this.state.emit('shape', null);
  }

  draw() {
    const { context, canvas } = this;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    const picture = this.state.active;
    if (!picture?.photo || !this.viewport) return;
    const { view, tinted } = this.lookOf(picture);
    const { compare } = this.state.options;
    this.tiles.show(picture, view, tinted);
    if (view === 'photo') this.drawPhoto(picture);
    if (view === 'cutout') this.backgrounds.paint(context, picture, this.place(picture.whole), this.density);
    this.drawTiles(picture);
    if (compare !== null) this.drawBefore(picture, compare);
    if (this.viewport.scale >= GRID_FROM) this.drawGrid(picture);
  }

  /**
   * What is shown of a picture: instead of a cut-out the photograph, with what was painted, until there is an answer.
   *
   * @param {Picture} picture
   * @returns {{view: import('./compositor.js').View, tinted: import('./compositor.js').Tint}}
   */
  lookOf(picture) {
    const { view, isTinted } = this.state.options;
    if (this.state.isPeeking) return { view: 'photo', tinted: 'none' };
    const tinted = isTinted ? 'all' : 'none';
    if (view !== 'cutout' || picture.hasAnswer) return { view, tinted };
    return { view: 'photo', tinted: isTinted ? 'all' : 'known' };
  }

  /** @param {Picture} picture */
  drawTiles(picture) {
    const { view, tinted } = this.lookOf(picture);
    const level = this.levelFor(picture);
    const seen = this.seen(picture);
    if (!seen || !picture.photo || (view === 'photo' && tinted === 'none')) return;
    const until = performance.now() + TIME_FOR_TILES;
    let { tiles, missing, isComplete } = this.tiles.take(picture, view, tinted, level, seen, until);
    if (isComplete) this.shownLevel = level;
    else {
      this.invalidate();
      const before = level === this.shownLevel ? [] : this.tiles.composed(this.shownLevel);
      if (before.length) [tiles, missing] = [before, []];
    }
    for (const { rect } of missing) this.drawPart(picture, picture.photo.levels[level], rect, rect, level);
    for (const tile of tiles) this.drawPart(picture, tile.canvas, tile.rect, { ...tile.rect, x: 0, y: 0 }, tile.level);
  }

  /**
   * The photograph on the left of the line.
   *
   * @param {Picture} picture
   * @param {number} compare
   */
  drawBefore(picture, compare) {
    this.context.save();
    this.context.beginPath();
    this.context.rect(0, 0, Math.round(compare * this.canvas.width), this.canvas.height);
    this.context.clip();
    this.drawPhoto(picture);
    this.context.restore();
  }

  /**
   * The photograph as it is: without tiles, so at once.
   *
   * @param {Picture} picture
   */
  drawPhoto(picture) {
    const seen = this.seen(picture);
    if (!seen || !picture.photo) return;
    const level = this.levelFor(picture);
    const part = atLevel(seen, picture, level);
    this.drawPart(picture, picture.photo.levels[level], part, part, level);
  }

  /**
   * Draw pixels of a level where they belong; edges lie on whole screen pixels, so that neighbours leave no seam.
   *
   * @param {Picture} picture
   * @param {CanvasImageSource} source
   * @param {Rect} rect  In pixels of the level.
   * @param {Rect} part  Of the source.
   * @param {number} level
   */
  drawPart(picture, source, rect, part, level) {
    const step = 2 ** level;
    const place = this.place({
      x: rect.x * step,
      y: rect.y * step,
      width: Math.min(rect.width * step, picture.width - rect.x * step),
      height: Math.min(rect.height * step, picture.height - rect.y * step),
    });
    this.context.imageSmoothingEnabled = (this.viewport?.scale ?? 1) * this.density < CRISP_FROM;
    this.context.drawImage(
      source, part.x, part.y, part.width, part.height, place.x, place.y, place.width, place.height,
    );
  }

  /** @param {Picture} picture */
  drawGrid(picture) {
    const seen = this.seen(picture);
    if (!seen) return;
    this.context.fillStyle = 'rgba(128, 128, 128, 0.35)';
    const place = this.place(seen);
    for (let x = 0; x <= seen.width; x++) {
      this.context.fillRect(this.place({ ...seen, x: seen.x + x }).x, place.y, 1, place.height);
    }
    for (let y = 0; y <= seen.height; y++) {
      this.context.fillRect(place.x, this.place({ ...seen, y: seen.y + y }).y, place.width, 1);
    }
  }

  /**
   * A part of the photograph in device pixels of the canvas.
   *
   * @param {Rect} rect
   * @returns {Rect}
   */
  place(rect) {
    const viewport = /** @type {Viewport} */ (this.viewport);
    const start = viewport.toCanvas(rect);
    const end = viewport.toCanvas({ x: rect.x + rect.width, y: rect.y + rect.height });
    const [x, y] = [Math.round(start.x * this.density), Math.round(start.y * this.density)];
    return { x, y, width: Math.round(end.x * this.density) - x, height: Math.round(end.y * this.density) - y };
  }

  /** @param {Picture} picture */
  levelFor(picture) {
    const scale = (this.viewport?.scale ?? 1) * this.density;
    const last = (picture.photo?.levels.length ?? 1) - 1;
    return Math.min(last, Math.max(0, Math.floor(Math.log2(1 / scale))));
  }

  /**
   * The part of the photograph that is on the canvas.
   *
   * @param {Picture} picture
   * @returns {Rect | null}
   */
  seen(picture) {
    const viewport = /** @type {Viewport} */ (this.viewport);
    const start = viewport.toPhoto({ x: 0, y: 0 });
    const end = viewport.toPhoto({ x: this.size.width, y: this.size.height });
    return grow({ ...start, width: end.x - start.x, height: end.y - start.y }, 0, picture);
  }
}
