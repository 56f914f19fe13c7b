/** What the page is showing and how it is set; parts of the page listen to it and never to each other. */

/**
 * @typedef {import('./rectangles.js').Rect} Rect
 * @typedef {import('./picture.js').Picture} Picture
 * @typedef {import('./compositor.js').View} View
 * @typedef {'brush' | 'rectangle' | 'polygon' | 'fill' | 'point' | 'hand'} Tool
 * @typedef {'starting' | 'failing' | 'gone' | 'ready'} Readiness  Of the service.
 * @typedef {'checker' | 'colour' | 'picture' | 'faint'} BackgroundKind
 *
 * @typedef {object} Options
 * @property {Tool} tool
 * @property {number} value  0, 128 or 255: what the tools write into the trimap.
 * @property {number} size  Diameter of the brush, in pixels of the photograph.
 * @property {boolean} hasRim  Around a stroke, what was known to be the opposite becomes unknown.
 * @property {View} view
 * @property {boolean} isTinted
 * @property {number | null} compare  Where the before/after line stands, as a share of the canvas's width.
 * @property {BackgroundKind} background
 * @property {string} colour
 * @property {string} method  `quality:NAME` or `method:NAME`.
 *
 * @typedef {object} Events
 * @property {Partial<Options>} options  What was set.
 * @property {null} pictures  The list or the picture on show.
 * @property {{picture: Picture, rect: Rect | null}} pixels  What changed on the screen.
 * @property {{picture: Picture, isFinal: boolean}} edit  The trimap was changed by hand.
 * @property {Picture} progress
 * @property {null} readiness
 * @property {{picture: Picture, message: string}} overtime  The service stopped an answer after its time limit.
 * @property {null} interrupt  A stroke under way is to end: the picture is about to change otherwise.
 * @property {null} shape  What the tool has begun, or where the cursor is.
 */

export const SMALLEST_BRUSH = 1;
export const LARGEST_BRUSH = 1000;
const BRUSH_ON_SCREEN = 24; // pixels, until a size is chosen

export class State {
  constructor() {
    this.target = new EventTarget();
    /** @type {Picture[]} */
    this.pictures = [];
    /** @type {Picture | null} */
    this.active = null;
    /** @type {Options} */
    this.options = {
      tool: 'brush',
      value: 255,
      size: BRUSH_ON_SCREEN,
      hasRim: true,
      view: 'cutout',
      isTinted: false,
      compare: null,
      background: 'checker',
      colour: '#ffffff',
      method: 'quality:best',
    };
    /** @type {{file: Blob, bitmap: ImageBitmap} | null} */
    this.backgroundPicture = null;
    this.isSizeChosen = false;
    this.isPeeking = false; // the photograph is shown while a key is held
    /** @type {Readiness} */
    this.readiness = 'starting';
    this.pointSegmenter = ''; // finds an object by a point; empty where the service has none
  }

  /**
   * @template {keyof Events} K
   * @param {K} type
   * @param {(detail: Events[K]) => void} listener
   */
  on(type, listener) {
    this.target.addEventListener(type, (event) => listener(/** @type {CustomEvent} */ (event).detail));
  }

  /**
   * @template {keyof Events} K
   * @param {K} type
   * @param {Events[K]} detail
   */
  emit(type, detail) {
    this.target.dispatchEvent(new CustomEvent(type, { detail }));
  }

  /** @param {Partial<Options>} options */
  set(options) {
    Object.assign(this.options, options);
    this.emit('options', options);
  }

  /** @param {Readiness} readiness */
  setReadiness(readiness) {
    this.readiness = readiness;
    this.emit('readiness', null);
  }

  /** @param {number} size */
  setSize(size) {
    this.isSizeChosen = true;
    this.set({ size: boundedSize(size) });
  }

  /**
   * Give the brush its size on the screen, unless one was chosen.
   *
   * @param {number} scale  Screen pixels for one of the photograph.
   */
  suggestSize(scale) {
    const size = boundedSize(BRUSH_ON_SCREEN / scale);
    if (!this.isSizeChosen && size !== this.options.size) this.set({ size });
  }

  /** @param {number} direction  1 or -1. */
  stepSize(direction) {
    const { size } = this.options;
    this.setSize(direction > 0 ? Math.max(size + 1, size * 1.15) : Math.min(size - 1, size / 1.15));
  }

  nextBackground() {
    /** @type {BackgroundKind[]} */
    const kinds = this.backgroundPicture ? ['checker', 'colour', 'picture', 'faint'] : ['checker', 'colour', 'faint'];
    const next = kinds[(kinds.indexOf(this.options.background) + 1) % kinds.length];
    this.set({ background: next, view: 'cutout' });
  }

  /**
   * @param {Picture} picture
   * @param {import('./picture.js').Progress} progress
   * @param {string} note
   */
  setProgress(picture, progress, note) {
    picture.progress = progress;
    picture.note = note;
    this.emit('progress', picture);
  }

  /** @param {number} by */
  stepPicture(by) {
    if (!this.active || this.pictures.length < 2) return null;
    const index = this.pictures.indexOf(this.active) + by;
    return this.pictures[(index + this.pictures.length) % this.pictures.length];
  }
}

/** @param {number} size */
function boundedSize(size) {
  return Math.round(Math.min(LARGEST_BRUSH, Math.max(SMALLEST_BRUSH, size)));
}
