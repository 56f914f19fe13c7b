/** Saving: the service's answer to the trimap in the file that was asked for, so the bytes are the library's own. */

import { element } from './status.js';
import { messageOf } from './files.js';

/**
 * What can be saved, and how it is called.
 *
 * @typedef {'cutout' | 'background' | 'alpha' | 'trimap' | 'confidence' | 'foreground'} Output
 */

const ENDING = { png: 'png', tiff: 'tif' };

export class Exporter {
  /**
   * @param {import('./state.js').State} state
   * @param {import('./solver.js').Solver} solver
   * @param {import('./status.js').Status} status
   */
  constructor(state, solver, status) {
    this.state = state;
    this.solver = solver;
    this.status = status;
    this.dialog = /** @type {HTMLDialogElement} */ (element('save-dialog'));
    this.form = /** @type {HTMLFormElement} */ (element('save-form'));
    this.button = /** @type {HTMLButtonElement} */ (element('save-button'));
    this.form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.save();
    });
    this.form.addEventListener('change', () => this.showName());
  }

  open() {
    if (!this.state.active) return;
    const { view, background } = this.state.options;
    const choice = view === 'cutout' ? 'cutout' : view === 'photo' ? 'cutout' : view;
    this.radio('what', choice).checked = true;
    this.radio('what', 'background').disabled = background === 'checker' || background === 'faint';
    this.radio('what', 'confidence').disabled = this.state.options.method !== 'quality:best';
    this.showName();
    this.dialog.showModal();
  }

  /** What the form says. */
  get choice() {
    const data = new FormData(this.form);
    const [format, bits] = String(data.get('format')).split('-');
    const what = /** @type {Output} */ (data.get('what'));
    return { what, format: /** @type {'png' | 'tiff'} */ (format), bits: Number(bits) };
  }

  /**
   * @param {string} name
   * @param {string} value
   */
  radio(name, value) {
    const found = this.form.querySelector(`input[name="${name}"][value="${value}"]`);
    return /** @type {HTMLInputElement} */ (found);
  }

  showName() {
    element('save-name').textContent = this.nameOf();
  }

  nameOf() {
    const { what, format } = this.choice;
    return `${this.state.active?.stem}_${what === 'background' ? 'composite' : what}.${ENDING[format]}`;
  }

  async save() {
    const picture = this.state.active;
    if (!picture) return;
    const { what, format, bits } = this.choice;
    const name = this.nameOf();
    this.button.disabled = true;
    this.button.textContent = 'Working\u2026';
    try {
      download(await this.fileOf(picture, what, format, bits), name);
      this.dialog.close();
      this.status.say(`Saved ${name}.`);
    } catch (error) {
      this.dialog.close();
      this.status.fail(`${name} was not saved. ${messageOf(error)}`);
    }
    this.button.disabled = false;
    this.button.textContent = 'Save';
  }

  /**
   * @param {import('./picture.js').Picture} picture
   * @param {Output} what
   * @param {'png' | 'tiff'} format
   * @param {number} bits
   */
  async fileOf(picture, what, format, bits) {
    const output = what === 'background' ? 'cutout' : what;
    const behind = what === 'background' ? this.behind() : { files: {}, options: {} };
    const options = { bits, ...behind.options };
    const { images } = await this.solver.request(picture, [output], format, options, behind.files);
    return images[output];
  }

  /**
   * The background on show, for the service.
   *
   * @returns {{files: Record<string, Blob>, options: Record<string, string>}}
   */
  behind() {
    const { background, colour } = this.state.options;
    const { backgroundPicture } = this.state;
    if (background === 'picture' && backgroundPicture) {
      return { files: { background: backgroundPicture.file }, options: {} };
    }
    return { files: {}, options: { background: colour } };
  }

  /** Put the cut-out on the clipboard. */
  async copy() {
    const picture = this.state.active;
    if (!picture) return;
    try {
      const file = this.fileOf(picture, 'cutout', 'png', 8);
      await navigator.clipboard.write([new ClipboardItem({ 'image/png': file })]);
      this.status.say('Copied the cut-out.');
    } catch (error) {
      this.status.fail(`The cut-out was not copied. ${messageOf(error)}`);
    }
  }
}

/**
 * @param {Blob} file
 * @param {string} name
 */
function download(file, name) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
