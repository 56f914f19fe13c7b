/** What the service is asked about a picture, and how its answer becomes planes of bytes. */

import { UNKNOWN } from './crops.js';
import { Pyramid } from './pyramid.js';
import { ServiceError } from './service.js';

/**
 * @typedef {import('./picture.js').Picture} Picture
 * @typedef {import('./service.js').Answer} Answer
 * @typedef {import('./service.js').Query} Query
 * @typedef {Awaited<ReturnType<Requests['decode']>>} Planes
 * @typedef {Pick<Picture, 'file' | 'origin' | 'trimap' | 'width' | 'height'>} Asked  What an answer depends on.
 */

const MOST_PIXELS_WITH_COLOURS = 8e6; // above, foreground colours are asked for only when they are to be seen
export const LARGE = 4e6; // pixels of a photograph from which a smaller one is answered first

export class Requests {
  /**
   * @param {import('./state.js').State} state
   * @param {import('./service.js').Service} service
   * @param {import('./codec.js').Codec} codec
   */
  constructor(state, service, codec) {
    this.state = state;
    this.service = service;
    this.codec = codec;
  }

  /**
   * The answer to the trimap as it is, or the service's own answer where nothing was painted.
   *
   * @param {Asked} picture
   * @param {string[]} outputs
   * @param {string} format
   * @param {Query} options  Also those of `methodQuery`.
   * @param {Record<string, Blob>} files  A background.
   * @param {AbortSignal} [signal]
   * @returns {Promise<Answer>}
   */
  async answer(picture, outputs, format, options, files, signal) {
    const query = { ...options, output: outputs.join(','), format };
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
   * The object at points of the photograph, or the service's own choice where there are none.
   *
   * @param {Picture} picture
   * @param {string[]} points
   * @param {AbortSignal} signal
   * @returns {Promise<Answer>}
   */
  object(picture, points, signal) {
    const output = this.outputsToAsk(picture, true).join(',');
    const query = { ...this.methodQuery(), ...this.pointQuery(points), output, format: 'png' };
    return this.service.ask('/v1/auto', { image: picture.file }, query, signal);
  }

  /**
   * @param {string[]} points
   * @returns {Query}
   */
  pointQuery(points) {
    return points.length ? { point: points, segmenter: this.state.pointSegmenter } : {};
  }

  /** @param {Asked} picture */
  trimapFile(picture) {
    return this.codec.encodeGrey({ values: picture.trimap.slice(), width: picture.width, height: picture.height });
  }

  /** @returns {Record<string, string>} */
  methodQuery() {
    const [kind, name] = this.state.options.method.split(':');
    return { [kind]: name };
  }

  /**
   * What the page shows of a picture.
   *
   * @param {Picture} picture
   * @param {boolean} hasTrimap  The answer is to bring a trimap.
   */
  outputsFor(picture, hasTrimap) {
    const { view, method } = this.state.options;
    const isLight = picture.width * picture.height <= MOST_PIXELS_WITH_COLOURS;
    const outputs = hasTrimap ? ['alpha', 'trimap'] : ['alpha'];
    if (isLight || view === 'foreground') outputs.push('foreground');
    if (method === 'quality:best') outputs.push('confidence');
    return outputs;
  }

  /**
   * What the service is asked for: what is shown, and the cut-out, so that no other solve is needed to save it.
   *
   * @param {Picture} picture
   * @param {boolean} hasTrimap
   */
  outputsToAsk(picture, hasTrimap) {
    return [...this.outputsFor(picture, hasTrimap), 'cutout'];
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
}

/**
 * An automatic answer to a photograph that was painted on meanwhile: what was painted as known stays.
 *
 * @param {Picture} picture
 * @param {Planes} planes
 * @returns {Planes}
 */
export function joined(picture, planes) {
  const { alpha, trimap } = planes;
  picture.trimap.forEach((value, i) => {
    if (value === UNKNOWN) return;
    if (trimap) trimap.values[i] = value;
    if (alpha) alpha.values[i] = value;
  });
  return planes;
}

/**
 * What is being done, and that it takes long where it does.
 *
 * @param {Picture} picture
 */
export function workOn(picture) {
  const isAutomatic = picture.origin.kind === 'auto';
  const work = isAutomatic ? 'Finding the object' : 'Solving';
  if (picture.width * picture.height < LARGE) return work;
  if (isAutomatic && !picture.isTried) return `${work}, at a smaller size first`;
  return `${work} at ${sizeOf(picture)}: this takes minutes`;
}

/** @param {Picture} picture */
export function sizeOf({ width, height }) {
  return `${Math.round((width * height) / 1e6)} megapixels`;
}

/**
 * The kind of messages about answers to a picture.
 *
 * @param {Picture} picture
 */
export function kindOf(picture) {
  return `answer ${picture.id}`;
}
