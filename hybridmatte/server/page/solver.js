/**
 * Asks the service for alpha: at once for a new photograph, around each change as a preview, and in full once the hand
 * rests. An answer to a trimap that has changed since is not used.
 */

import { Answers } from './answers.js';
import { kindsIn } from './crops.js';
import { trimapValues } from './picture.js';
import { Preview } from './preview.js';
import { Pyramid } from './pyramid.js';
import { Requests, joined } from './requests.js';
import { ServiceError, ServiceGone } from './service.js';

/**
 * @typedef {import('./picture.js').Picture} Picture
 * @typedef {import('./service.js').Answer} Answer
 * @typedef {import('./requests.js').Planes} Planes
 */

const REST = 800; // milliseconds without a change before the whole is solved
const LARGE = 4e6; // pixels of a photograph from which a smaller one is answered first
const FIRST_LOOK = 1.2e6; // pixels of that one
const RETRY_AFTER = 2; // seconds
const MOST_REFUSALS = 3; // in a row by a busy service; then it is for the user to ask again
const NOTHING_FOUND = 'No object was found. Paint some foreground (1) and background (2).';

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
    this.requests = new Requests(state, service, codec);
    this.answers = new Answers();
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
      if (options.method && this.state.active) this.recallOrSolve(this.state.active);
    });
  }

  /** @param {Picture} picture */
  add(picture) {
    this.queue.push(picture);
    this.next();
  }

  /** @param {Picture} picture */
  forget(picture) {
    this.stop(picture);
    this.answers.forget(picture);
  }

  /**
   * Give up what is asked for a picture or is to be asked soon.
   *
   * @param {Picture} picture
   */
  stop(picture) {
    clearTimeout(this.timers.get(picture));
    this.queue = this.queue.filter((one) => one !== picture);
    if (this.runningPicture === picture) this.running?.abort();
    this.preview.stop(picture);
  }

  /**
   * @param {Picture} picture
   * @param {boolean} isFinal
   */
  onEdit(picture, isFinal) {
    if (!picture.isTried) return; // joined with the automatic answer when that comes
    if (isFinal && this.recall(picture)) return;
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
    this.state.setProgress(picture, isAutomatic ? 'finding' : 'solving', workOn(picture));
    if (isAutomatic && !picture.isTried) await this.lookFirst(picture, signal);
    const { revision, origin } = picture;
    const { method } = this.state.options;
    const outputs = this.requests.outputsFor(picture, isAutomatic);
    const answer = await this.requests.answer(picture, outputs, 'png', {}, {}, signal);
    if (answer.description.found === false) {
      picture.isTried = true;
      const known = { isFound: false, alpha: null, confidence: null, foreground: null, note: NOTHING_FOUND };
      this.answers.keep(picture, origin, method, known);
      this.state.setProgress(picture, 'waiting', NOTHING_FOUND);
      if (picture.isEdited) this.onEdit(picture, true);
      return;
    }
    const planes = await this.requests.decode(picture, answer);
    if (signal.aborted || (picture.revision !== revision && picture.isTried)) return;
    const isPainted = picture.origin.kind === 'trimap' && isAutomatic;
    this.accept(picture, isPainted ? joined(picture, planes) : planes, !picture.hasAnswer);
    this.settled(picture, answer, isPainted ? null : planes, method);
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
    const note = `A first answer, at a smaller size. The one at ${sizeOf(picture)} takes minutes.`;
    this.state.setProgress(picture, 'finding', note);
  }

  /**
   * @param {Picture} picture
   * @param {Answer} answer
   * @param {Planes | null} planes  To be kept as the answer to the picture's state, if not null.
   * @param {string} method
   */
  settled(picture, { description, images }, planes, method) {
    picture.refusals = 0;
    const warning = description.warnings?.[0];
    if (warning) this.status.say(warning);
    const time = description.seconds ? `, in ${description.seconds.toFixed(1)} s` : '';
    const note = `Up to date: ${method.split(':')[1]}${time}`;
    if (planes) {
      const [alpha, confidence] = [planes.alpha?.values ?? null, planes.confidence?.values ?? null];
      const known = { isFound: true, alpha, confidence, foreground: images.foreground ?? null, note };
      this.answers.keep(picture, picture.origin, method, known);
    }
    this.state.setProgress(picture, 'settled', note);
  }

  /**
   * Show the answer to the state that a picture is in, if it is known and has what the view needs.
   *
   * @param {Picture} picture
   */
  recall(picture) {
    const known = this.answers.find(picture.origin, this.state.options.method);
    if (!known) return false;
    const outputs = known.isFound ? this.requests.outputsFor(picture, false) : [];
    const isWhole = (/** @type {string} */ name) => known[/** @type {keyof typeof known} */ (name)] !== null;
    if (!outputs.every(isWhole)) return false;
    this.stop(picture);
    const changed = known.alpha ? picture.history.replace('alpha', known.alpha) : null;
    const isOther = picture.confidence !== known.confidence || picture.hasAnswer !== known.isFound;
    picture.confidence = known.confidence;
    picture.hasAnswer = known.isFound;
    picture.isTried = true;
    picture.dirty = null;
    this.checkKinds(picture);
    this.state.emit('pixels', { picture, rect: isOther ? picture.whole : changed });
    this.recallForeground(picture, known.foreground);
    this.state.setProgress(picture, known.isFound ? 'settled' : 'waiting', known.note);
    return true;
  }

  /**
   * @param {Picture} picture
   * @param {Blob | null} file
   */
  async recallForeground(picture, file) {
    const { origin } = picture;
    const foreground = file ? await Pyramid.of(await createImageBitmap(file)) : null;
    if (picture.origin !== origin || !picture.photo) {
      foreground?.close();
      return;
    }
    picture.foreground?.close();
    picture.foreground = foreground;
    this.state.emit('pixels', { picture, rect: picture.whole });
  }

  /** @param {Picture} picture */
  recallOrSolve(picture) {
    if (!this.recall(picture)) this.solveSoon(picture, 0);
  }

  /** Ask again where the view shows a layer that was left out. */
  completeLayers() {
    const { active, options } = this.state;
    if (!active || active.progress !== 'settled') return;
    const isMissing =
      (options.view === 'foreground' && !active.foreground) ||
      (options.view === 'confidence' && !active.confidence && options.method === 'quality:best');
    if (isMissing) this.recallOrSolve(active);
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
    const isOvertime = error instanceof ServiceError && error.isOvertime;
    const isBusy = error instanceof ServiceError && [429, 503].includes(error.status) && !isOvertime;
    picture.refusals = isBusy ? picture.refusals + 1 : 0;
    const isRetried = error instanceof ServiceGone || (isBusy && picture.refusals < MOST_REFUSALS);
    if (!isRetried) picture.isTried = true;
    if (isRetried) {
      const delay = (isBusy && error.retryAfter) || RETRY_AFTER;
      this.status.say(`${message} Your work is kept; trying again in ${delay} s.`);
      this.solveSoon(picture, delay * 1000);
    } else if (isOvertime) this.state.emit('overtime', { picture, message });
    else this.status.fail(message);
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
    const { method } = this.state.options;
    this.interrupt(picture);
    clearTimeout(this.timers.get(picture));
    const note = points.length ? 'Finding the object at the point' : 'Finding the object';
    this.state.setProgress(picture, 'finding', note);
    try {
      const answer = await this.requests.object(picture, points);
      if (answer.description.found === false) {
        this.state.setProgress(picture, 'settled', 'No object was found.');
        return;
      }
      const planes = await this.requests.decode(picture, answer);
      if (picture.revision !== revision) return;
      picture.beginStep('point');
      this.accept(picture, planes, true);
      const isChange = picture.commitStep();
      if (isChange) picture.origin = { kind: 'auto', points };
      this.settled(picture, answer, isChange ? planes : null, method);
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
 * What is being done, and that it takes long where it does.
 *
 * @param {Picture} picture
 */
function workOn(picture) {
  const isAutomatic = picture.origin.kind === 'auto';
  const work = isAutomatic ? 'Finding the object' : 'Solving';
  if (picture.width * picture.height < LARGE) return work;
  if (isAutomatic && !picture.isTried) return `${work}, at a smaller size first`;
  return `${work} at ${sizeOf(picture)}: this takes minutes`;
}

/** @param {Picture} picture */
function sizeOf({ width, height }) {
  return `${Math.round((width * height) / 1e6)} megapixels`;
}
