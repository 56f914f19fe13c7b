/** The painting tools. A tool takes points of the photograph; what it does becomes one step of the history. */

import { BACKGROUND, FOREGROUND, UNKNOWN } from './crops.js';
import { coverConnected, coverPolygon, coverRectangle, coverSegment, smoothPiece } from './raster.js';
import { unite } from './rectangles.js';

/**
 * @typedef {import('./raster.js').Point} Point
 * @typedef {import('./rectangles.js').Rect} Rect
 * @typedef {(picture: import('./picture.js').Picture, write: import('./raster.js').WriteRow) => void} Cover
 */

const NARROWEST_RIM = 6; // pixels
const CLOSING_DISTANCE = 10; // screen pixels from a polygon's first corner

export class Editor {
  /**
   * @param {import('./state.js').State} state
   * @param {(point: Point, isObject: boolean) => void} askPoint  Asks the service for the object at a point.
   */
  constructor(state, askPoint) {
    this.state = state;
    this.askPoint = askPoint;
    /** @type {Point[]} */
    this.corners = []; // of the rectangle or polygon under way
    this.isDrawing = false;
    this.value = FOREGROUND;
    /** @type {Point | null} */
    this.last = null; // the hand's last place
    /** @type {Point | null} */
    this.drawn = null; // the end of what the brush has drawn
    /** @type {Rect | null} */
    this.changed = null; // since it was last announced
    this.picture = state.active; // on which the shape under way is
    state.on('interrupt', () => this.finish());
    state.on('pictures', () => this.follow());
  }

  /** What was begun on one picture is not drawn on another. */
  follow() {
    if (this.picture === this.state.active) return;
    this.picture = this.state.active;
    this.corners = [];
    this.last = null;
  }

  /**
   * @param {Point} point
   * @param {{isOpposite: boolean, isLine: boolean, scale: number}} how  The other kind; a line from the last stroke's
   *   end; screen pixels for one of the photograph.
   */
  down(point, how) {
    const { tool, value } = this.state.options;
    if (!this.state.active) return;
    this.finish();
    this.value = how.isOpposite ? oppositeOf(value) : value;
    if (tool === 'brush') this.startStroke(point, how.isLine);
    else if (tool === 'rectangle') this.startRectangle(point);
    else if (tool === 'polygon') this.addCorner(point, how.scale);
    else if (tool === 'fill') this.fill(point);
    else if (tool === 'point') this.askPoint(point, !how.isOpposite);
  }

  /** @param {Point[]} points  Where the hand has been since it was last asked. */
  move(points) {
    const { tool } = this.state.options;
    if (tool === 'brush' && this.isDrawing) {
      for (const point of points) this.continueStroke(point);
      this.announce(false);
    } else if (tool === 'rectangle' && this.isDrawing) this.corners[1] = points[points.length - 1];
    this.state.emit('shape', null);
  }

  up() {
    const { tool } = this.state.options;
    if (!this.isDrawing) return;
    this.isDrawing = false;
    if (tool === 'brush') {
      if (this.last && this.drawn) this.segment(this.drawn, this.last);
      this.drawn = null;
      this.announce(true);
    } else if (tool === 'rectangle') {
      const [from, to] = this.corners;
      this.corners = [];
      this.apply('rectangle', (picture, write) => coverRectangle(from, to, picture, write));
    }
  }

  /** End what the hand is doing: a stroke is kept, a rectangle is given up; a polygon's corners stay. */
  finish() {
    if (!this.isDrawing) return;
    if (this.state.options.tool === 'brush') this.up();
    else this.cancel();
  }

  /** Whether a stroke or a shape was begun. */
  get isUnderWay() {
    return this.isDrawing || this.corners.length > 0;
  }

  /** Give up what is under way; a stroke is taken back. */
  cancel() {
    const wasStroke = this.isDrawing && this.state.options.tool === 'brush';
    this.isDrawing = false;
    this.corners = [];
    this.state.emit('shape', null);
    const picture = this.state.active;
    if (!wasStroke || !picture) return;
    this.drawn = this.last = this.changed = null;
    const rect = picture.history.cancel();
    if (!rect) return;
    this.state.emit('pixels', { picture, rect });
    this.state.emit('edit', { picture, isFinal: true });
  }

