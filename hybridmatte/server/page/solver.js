/**
 * Asks the service for alpha: at once for a new photograph, around each change as a preview, and in full once the hand
 * rests. An answer to a trimap that has changed since is not used.
 */

import { UNKNOWN, kindsIn } from './crops.js';
import { Preview } from './preview.js';
import { Pyramid } from './pyramid.js';
import { ServiceError, ServiceGone } from './service.js';
import { trimapValues } from './picture.js';

/**
 * @typedef {import('./picture.js').Picture} Picture
 * @typedef {import('./service.js').Answer} Answer
 * @typedef {Awaited<ReturnType<Solver['decode']>>} Planes
 */

const REST = 800; // milliseconds without a change before the whole is solved
const MOST_PIXELS_WITH_LAYERS = 8e6; // above, colours and confidence are asked for only when they are to be seen
const LARGE = 4e6; // pixels of a photograph from which a smaller one is answered first
const FIRST_LOOK = 1.2e6; // pixels of that one
const RETRY_AFTER = 2; // seconds
const MOST_REFUSALS = 3; // in a row by a busy service; then it is for the user to ask again

export class Solver {
  /**
   * @param {import('./state.js').State} state
   * @param {import('./service.js').Service} service
   * @param {import('./codec.js').Codec} codec
   * @param {import('./status.js').Status} status
   */
  constructor(state, service, codec, status) {
    this.state = state;
    this.service = service;
    this.codec = codec;
    this.status = status;
    this.preview = new Preview(state, service, codec, (picture, error) => this.failed(picture, error));
    /** @type {AbortController | null} */
    this.running = null;
    /** @type {Picture | null} */
    this.runningPicture = null;
    /** @type {Map<Picture, number>} */
    this.timers = new Map(); // of photographs that are to be solved soon
    /** @type {Picture[]} */
    this.queue = []; // photographs without an answer yet
    state.on('edit', ({ picture, isFinal }) => this.onEdit(picture, isFinal));
    state.on('options', (options) => {
      if (options.view) this.completeLayers();
      if (options.method && this.state.active) this.solveSoon(this.state.active, 0);
    });
  }

  /** @param {Picture} picture */
  add(picture) {
    this.queue.push(picture);
    this.next();
  }

  /** @param {Picture} picture */
  forget(picture) {
    clearTimeout(this.timers.get(picture));
    this.queue = this.queue.filter((one) => one !== picture);
    if (this.runningPicture === picture) this.running?.abort();
  }

  /**
   * @param {Picture} picture
   * @param {boolean} isFinal
   */
  onEdit(picture, isFinal) {
    if (!picture.isTried) return; // joined with the automatic answer when that comes
    if (this.runningPicture === picture) this.running?.abort();
    clearTimeout(this.timers.get(picture));
    if (isFinal && picture.origin.kind === 'auto') this.solveSoon(picture, REST);
    if (isFinal && !this.checkKinds(picture)) return;
    if (!picture.hasBothKinds) return;
    if (picture.progress !== 'painting') this.state.setProgress(picture, 'painting', 'Preview');
    this.preview.want(picture, isFinal);
    if (isFinal) this.solveSoon(picture, REST);
  }

  /**
   * Whether there is something to solve; else say what to paint.
   *
   * @param {Picture} picture
   */
  checkKinds(picture) {
    const kinds = kindsIn(picture.trimap, picture.width, picture.whole);
    picture.hasBothKinds = kinds.foreground && kinds.background;
    if (picture.hasBothKinds) return true;
    const missing = kinds.foreground ? 'background (key 2)' : 'foreground (key 1)';
    this.state.setProgress(picture, 'waiting', `Now paint some ${missing}. The rest follows from the two.`);
    return false;
  }

  /**
   * @param {Picture} picture
   * @param {number} delay  Milliseconds.
   */
  solveSoon(picture, delay) {
    clearTimeout(this.timers.get(picture));
    const timer = window.setTimeout(() => {
      this.queue = [picture, ...this.queue.filter((one) => one !== picture)];
      if (this.running) this.interrupt(picture);
      else this.next();
    }, delay);
    this.timers.set(picture, timer);
  }

  /**
   * Make way for a picture; another one that is being solved waits until afterwards.
   *
   * @param {Picture} picture
   */
  interrupt(picture) {
    const other = this.runningPicture;
    if (other && other !== picture && !this.queue.includes(other)) this.queue.push(other);
    this.running?.abort();
  }

  /** Start on the next photograph; the one on show goes first. */
  async next() {
    if (this.running || !this.queue.length) return;
    const index = Math.max(0, this.queue.indexOf(/** @type {Picture} */ (this.state.active)));
    const [picture] = this.queue.splice(index, 1);
    this.running = new AbortController();
    this.runningPicture = picture;
    try {
      await this.solve(picture, this.running.signal);
    } catch (error) {
      this.failed(picture, error);
    }
    this.running = this.runningPicture = null;
    this.next();
  }

