/** Quick answers under the brush: the crop around what changed, one request at a time, never waited for by the hand. */

import { BACKGROUND, FOREGROUND, blendAnswer, cropAround, trimapOf } from './crops.js';

/**
 * @typedef {import('./picture.js').Picture} Picture
 * @typedef {import('./crops.js').Crop} Crop
 */

const WANTED = 220; // milliseconds for an answer
const FEWEST = 3_000; // unknown pixels of a crop
const MOST = 60_000;
const FIRST = 9_000;

export class Preview {
  /**
   * @param {import('./state.js').State} state
   * @param {import('./service.js').Service} service
   * @param {import('./codec.js').Codec} codec
   * @param {(picture: Picture, error: unknown) => void} onFailure
   */
  constructor(state, service, codec, onFailure) {
    this.state = state;
    this.service = service;
    this.codec = codec;
    this.onFailure = onFailure;
    this.mostUnknown = FIRST; // follows the machine's speed
    /** @type {AbortController | null} */
    this.running = null;
    /** @type {Picture | null} */
    this.wanted = null;
    /** @type {Picture | null} */
    this.runningPicture = null;
    this.isStopped = false; // what was under way is not wanted again
  }

  /**
   * @param {Picture} picture
   * @param {boolean} isFinal  The stroke has ended: an answer to less of it is not waited for.
   */
  want(picture, isFinal) {
    this.wanted = picture;
    if (isFinal) this.running?.abort();
    if (!this.running) this.run();
  }

  /**
   * Drop what is under way or wanted for a picture.
   *
   * @param {Picture} picture
   */
  stop(picture) {
    if (this.wanted === picture) this.wanted = null;
    if (this.runningPicture !== picture) return;
    this.isStopped = true;
    this.running?.abort();
  }

  async run() {
    while (this.wanted?.dirty) {
      const picture = this.wanted;
      const { dirty } = picture;
      picture.dirty = null;
      this.isStopped = false;
      this.runningPicture = picture;
      this.running = new AbortController();
      try {
        const changed = picture.hasAnswer && dirty ? dirty : picture.whole;
        await this.answer(picture, changed, this.running.signal);
      } catch (error) {
        const isStale = error instanceof DOMException && error.name === 'AbortError';
        if (isStale && !this.isStopped) picture.spread(dirty);
        else if (!isStale) this.onFailure(picture, error);
      }
    }
    this.running = this.runningPicture = null;
  }

  /**
   * @param {Picture} picture
   * @param {import('./rectangles.js').Rect} changed
   * @param {AbortSignal} signal
   */
  async answer(picture, changed, signal) {
    const crop = cropAround(
      picture.trimap, picture.hasAnswer ? picture.alpha : null, picture, changed, this.mostUnknown,
    );
    if (!crop?.unknown) return;
    const started = performance.now();
    const small = trimapOf(crop);
    if (!small.values.includes(FOREGROUND) || !small.values.includes(BACKGROUND)) return; // all too thin for its size
    const [image, trimap] = await Promise.all([
      this.codec.encodeColour(coloursOf(picture, crop)), this.codec.encodeGrey(small),
    ]);
    signal.throwIfAborted();
    const query = { quality: 'fast', output: 'alpha', format: 'png' };
    const answer = await this.service.ask('/v1/matte', { image, trimap }, query, signal);
    const alpha = await this.codec.decodePlane(answer.images.alpha);
    signal.throwIfAborted();
    picture.history.touch('alpha', crop.rect);
    picture.hasAnswer = true;
    blendAnswer(picture.alpha, picture.trimap, picture, crop, alpha);
    this.state.emit('pixels', { picture, rect: crop.rect });
    this.adapt(crop.unknown / crop.scale ** 2, performance.now() - started);
  }

  /**
   * Send larger crops where the service is quick, smaller ones where it is not.
   *
   * @param {number} unknown
   * @param {number} milliseconds
   */
  adapt(unknown, milliseconds) {
    const reached = (unknown * WANTED) / milliseconds;
    const next = milliseconds > WANTED ? Math.min(this.mostUnknown, reached) : Math.max(this.mostUnknown, reached);
    this.mostUnknown = 0.7 * this.mostUnknown + 0.3 * Math.min(MOST, Math.max(FEWEST, next));
  }
}

/**
 * The photograph's colours for a crop, three bytes a pixel.
 *
 * @param {Picture} picture
 * @param {Crop} crop
 */
function coloursOf(picture, { rect, scale }) {
  if (!picture.photo) throw new Error('the photograph is not in memory');
  const level = Math.log2(scale);
  const [width, height] = [Math.ceil(rect.width / scale), Math.ceil(rect.height / scale)];
  const { data } = picture.photo.pixels(level, { x: rect.x / scale, y: rect.y / scale, width, height });
  const values = new Uint8Array(3 * width * height);
  for (let i = 0, j = 0; i < values.length; i += 3, j += 4) {
    values[i] = data[j];
    values[i + 1] = data[j + 1];
    values[i + 2] = data[j + 2];
  }
  return { values, width, height };
}
