/** Photographs come in: chosen, dropped or pasted, one or many; what the browser cannot read the service decodes. */

import { element } from './status.js';
import { Picture, trimapValues } from './picture.js';
import { Pyramid } from './pyramid.js';

const MOST_DECODED = 60e6; // pixels of photographs kept decoded; others are read again when shown

export class Files {
  /**
   * @param {import('./state.js').State} state
   * @param {import('./service.js').Service} service
   * @param {import('./codec.js').Codec} codec
   * @param {import('./solver.js').Solver} solver
   * @param {import('./status.js').Status} status
   */
  constructor(state, service, codec, solver, status) {
    this.state = state;
    this.service = service;
    this.codec = codec;
    this.solver = solver;
    this.status = status;
    this.photoInput = /** @type {HTMLInputElement} */ (element('photo-input'));
    this.trimapInput = /** @type {HTMLInputElement} */ (element('trimap-input'));
    this.backgroundInput = /** @type {HTMLInputElement} */ (element('background-input'));
    /** @type {File | Picture | null} */
    this.wanted = null; // what was chosen last to be shown
    /** @type {WeakMap<Picture, Promise<Pyramid>>} */
    this.reading = new WeakMap();
    this.listen();
  }

  listen() {
    onChoice(this.photoInput, (files) => this.open(files));
    onChoice(this.trimapInput, ([file]) => this.openTrimap(file));
    onChoice(this.backgroundInput, ([file]) => this.openBackground(file));
    const area = document.body;
    area.addEventListener('dragover', (event) => {
      event.preventDefault();
      area.classList.add('dropping');
    });
    area.addEventListener('dragleave', (event) => {
      if (!event.relatedTarget) area.classList.remove('dropping');
    });
    area.addEventListener('drop', (event) => {
      event.preventDefault();
      area.classList.remove('dropping');
      this.drop(event.dataTransfer);
    });
    document.addEventListener('paste', (event) => {
      const files = [...(event.clipboardData?.files ?? [])];
      if (files.length) this.open(files);
    });
    window.addEventListener('beforeunload', (event) => {
      if (this.state.pictures.some((picture) => picture.isEdited)) event.preventDefault();
    });
  }

  /**
   * Open what was dropped; a folder is refused.
   *
   * @param {DataTransfer | null} dropped
   */
  drop(dropped) {
    const entries = [...(dropped?.items ?? [])].map((item) => item.webkitGetAsEntry());
    const folders = new Set(entries.filter((entry) => entry?.isDirectory).map((entry) => entry?.name));
    this.open([...(dropped?.files ?? [])].filter((file) => !folders.has(file.name)));
    for (const name of folders) this.status.fail(`${name} is a folder, expected pictures.`, [], 'open');
  }

  /**
   * A file that is called after the picture on show and ends in `_trimap` is its trimap; any other is a photograph.
   *
   * @param {File[]} files
   */
  async open(files) {
    const forget = this.status.earlier('open');
    for (const file of files) {
      const { active } = this.state;
      if (active && file.name.startsWith(`${active.stem}_trimap.`)) await this.openTrimap(file);
      else if (await this.openPhoto(file, file === files[0])) forget();
    }
  }

  /**
   * @param {File} file
   * @param {boolean} isShown
   * @returns {Promise<boolean>} Whether it could be read.
   */
  async openPhoto(file, isShown) {
    if (isShown) this.wanted = file;
    try {
      const picture = new Picture(file, await this.read(file));
      this.state.pictures.push(picture);
      if (this.wanted === file || !this.state.active) await this.show(picture);
      else this.state.emit('pictures', null);
      if (this.state.pictures.includes(picture)) this.solver.add(picture);
      this.releaseOthers();
      return true;
    } catch (error) {
      this.status.fail(naming(file, error), [], 'open');
      return false;
    }
  }

  /**
   * Open a photograph anew, at half its size.
   *
   * @param {Picture} picture
   */
  async openHalf(picture) {
    await this.show(picture);
    if (!picture.photo) return;
    const half = await picture.photo.file(Math.min(1, picture.photo.levels.length - 1));
    await this.open([new File([half], `${picture.stem}_half.png`, { type: 'image/png' })]);
  }

  /** @param {Picture} picture */
  async show(picture) {
    this.wanted = picture;
    try {
      await this.load(picture);
    } catch (error) {
      this.status.fail(`${picture.name}: ${messageOf(error)}`);
      return;
    }
    if (!this.state.pictures.includes(picture)) picture.release(); // closed meanwhile
    else if (this.wanted === picture) this.present(picture);
  }