  /**
   * @param {Picture} picture
   * @param {AbortSignal} signal
   */
  async solve(picture, signal) {
    const isAutomatic = picture.origin.kind === 'auto';
    if (isAutomatic) this.state.setProgress(picture, 'finding', 'Finding the object');
    else this.state.setProgress(picture, 'solving', 'Solving');
    if (isAutomatic && !picture.isTried) await this.lookFirst(picture, signal);
    const { revision } = picture;
    const answer = await this.request(picture, this.outputsFor(picture, isAutomatic), 'png', {}, {}, signal);
    if (answer.description.found === false) {
      picture.isTried = true;
      this.state.setProgress(picture, 'waiting', 'No object was found. Paint some foreground (1) and background (2).');
      if (picture.isEdited) this.onEdit(picture, true);
      return;
    }
    const planes = await this.decode(picture, answer);
    if (signal.aborted || (picture.revision !== revision && picture.isTried)) return;
    const isPainted = picture.origin.kind === 'trimap' && isAutomatic;
    this.accept(picture, isPainted ? joined(picture, planes) : planes, !picture.hasAnswer);
    this.settled(picture, answer);
    if (isPainted) this.onEdit(picture, true);
  }

  /**
   * For a large photograph, show the answer to a smaller one while its own is worked out.
   *
   * @param {Picture} picture
   * @param {AbortSignal} signal
   */
  async lookFirst(picture, signal) {
    const { revision, photo } = picture;
    if (!photo || picture.isEdited || picture.width * picture.height < LARGE) return;
    const image = await photo.file(photo.levelOf(FIRST_LOOK));
    const query = { quality: 'fast', output: 'alpha,trimap', format: 'png' };
    const { images, description } = await this.service.ask('/v1/auto', { image }, query, signal);
    if (description.found === false) return;
    const [alpha, trimap] = await Promise.all([
      this.codec.decodeResized(images.alpha, picture, true), this.codec.decodeResized(images.trimap, picture, false),
    ]);
    signal.throwIfAborted();
    if (picture.revision !== revision) return;
    this.accept(picture, { alpha, trimap, confidence: null, foreground: null }, true);
    this.state.setProgress(picture, 'finding', 'A first answer at a smaller size; the full one is on its way');
  }

  /**
   * @param {Picture} picture
   * @param {Answer} answer
   */
  settled(picture, { description }) {
    picture.refusals = 0;
    const warning = description.warnings?.[0];
    if (warning) this.status.say(warning);
    const time = description.seconds ? `, in ${description.seconds.toFixed(1)} s` : '';
    this.state.setProgress(picture, 'settled', `Up to date: ${this.state.options.method.split(':')[1]}${time}`);
  }

  /**
   * The answer to the trimap as it is, or the service's own answer where nothing was painted.
   *
   * @param {Picture} picture
   * @param {string[]} outputs
   * @param {string} format
   * @param {import('./service.js').Query} options
   * @param {Record<string, Blob>} files  A background.
   * @param {AbortSignal} [signal]
   * @returns {Promise<Answer>}
   */
  async request(picture, outputs, format, options, files, signal) {
    const query = { ...options, ...this.methodQuery(), output: outputs.join(','), format };
    const image = picture.file;
    if (picture.origin.kind === 'auto') {
      const all = { ...query, ...this.pointQuery(picture.origin.points) };
      return this.service.ask('/v1/auto', { image, ...files }, all, signal);
    }
    const trimap = await this.trimapFile(picture);
    const path = files.background || options.background ? '/v1/cutout' : '/v1/matte';
    return this.service.ask(path, { image, trimap, ...files }, query, signal);
  }

  /**
   * @param {string[]} points
   * @returns {import('./service.js').Query}
   */
  pointQuery(points) {
    return points.length ? { point: points, segmenter: this.state.pointSegmenter } : {};
  }

  /** @param {Picture} picture */
  trimapFile(picture) {
    return this.codec.encodeGrey({ values: picture.trimap.slice(), width: picture.width, height: picture.height });
  }

  /** @returns {Record<string, string>} */
  methodQuery() {
    const [kind, name] = this.state.options.method.split(':');
    return { [kind]: name };
  }

  /**
   * @param {Picture} picture
   * @param {boolean} hasTrimap  The answer is to bring a trimap.
   */
  outputsFor(picture, hasTrimap) {
    const { view, method } = this.state.options;
    const isLight = picture.width * picture.height <= MOST_PIXELS_WITH_LAYERS;
    const outputs = hasTrimap ? ['alpha', 'trimap'] : ['alpha'];
    if (isLight || view === 'foreground') outputs.push('foreground');
    if (method === 'quality:best' && (isLight || view === 'confidence')) outputs.push('confidence');
    return outputs;
  }

  /** Ask again where the view shows a layer that was left out. */
  completeLayers() {
    const { active, options } = this.state;
    if (!active || active.progress !== 'settled') return;
    const isMissing =
      (options.view === 'foreground' && !active.foreground) ||
      (options.view === 'confidence' && !active.confidence && options.method === 'quality:best');
    if (isMissing) this.solveSoon(active, 0);
  }