  /**
   * @param {Point} point
   * @param {boolean} isLine
   */
  startStroke(point, isLine) {
    const picture = this.state.active;
    if (!picture) return;
    picture.beginStep('stroke');
    this.isDrawing = true;
    this.segment(isLine && this.last ? this.last : point, point);
    this.last = this.drawn = point;
    this.announce(false);
  }

  /** @param {Point} point */
  continueStroke(point) {
    if (!this.last || !this.drawn) return;
    const middle = { x: (this.last.x + point.x) / 2, y: (this.last.y + point.y) / 2 };
    const spacing = Math.max(2, this.state.options.size / 8);
    for (const next of smoothPiece(this.drawn, this.last, middle, spacing)) {
      this.segment(this.drawn, next);
      this.drawn = next;
    }
    this.last = point;
  }

  /**
   * A piece of a stroke. Around it, what was known to be the opposite becomes unknown: there is an edge to find.
   *
   * @param {Point} from
   * @param {Point} to
   */
  segment(from, to) {
    const picture = this.state.active;
    const { size, hasRim } = this.state.options;
    if (picture && hasRim && this.value !== UNKNOWN) {
      const opposite = oppositeOf(this.value);
      coverSegment(from, to, size + 2 * Math.max(NARROWEST_RIM, size / 2), picture, (y, first, last) => {
        this.changed = unite(this.changed, picture.openRow(y, first, last, opposite));
      });
    }
    this.write((photo, write) => coverSegment(from, to, size, photo, write));
  }

  /** @param {Point} point */
  startRectangle(point) {
    this.isDrawing = true;
    this.corners = [point, point];
  }

  /**
   * @param {Point} point
   * @param {number} scale
   */
  addCorner(point, scale) {
    const first = this.corners[0];
    if (this.corners.length > 2 && Math.hypot(point.x - first.x, point.y - first.y) * scale < CLOSING_DISTANCE) {
      this.closePolygon();
    } else {
      this.corners.push(point);
      this.state.emit('shape', null);
    }
  }

  removeCorner() {
    this.corners.pop();
    this.state.emit('shape', null);
  }

  closePolygon() {
    const corners = this.corners;
    this.corners = [];
    if (corners.length > 2) this.apply('polygon', (picture, write) => coverPolygon(corners, picture, write));
    this.state.emit('shape', null);
  }

  /** @param {Point} point */
  fill(point) {
    const picture = this.state.active;
    if (!picture) return;
    const [x, y] = [Math.floor(point.x), Math.floor(point.y)];
    if (picture.trimap[y * picture.width + x] === this.value) return;
    this.apply('fill', (_, write) => coverConnected(picture.trimap, picture, point, write));
  }

  /**
   * One step of the history.
   *
   * @param {string} label
   * @param {Cover} cover
   */
  apply(label, cover) {
    this.state.active?.beginStep(label);
    this.write(cover);
    this.announce(true);
  }

  /** @param {Cover} cover */
  write(cover) {
    const picture = this.state.active;
    if (!picture) return;
    cover(picture, (y, first, last) => {
      this.changed = unite(this.changed, picture.paintRow(y, first, last, this.value));
    });
  }

  /**
   * Tell the rest of the page what changed.
   *
   * @param {boolean} isFinal  The step ends here.
   */
  announce(isFinal) {
    const picture = this.state.active;
    const { changed } = this;
    this.changed = null;
    if (!picture) return;
    if (changed) this.state.emit('pixels', { picture, rect: changed });
    const isEdit = isFinal ? picture.commitStep() : changed !== null;
    if (isEdit) this.state.emit('edit', { picture, isFinal });
  }
}

/** @param {number} value */
function oppositeOf(value) {
  return value === BACKGROUND ? FOREGROUND : BACKGROUND;
}
