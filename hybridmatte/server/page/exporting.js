/** Saving: the service's answer to the trimap in the file that was asked for, so the bytes are the library's own. */

import { messageOf } from './files.js';
import { explain } from './panel.js';
import { clockOf, element } from './status.js';

/**
 * What can be saved, and how it is called.
 *
 * @typedef {'cutout' | 'background' | 'alpha' | 'trimap' | 'confidence' | 'foreground'} Output
 */

const ENDING = { png: 'png', tiff: 'tif' };
const WORK = 'The file is computed in full quality.';
const WARMING = 'The service is getting ready; the file is saved then.';

export class Exporter {
  /**
   * @param {import('./state.js').State} state
   * @param {import('./requests.js').Requests} requests
   * @param {import('./status.js').Status} status
   */
  constructor(state, requests, status) {
    this.state = state;
    this.requests = requests;
    this.status = status;
    this.dialog = /** @type {HTMLDialogElement} */ (element('save-dialog'));
    this.form = /** @type {HTMLFormElement} */ (element('save-form'));
    this.button = /** @type {HTMLButtonElement} */ (element('save-button'));
    /** @type {AbortController | null} */
    this.working = null;
    this.dialog.addEventListener('close', () => this.working?.abort());
    this.form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.save();
    });
    this.form.addEventListener('change', () => this.showName());
  }

  /** Why nothing can be saved now; empty where it can. */
  obstacle() {
    const { active, readiness } = this.state;
    if (!active) return 'Open a photograph first';
    if (active.progress === 'finding' || !active.isTried) {
      return readiness === 'ready' ? 'The object is being found' : 'The service is getting ready';
    }
    return active.hasAnswer || active.origin.kind === 'trimap' ? '' : 'There is no cut-out yet';
  }

  /** Why only the trimap can be saved; empty where all can. */
  get lack() {
    const { active } = this.state;
    return active?.origin.kind === 'trimap' && !active.hasBothKinds ? 'Paint some foreground and background first' : '';
  }

  copyObstacle() {
    const canCopy = navigator.clipboard && 'ClipboardItem' in window;
    return this.obstacle() || this.lack || (canCopy ? '' : 'The browser allows this on https pages and on the own machine only');
  }

  open() {
    const { view, background, method } = this.state.options;
    const isPlain = background === 'checker' || background === 'faint';
    this.radio('what', view === 'photo' ? 'cutout' : view).checked = true;
    const { lack } = this;
    if (lack) this.radio('what', 'trimap').checked = this.radio('format', 'png-8').checked = true;
    for (const what of ['cutout', 'alpha', 'foreground']) explain(this.radio('what', what), lack);
    this.allow('background', lack || (isPlain ? 'choose a colour or a picture behind it first' : ''));
    this.allow('confidence', lack || (method === 'quality:best' ? '' : 'only the quality “best” has it'));
    this.showName();
    this.dialog.showModal();
  }

  /**
   * Let something be chosen, or grey it with the reason beside it.
   *
   * @param {Output} what
   * @param {string} reason
   */
  allow(what, reason) {
    const radio = this.radio('what', what);
    explain(radio, reason);
    element(`why-${what}`).textContent = reason;
    if (radio.checked && reason) this.radio('what', 'cutout').checked = true;
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
    if (this.working) return;
    const name = this.nameOf();
    this.working = new AbortController();
    const { signal } = this.working;
    const timer = this.showWork();
    try {
      const file = await this.fileOf(picture, what, format, bits, signal);
      signal.throwIfAborted();
      download(file, name);
      this.status.say(`Saved ${name}.`);
    } catch (error) {
      if (signal.aborted) this.status.say(`${name} was not saved.`);
      else this.status.fail(`${name} was not saved. ${messageOf(error)}`);
    }
    this.working = null;
    clearInterval(timer);
    this.button.textContent = 'Save';
    explain(this.button, '');
    element('save-note').textContent = '';
    this.dialog.close();
  }

  /** Say in the dialog what takes time, and for how long; returns the timer that does so. */
  showWork() {
    const started = performance.now();
    const show = () => {
      const reason = this.state.readiness === 'ready' ? WORK : WARMING;
      const passed = performance.now() - started;
      element('save-note').textContent = passed < 1000 ? reason : `${reason} ${clockOf(passed)}`;
      explain(this.button, reason);
    };
    this.button.textContent = 'Working\u2026';
    show();
    return setInterval(show, 500);
  }

  /**
   * @param {import('./picture.js').Picture} picture
   * @param {Output} what
   * @param {'png' | 'tiff'} format
   * @param {number} bits
   * @param {AbortSignal} [signal]
   */
  async fileOf(picture, what, format, bits, signal) {
    if (what === 'trimap' && format === 'png' && bits === 8 && picture.origin.kind === 'trimap') {
      return this.requests.trimapFile(picture); // as it was painted: there is nothing to compute
    }
    const output = what === 'background' ? 'cutout' : what;
    const behind = what === 'background' ? this.behind() : { files: {}, options: {} };
    const options = { bits, ...behind.options };
    const { images } = await this.requests.answer(picture, [output], format, options, behind.files, signal);
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
    this.status.say('Copying: the cut-out is computed for the clipboard.');
    try {
      const file = this.fileOf(picture, 'cutout', 'png', 8); // not awaited: a browser wants to be asked at once
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