  /**
   * @param {Picture} picture
   * @param {Answer} answer
   */
  async decode(picture, { images }) {
    const read = (/** @type {Blob | undefined} */ file) => (file ? this.codec.decodePlane(file) : null);
    const [alpha, trimap, confidence] = await Promise.all([
      read(images.alpha), read(images.trimap), read(images.confidence),
    ]);
    if (alpha && (alpha.width !== picture.width || alpha.height !== picture.height)) {
      throw new ServiceError(
        `The service reads the photograph as ${alpha.width} x ${alpha.height} pixels, this browser as ` +
          `${picture.width} x ${picture.height}.`, 422, 0,
      );
    }
    const foreground = images.foreground ? await Pyramid.of(await createImageBitmap(images.foreground)) : null;
    return { alpha, trimap, confidence, foreground };
  }

  /**
   * @param {Picture} picture
   * @param {Planes} planes
   * @param {boolean} isFirst
   */
  accept(picture, { alpha, trimap, confidence, foreground }, isFirst) {
    if (trimap) picture.history.replace('trimap', trimapValues(trimap.values));
    const changed = alpha ? picture.history.replace('alpha', alpha.values) : null;
    picture.foreground?.close();
    picture.foreground = foreground;
    picture.confidence = confidence?.values ?? null;
    picture.isTried = picture.hasAnswer = true;
    picture.dirty = null;
    this.checkKinds(picture);
    this.state.emit('pixels', { picture, rect: foreground || isFirst || confidence ? picture.whole : changed });
  }

  /**
   * Say what went wrong in the service's words; what was painted stays. A service that is gone is asked again.
   *
   * @param {Picture} picture
   * @param {unknown} error
   */
  failed(picture, error) {
    if (error instanceof DOMException && error.name === 'AbortError') return;
    const message = error instanceof Error ? error.message : String(error);
    this.state.setProgress(picture, 'failed', message);
    const isBusy = error instanceof ServiceError && (error.status === 429 || error.status === 503);
    picture.refusals = isBusy ? picture.refusals + 1 : 0;
    const isRetried = error instanceof ServiceGone || (isBusy && picture.refusals < MOST_REFUSALS);
    if (!isRetried) picture.isTried = true;
    if (isRetried) {
      const delay = (isBusy && error.retryAfter) || RETRY_AFTER;
      this.status.say(`${message} Your work is kept; trying again in ${delay} s.`);
      this.solveSoon(picture, delay * 1000);
    } else this.status.fail(message);
  }

  /**
   * The object at a point, as the service finds it, becomes the trimap: one step of the history.
   *
   * @param {Picture} picture
   * @param {string} point  `+x,y` or `-x,y`.
   */
  askPoint(picture, point) {
    this.askPoints(picture, [...(picture.origin.kind === 'auto' ? picture.origin.points : []), point]);
  }

  /**
   * @param {Picture} picture
   * @param {string[]} points
   */
  async askPoints(picture, points) {
    const { revision } = picture;
    this.interrupt(picture);
    clearTimeout(this.timers.get(picture));
    const note = points.length ? 'Finding the object at the point' : 'Finding the object';
    this.state.setProgress(picture, 'finding', note);
    try {
      const output = this.outputsFor(picture, true).join(',');
      const query = { ...this.methodQuery(), ...this.pointQuery(points), output, format: 'png' };
      const answer = await this.service.ask('/v1/auto', { image: picture.file }, query);
      if (answer.description.found === false) {
        this.state.setProgress(picture, 'settled', 'No object was found.');
        return;
      }
      const planes = await this.decode(picture, answer);
      if (picture.revision !== revision) return;
      picture.beginStep('point');
      this.accept(picture, planes, true);
      if (picture.commitStep()) picture.origin = { kind: 'auto', points };
      this.settled(picture, answer);
    } catch (error) {
      this.failed(picture, error);
    }
  }

  /** Forget what was painted, as one step that can be undone, and let the service find the object again. */
  findAgain() {
    if (this.state.active) this.askPoints(this.state.active, []);
  }

  /**
   * @param {'undo' | 'redo'} direction
   */
  step(direction) {
    const picture = this.state.active;
    const result = picture?.step(direction);
    if (!picture || !result) return;
    picture.dirty = null; // alpha came back with the trimap
    this.state.emit('pixels', { picture, rect: result.rect });
    this.status.say(`${direction === 'undo' ? 'Undone' : 'Redone'}: ${result.label}.`);
    this.onEdit(picture, true);
    this.state.emit('progress', picture);
  }
}

/**
 * An automatic answer to a photograph that was painted on meanwhile: what was painted as known stays.
 *
 * @param {Picture} picture
 * @param {Planes} planes
 * @returns {Planes}
 */
function joined(picture, planes) {
  const { alpha, trimap } = planes;
  picture.trimap.forEach((value, i) => {
    if (value === UNKNOWN) return;
    if (trimap) trimap.values[i] = value;
    if (alpha) alpha.values[i] = value;
  });
  return planes;
}