  /**
   * Read a picture's file again if its pixels were freed.
   *
   * @param {Picture} picture
   */
  async load(picture) {
    if (picture.photo) return;
    const reading = this.reading.get(picture) ?? this.read(picture.file);
    this.reading.set(picture, reading);
    try {
      picture.photo = await reading;
    } finally {
      this.reading.delete(picture);
    }
  }

  /** @param {Picture} picture */
  present(picture) {
    if (picture !== this.state.active) this.state.emit('interrupt', null);
    this.state.active = picture;
    this.state.emit('pictures', null);
    this.state.emit('pixels', { picture, rect: null });
    this.releaseOthers();
    this.solver.refresh();
  }

  /**
   * Close a picture, after a question where something was painted.
   *
   * @param {Picture | null} picture
   */
  askToClose(picture) {
    if (!picture) return;
    if (!picture.isEdited || confirm(`Close ${picture.name}? What you painted is lost.`)) this.close(picture);
  }

  /** @param {Picture} picture */
  close(picture) {
    const isShown = this.state.active === picture;
    if (isShown) this.state.emit('interrupt', null);
    const index = this.state.pictures.indexOf(picture);
    this.state.pictures.splice(index, 1);
    this.solver.forget(picture);
    picture.release();
    const next = this.state.pictures[Math.min(index, this.state.pictures.length - 1)] ?? null;
    if (isShown) this.state.active = null; // also while the next one is read
    this.state.emit('pictures', null);
    if (isShown && next) this.show(next);
  }

  /**
   * @param {Blob} file
   * @returns {Promise<Pyramid>}
   */
  async read(file) {
    /** @type {ImageBitmap} */
    let bitmap;
    try {
      bitmap = await createImageBitmap(file);
    } catch {
      const { images } = await this.service.ask('/v1/decode', { image: file }, { output: 'image' });
      bitmap = await createImageBitmap(images.image);
    }
    return Pyramid.of(bitmap);
  }

  /** Free the decoded pixels of pictures that are not on show, the first ones first. */
  releaseOthers() {
    const decoded = this.state.pictures.filter((picture) => picture.photo);
    let pixels = decoded.reduce((sum, picture) => sum + picture.width * picture.height, 0);
    for (const picture of decoded) {
      if (pixels <= MOST_DECODED) break;
      if (picture === this.state.active) continue;
      pixels -= picture.width * picture.height;
      picture.release();
    }
  }

  /** @param {File} file */
  async openTrimap(file) {
    const picture = this.state.active;
    if (!picture) return;
    const forget = this.status.earlier('trimap');
    try {
      const plane = await this.readPlane(file);
      if (plane.width !== picture.width || plane.height !== picture.height) {
        const sizes = `${plane.width} x ${plane.height} pixels, the photograph ${picture.width} x ${picture.height}`;
        throw new Error(`The trimap has ${sizes}. They must be of one size.`);
      }
      this.state.emit('interrupt', null);
      forget();
      picture.beginStep('trimap');
      picture.replaceTrimap(trimapValues(plane.values));
      if (!picture.commitStep()) return;
      this.state.emit('pixels', { picture, rect: picture.whole });
      this.state.emit('edit', { picture, isFinal: true });
    } catch (error) {
      this.status.fail(naming(file, error), [], 'trimap');
    }
  }

  /** @param {File} file */
  async readPlane(file) {
    try {
      return await this.codec.decodePlane(file);
    } catch {
      const { images } = await this.service.ask('/v1/decode', { image: file }, { output: 'image' });
      return this.codec.decodePlane(images.image);
    }
  }

  /** @param {File} file */
  async openBackground(file) {
    const forget = this.status.earlier('background');
    try {
      const { levels: [bitmap, ...smaller] } = await this.read(file);
      for (const one of smaller) one.close();
      this.state.backgroundPicture?.bitmap.close();
      this.state.backgroundPicture = { file, bitmap };
      this.state.set({ background: 'picture', view: 'cutout' });
      forget();
    } catch (error) {
      this.status.fail(naming(file, error), [], 'background');
    }
  }
}

/**
 * @param {HTMLInputElement} input
 * @param {(files: File[]) => void} run
 */
function onChoice(input, run) {
  input.addEventListener('change', () => {
    const files = [...(input.files ?? [])];
    input.value = ''; // the same file can be chosen again
    if (files.length) run(files);
  });
}

/**
 * An error with the name of the file that it is about, once.
 *
 * @param {File} file
 * @param {unknown} error
 */
function naming(file, error) {
  const message = messageOf(error);
  return message.includes(file.name) ? message : `${file.name}: ${message}`;
}

/** @param {unknown} error */
export function messageOf(error) {
  return error instanceof Error ? error.message : String(error);
}
