/** What lies over the picture: the brush's outline, the shape under way, the keyboard's cursor. */

import { oncePerFrame } from './frames.js';

/** @typedef {import('./raster.js').Point} Point */

/** @type {Array<[string, number]>} */
const MARK = [['rgba(0, 0, 0, 0.6)', 4], ['#ffb81c', 2]]; // colour and width, in screen pixels
const HANDLE = 4; // radius of a corner, in screen pixels

export class Overlay {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {import('./state.js').State} state
   * @param {import('./stage.js').Stage} stage
   * @param {import('./editor.js').Editor} editor
   * @param {import('./reviewing.js').Review} review
   */
  constructor(canvas, state, stage, editor, review) {
    this.canvas = canvas;
    this.state = state;
    this.stage = stage;
    this.editor = editor;
    this.review = review;
    /** @type {Point | null} */
    this.cursor = null; // on the photograph
    this.isKeyboard = false;
    this.invalidate = oncePerFrame(() => this.draw());
    this.context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
    const types = /** @type {const} */ (['shape', 'options', 'pictures', 'progress']);
    for (const type of types) state.on(type, () => this.invalidate());
    new ResizeObserver(() => this.invalidate()).observe(canvas);
  }

  draw() {
    const { canvas, context, stage } = this;
    const [width, height] = [canvas.clientWidth * stage.density, canvas.clientHeight * stage.density];
    if (canvas.width !== Math.round(width)) canvas.width = Math.round(width);
    if (canvas.height !== Math.round(height)) canvas.height = Math.round(height);
    context.setTransform(stage.density, 0, 0, stage.density, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    const { viewport } = stage;
    if (!viewport || !this.state.active) return;
    const { tool } = this.state.options;
    for (const place of this.review.marks) this.drawMark(place, viewport);
    if (this.editor.corners.length) this.drawShape(viewport);
    if (!this.cursor) return;
    const at = viewport.toCanvas(this.cursor);
    const radius = (this.state.options.size / 2) * viewport.scale;
    if (tool === 'brush' && radius > 2) this.outline(() => context.arc(at.x, at.y, radius, 0, 2 * Math.PI));
    if (this.isKeyboard || (tool === 'brush' && radius <= 2)) this.drawCross(at);
  }

  /** @param {import('./viewport.js').Viewport} viewport */
  drawShape(viewport) {
    const { context, editor } = this;
    const corners = editor.corners.map((corner) => viewport.toCanvas(corner));
    if (this.state.options.tool === 'rectangle') {
      const [a, b] = corners;
      this.outline(() => context.rect(a.x, a.y, b.x - a.x, b.y - a.y));
      return;
    }
    const end = this.cursor ? [viewport.toCanvas(this.cursor)] : [];
    this.outline(() => [...corners, ...end].forEach((corner) => context.lineTo(corner.x, corner.y)));
    for (const corner of corners) this.outline(() => context.arc(corner.x, corner.y, HANDLE, 0, 2 * Math.PI));
  }

  /**
   * A frame around a place that may be wrong.
   *
   * @param {import('./rectangles.js').Rect} place
   * @param {import('./viewport.js').Viewport} viewport
   */
  drawMark(place, viewport) {
    const { context } = this;
    const start = viewport.toCanvas(place);
    const [width, height] = [place.width * viewport.scale, place.height * viewport.scale];
    context.beginPath();
    context.roundRect(start.x - 5, start.y - 5, width + 10, height + 10, 8);
    for (const [colour, line] of MARK) {
      context.strokeStyle = colour;
      context.lineWidth = line;
      context.stroke();
    }
  }

  /** @param {Point} at */
  drawCross(at) {
    this.outline(() => {
      for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
        this.context.moveTo(at.x + 3 * dx, at.y + 3 * dy);
        this.context.lineTo(at.x + 9 * dx, at.y + 9 * dy);
      }
    });
  }

  /**
   * A line that is seen on any picture: light on dark.
   *
   * @param {() => void} trace
   */
  outline(trace) {
    const { context } = this;
    context.beginPath();
    trace();
    context.strokeStyle = 'rgba(0, 0, 0, 0.65)';
    context.lineWidth = 3;
    context.stroke();
    context.strokeStyle = 'white';
    context.lineWidth = 1.25;
    context.stroke();
  }
}
