/** Quick answers under the brush: the crop around what changed, one request at a time, never waited for by the hand. */

import { blendAnswer, cropAround, kindsIn, trimapOf } from './crops.js';

/**
 * @typedef {import('./picture.js').Picture} Picture
 * @typedef {import('./crops.js').Crop} Crop
 */

const WANTED = 220; // milliseconds for an answer
const FEWEST_PIXELS = 40_000;
const MOST_PIXELS = 600_000;
const FIRST_PIXELS = 160_000;

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
    this.mostPixels = FIRST_PIXELS; // follows the machine's speed
    /** @type {AbortController | null} */
    this.running = null;
    /** @type {Picture | null} */
    this.wanted = null;
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

  async run() {
    while (this.wanted?.dirty) {
      const picture = this.wanted;
      const { dirty } = picture;
      picture.dirty = null;
      this.running = new AbortController();
      try {
        const changed = picture.hasAnswer && dirty ? dirty : picture.whole;
        await this.answer(picture, changed, this.running.signal);
      } catch (error) {
        const isStale = error instanceof DOMException && error.name === 'AbortError';
        if (isStale) picture.spread(dirty);
        else this.onFailure(picture, error);
      }
    }
    this.running = null;
  }

  /**
   * @param {Picture} picture
   * @param {import('./rectangles.js').Rect} changed
   * @param {AbortSignal} signal
   */
  async answer(picture, changed, signal) {
    const crop = cropAround(picture.trimap, picture, changed, this.mostPixels);
    if (!crop || !kindsIn(picture.trimap, picture.width, crop.rect).unknown) return;
    const started = performance.now();
    const small = trimapOf(picture.trimap, picture.width, crop);
    const pixels = small.width * small.height;
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
    this.adapt(pixels, performance.now() - started);
  }

  /**
   * Send larger crops where the service is quick, smaller ones where it is not.
   *
   * @param {number} pixels
   * @param {number} milliseconds
   */
  adapt(pixels, milliseconds) {
    const reached = (pixels * WANTED) / milliseconds;
    const next = milliseconds > WANTED ? Math.min(this.mostPixels, reached) : Math.max(this.mostPixels, reached);
    const limited = Math.min(MOST_PIXELS, Math.max(FEWEST_PIXELS, next));
    this.mostPixels = 0.7 * this.mostPixels + 0.3 * limited;
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
