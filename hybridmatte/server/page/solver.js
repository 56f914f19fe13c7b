/**
 * Asks the service for alpha: at once for a new photograph, around each change as a preview, and in full once the hand
 * rests. An answer to a trimap that has changed since is not used.
 */

import { Answers } from './answers.js';
import { kindsIn } from './crops.js';
import { trimapValues } from './picture.js';
import { Preview } from './preview.js';
import { Pyramid } from './pyramid.js';
import { LARGE, Requests, joined, kindOf, sizeOf, workOn } from './requests.js';
import { Schedule } from './schedule.js';
import { ServiceError, ServiceGone } from './service.js';

/**
 * @typedef {import('./picture.js').Picture} Picture
 * @typedef {import('./service.js').Answer} Answer
 * @typedef {import('./requests.js').Planes} Planes
 */

const REST = 800; // milliseconds without a change before the whole is solved
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
    this.rest = REST;
    this.preview = new Preview(state, service, codec, (picture, error) => this.failed(picture, error));
    this.schedule = new Schedule(state, (picture, signal) => this.work(picture, signal));
    state.on('edit', ({ picture, isFinal }) => this.onEdit(picture, isFinal));
    state.on('options', (options) => {
      if (options.view) this.refresh();
      if (options.method && this.state.active) this.recallOrSolve(this.state.active);
    });
  }

  /** @param {Picture} picture */
  add(picture) {
    this.schedule.add(picture);
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
    this.schedule.drop(picture);
    picture.wish = null;
    this.preview.stop(picture);
  }

  /**
   * @param {Picture} picture
   * @param {boolean} isFinal
   */
  onEdit(picture, isFinal) {
    const wasAsked = picture.wish !== null;
    picture.wish = null; // its answer would not know what was painted
    if (!picture.isTried) { // joined with the automatic answer when that comes
      if (wasAsked) this.schedule.soon(picture, 0);
      return;
    }
    if (isFinal && this.recall(picture)) return;
    this.schedule.stop(picture);
    if (isFinal && picture.origin.kind === 'auto') this.schedule.soon(picture, this.rest);
    if (isFinal) this.checkKinds(picture);
    if (!picture.hasBothKinds) {
      this.preview.stop(picture);
      return;
    }
    if (picture.progress !== 'painting') this.state.setProgress(picture, 'painting', 'Preview');
    this.preview.want(picture, isFinal);
    if (isFinal) this.schedule.soon(picture, this.rest);
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
   * @param {AbortSignal} signal
   */
  async work(picture, signal) {
    const { wish } = picture;
    try {
      if (wish) await this.findObject(picture, wish, signal);
      else await this.solve(picture, signal);
    } catch (error) {
      this.failed(picture, error, wish);
    }
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
    const outputs = this.requests.outputsToAsk(picture, isAutomatic);
    const answer = await this.requests.answer(picture, outputs, 'png', this.requests.methodQuery(), {}, signal);
    const planes = await this.planesOf(picture, answer);
    if (signal.aborted || (picture.revision !== revision && picture.isTried)) {
      planes?.foreground?.close();
      return;
    }
    if (!planes) {
      this.foundNothing(picture, origin, method);
      return;
    }
    const isPainted = picture.origin.kind === 'trimap' && isAutomatic;
    this.accept(picture, isPainted ? joined(picture, planes) : planes, !picture.hasAnswer);
    this.settled(picture, answer, isPainted ? null : planes, method);
    if (isPainted) this.onEdit(picture, true);
  }

  /**
   * The planes of an answer once no stroke is under way, since its beginning would be wiped; null where nothing was found.
   *
   * @param {Picture} picture
   * @param {Answer} answer
   */
  async planesOf(picture, answer) {
    const planes = answer.description.found === false ? null : await this.requests.decode(picture, answer);
    await picture.history.rested();
    return planes;
  }

  /**
   * @param {Picture} picture
   * @param {import('./picture.js').Origin} origin
   * @param {string} method
   */
  foundNothing(picture, origin, method) {
    picture.isTried = true;
    const known = { isFound: false, alpha: null, confidence: null, files: {}, note: NOTHING_FOUND };
    this.answers.keep(picture, origin, method, known);
    this.state.setProgress(picture, 'waiting', NOTHING_FOUND);
    if (picture.isEdited) this.onEdit(picture, true);
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
    if (picture.revision !== revision || picture.history.isOpen) return;
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
      const known = { isFound: true, alpha, confidence, files: images, note };
      this.answers.keep(picture, picture.origin, method, known);
    }
    picture.method = method;
    this.status.earlier(kindOf(picture))();
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
    if (!outputs.every((name) => name in known.files)) return false;
    this.stop(picture);
    const changed = known.alpha ? picture.history.replace('alpha', known.alpha) : null;
    const isOther = picture.confidence !== known.confidence || picture.hasAnswer !== known.isFound;
    picture.confidence = known.confidence;
    picture.method = this.state.options.method;
    picture.hasAnswer = known.isFound;
    picture.isTried = true;
    picture.dirty = null;
    this.checkKinds(picture);
    this.state.emit('pixels', { picture, rect: isOther ? picture.whole : changed });
    this.recallForeground(picture, outputs.includes('foreground') ? known.files.foreground : null);
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
    if (picture.wish || !this.recall(picture)) this.schedule.soon(picture, 0);
  }

  /**
   * Ask again for the picture on show where its answer is another method's, or lacks a layer that is to be there: it was
   * left out, or freed while another picture was on show.
   */
  refresh() {
    const { active, options } = this.state;
    if (!active || active.progress !== 'settled') return;
    const needed = this.requests.outputsFor(active, false);
    const isMissing =
      (needed.includes('foreground') && !active.foreground) || (needed.includes('confidence') && !active.confidence);
    if (isMissing || active.method !== options.method) this.recallOrSolve(active);
  }

  /**
   * @param {Picture} picture
   * @param {Planes} planes
   * @param {boolean} isFirst
   */
  accept(picture, { alpha, trimap, confidence, foreground }, isFirst) {
    this.preview.stop(picture); // its answer would come late and be the worse one
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
   * @param {string[] | null} [wish]  Points of an object that was asked for.
   */
  failed(picture, error, wish = null) {
    if (error instanceof DOMException && error.name === 'AbortError') return;
    const message = error instanceof Error ? error.message : String(error);
    this.state.setProgress(picture, 'failed', message);
    const isOvertime = error instanceof ServiceError && error.isOvertime;
    const isBusy = error instanceof ServiceError && [429, 503].includes(error.status) && !isOvertime;
    picture.refusals = isBusy ? picture.refusals + 1 : 0;
    const isRetried = error instanceof ServiceGone || (isBusy && picture.refusals < MOST_REFUSALS);
    if (!isRetried && !wish) picture.isTried = true;
    if (isRetried) {
      const delay = (isBusy && error.retryAfter) || RETRY_AFTER;
      this.status.say(`${message} Your work is kept; trying again in ${delay} s.`);
      this.schedule.soon(picture, delay * 1000);
    } else if (isOvertime) this.state.emit('overtime', { picture, message });
    else this.status.fail(message, [], kindOf(picture));
    if (isRetried || !wish) return;
    if (picture.wish === wish) picture.wish = null;
    this.recallOrSolve(picture);
  }

  /**
   * The object at a point, as the service finds it, becomes the trimap: one step of the history.
   *
   * @param {Picture} picture
   * @param {string} point  `+x,y` or `-x,y`.
   */
  askPoint(picture, point) {
    const before = picture.wish ?? (picture.origin.kind === 'auto' ? picture.origin.points : []);
    this.askObject(picture, [...before, point]);
  }

  /** Forget what was painted, as one step that can be undone, and let the service find the object again. */
  findAgain() {
    if (this.state.active) this.askObject(this.state.active, []);
  }

  /**
   * @param {Picture} picture
   * @param {string[]} points
   */
  askObject(picture, points) {
    this.state.emit('interrupt', null);
    picture.wish = points;
    this.schedule.soon(picture, 0);
  }

  /**
   * @param {Picture} picture
   * @param {string[]} points
   * @param {AbortSignal} signal
   */
  async findObject(picture, points, signal) {
    const { revision, origin } = picture;
    const { method } = this.state.options;
    const note = points.length ? 'Finding the object at the point' : 'Finding the object';
    this.state.setProgress(picture, 'finding', note);
    const answer = await this.requests.object(picture, points, signal);
    const planes = await this.planesOf(picture, answer);
    if (signal.aborted || picture.revision !== revision) {
      planes?.foreground?.close();
      return;
    }
    picture.wish = null;
    if (!planes) {
      const isFirst = origin.kind === 'auto' && !origin.points.length && !points.length && !picture.hasAnswer;
      if (isFirst) this.foundNothing(picture, origin, method);
      else {
        this.status.say(`No object was found${points.length ? ' at the point' : ''}.`);
        this.recallOrSolve(picture);
      }
      return;
    }
    picture.beginStep('point');
    this.accept(picture, planes, true);
    const isChange = picture.commitStep();
    if (isChange) picture.origin = { kind: 'auto', points };
    this.settled(picture, answer, isChange ? planes : null, method);
  }

  /**
   * @param {'undo' | 'redo'} direction
   */
  step(direction) {
    this.state.emit('interrupt', null);
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
