/** The service's answers that are still known: undo, redo, a method that was tried and saving need no new one. */

/**
 * @typedef {import('./picture.js').Picture} Picture
 * @typedef {import('./picture.js').Origin} Origin
 *
 * @typedef {object} Known
 * @property {boolean} isFound  False where the service found no object.
 * @property {Uint8Array | null} alpha
 * @property {Uint8Array | null} confidence
 * @property {Record<string, Blob>} files  All outputs as they came: they can be saved, and are smaller than pixels.
 * @property {string} note  What the page says of it.
 *
 * @typedef {{picture: Picture, origin: Origin, method: string, known: Known}} Entry
 */

const MOST_BYTES = 200e6; // of all pictures together

export class Answers {
  /** @param {number} [mostBytes] */
  constructor(mostBytes = MOST_BYTES) {
    this.mostBytes = mostBytes;
    this.bytes = 0;
    /** @type {Entry[]} */
    this.entries = []; // the last used one stands last
  }

  /**
   * Keep an answer to a picture in a state of its trimap; the answers that were used longest ago make room for it. The
   * latest one is kept whatever its size.
   *
   * @param {Picture} picture
   * @param {Origin} origin  One object for each state of the trimap.
   * @param {string} method
   * @param {Known} known
   */
  keep(picture, origin, method, known) {
    this.drop((entry) => entry.origin === origin && entry.method === method);
    this.entries.push({ picture, origin, method, known });
    this.bytes += bytesOf(known);
    while (this.bytes > this.mostBytes && this.entries.length > 1) this.drop((entry) => entry === this.entries[0]);
  }

  /**
   * @param {Origin} origin
   * @param {string} method
   * @returns {Known | null}
   */
  find(origin, method) {
    const index = this.entries.findIndex((entry) => entry.origin === origin && entry.method === method);
    if (index < 0) return null;
    const [entry] = this.entries.splice(index, 1);
    this.entries.push(entry);
    return entry.known;
  }

  /** @param {Picture} picture */
  forget(picture) {
    this.drop((entry) => entry.picture === picture);
  }

  /** @param {(entry: Entry) => boolean} isDropped */
  drop(isDropped) {
    this.entries = this.entries.filter((entry) => {
      if (!isDropped(entry)) return true;
      this.bytes -= bytesOf(entry.known);
      return false;
    });
  }
}

/** @param {Known} known */
function bytesOf({ alpha, confidence, files }) {
  const inFiles = Object.values(files).reduce((sum, file) => sum + file.size, 0);
  return (alpha?.length ?? 0) + (confidence?.length ?? 0) + inFiles;
}
