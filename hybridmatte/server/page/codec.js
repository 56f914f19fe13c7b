/** The page's side of the codec worker. */

/** @typedef {{values: Uint8Array, width: number, height: number}} Plane */

const BROKEN = 'The part of the page that reads and writes pictures does not work. Load the page again.';

export class Codec {
  constructor() {
    this.worker = new Worker(new URL('./codec_worker.js', import.meta.url), { type: 'module' });
    /** @type {Map<number, {resolve: (output: any) => void, reject: (error: Error) => void}>} */
    this.waiting = new Map();
    this.count = 0;
    this.worker.addEventListener('message', ({ data: { id, output, error } }) => {
      const call = this.waiting.get(id);
      this.waiting.delete(id);
      if (error !== undefined) call?.reject(new Error(error));
      else call?.resolve(output);
    });
    this.isBroken = false;
    for (const type of ['error', 'messageerror']) this.worker.addEventListener(type, () => this.fail());
  }

  /** The worker could not be loaded or has stopped: nothing that waits for it would ever come. */
  fail() {
    this.isBroken = true;
    for (const { reject } of this.waiting.values()) reject(new Error(BROKEN));
    this.waiting.clear();
  }

  /**
   * A grey PNG, compressed.
   *
   * @param {Plane} plane  Its values are handed over: they cannot be used afterwards.
   * @returns {Promise<Blob>}
   */
  encodeGrey({ values, width, height }) {
    return this.ask('encode', { values, width, height, channels: 1, isSmall: true }, [values.buffer]);
  }

  /**
   * An RGB PNG, stored without compression: it goes no farther than this machine.
   *
   * @param {Plane} pixels  Three bytes a pixel, handed over.
   * @returns {Promise<Blob>}
   */
  encodeColour({ values, width, height }) {
    return this.ask('encode', { values, width, height, channels: 3, isSmall: false }, [values.buffer]);
  }

  /**
   * The values of a grey picture file.
   *
   * @param {Blob} file
   * @returns {Promise<Plane>}
   */
  decodePlane(file) {
    return this.ask('decode', { file, resizing: {} }, []);
  }

  /**
   * The values of a grey picture file, brought to a size.
   *
   * @param {Blob} file
   * @param {{width: number, height: number}} size
   * @param {boolean} isSmooth  Else no values come that the file does not have.
   * @returns {Promise<Plane>}
   */
  decodeResized(file, { width, height }, isSmooth) {
    const resizeQuality = isSmooth ? 'medium' : 'pixelated';
    return this.ask('decode', { file, resizing: { resizeWidth: width, resizeHeight: height, resizeQuality } }, []);
  }

  /**
   * @param {string} task
   * @param {unknown} input
   * @param {Transferable[]} transfer
   * @returns {Promise<any>}
   */
  ask(task, input, transfer) {
    const id = this.count++;
    if (this.isBroken) return Promise.reject(new Error(BROKEN));
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.worker.postMessage({ id, task, input }, transfer);
    });
  }
}
