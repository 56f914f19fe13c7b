/**
 * Saving: the service's answer to the trimap in the file that was asked for, so the bytes are the library's own. Files of
 * 8 bits come with the answer that is on the screen; others are computed while one goes on.
 */

import { messageOf } from './files.js';
import { explain } from './panel.js';
import { clockOf, element } from './status.js';

/**
 * What can be saved, and how it is called.
 *
 * @typedef {import('./picture.js').Picture} Picture
 * @typedef {'cutout' | 'background' | 'alpha' | 'trimap' | 'confidence' | 'foreground'} Output
 */

const ENDING = { png: 'png', tiff: 'tif' };
const AT_HAND = 'This is the answer on the screen.';
const COMPUTED = 'This is computed anew, in full quality, while you go on.';
/** @type {import('./picture.js').Progress[]} */
const UNDER_WAY = ['painting', 'solving', 'finding'];
const BETWEEN_LOOKS = 100; // milliseconds

export class Exporter {
  /**
   * @param {import('./state.js').State} state
   * @param {import('./solver.js').Solver} solver
   * @param {import('./status.js').Status} status
   */
  constructor(state, solver, status) {
    this.state = state;
    this.solver = solver;
    this.requests = solver.requests;
    this.status = status;
    this.dialog = /** @type {HTMLDialogElement} */ (element('save-dialog'));
    this.form = /** @type {HTMLFormElement} */ (element('save-form'));
    /** @type {Map<AbortController, string>} */
    this.savings = new Map(); // the names of the files that are being computed
    this.timer = 0;
    element('saving-cancel').addEventListener('click', () => this.cancel());
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

  /** Say what the file is called, and whether it is at hand. */
  showName() {
    const { what } = this.choice;
    const picture = this.state.active;
    const isAtHand = isPlain(this.choice) && what !== 'background' && picture !== null &&
      (picture.origin.kind === 'trimap' && what === 'trimap' ||
        this.solver.answers.find(picture.origin, this.state.options.method)?.files[what] !== undefined);
    element('save-name').textContent = this.nameOf();
    element('save-note').textContent = isAtHand ? AT_HAND : COMPUTED;
  }

  nameOf() {
    const { what, format } = this.choice;
    return `${this.state.active?.stem}_${what === 'background' ? 'composite' : what}.${ENDING[format]}`;
  }

  /** Save what is chosen: at once where it is on the screen, else in the background, while the dialog is closed. */
  async save() {
    const picture = this.state.active;
    if (!picture) return;
    const name = this.nameOf();
    const forget = this.status.earlier('save');
    const control = new AbortController();
    this.savings.set(control, name);
    this.dialog.close();
    try {
      download(await this.fileOf(picture, this.choice, control.signal), name);
      this.status.say(`Saved ${name}.`);
      forget();
    } catch (error) {
      if (control.signal.aborted) this.status.say(`${name} was not saved.`);
      else this.status.fail(`${name} was not saved. ${messageOf(error)}`, [], 'save');
    }
    this.savings.delete(control);
    this.showSavings();
  }

  /** Give up the files that are being computed. */
  cancel() {
    for (const control of this.savings.keys()) control.abort();
  }

  /** Say in the status line which files are being computed, and for how long. */
  showSavings() {
    const isSaving = this.savings.size > 0;
    element('saving').hidden = !isSaving;
    document.body.classList.toggle('saving', isSaving);
    if (!isSaving) {
      clearInterval(this.timer);
      this.timer = 0;
    } else if (!this.timer) {
      const started = performance.now();
      const show = () => {
        element('saving-time').textContent = clockOf(performance.now() - started);
      };
      show();
      this.timer = window.setInterval(show, 500);
    }
    element('saving-text').textContent = isSaving ? `Saving ${[...this.savings.values()].join(', ')}` : '';
  }

  /**
   * The file of a choice for a picture as it is now, whatever is painted meanwhile.
   *
   * @param {Picture} picture
   * @param {Exporter['choice']} choice
   * @param {AbortSignal} [signal]
   * @returns {Promise<Blob>}
   */
  async fileOf(picture, { what, format, bits }, signal) {
    const { file, origin, width, height } = picture;
    const isTrimap = what === 'trimap' && origin.kind === 'trimap';
    const asked = { file, origin, width, height, trimap: picture.trimap.slice() };
    if (isTrimap && isPlain({ format, bits })) return this.requests.trimapFile(asked); // there is nothing to compute
    const method = this.requests.methodQuery();
    const output = what === 'background' ? 'cutout' : what;
    const behind = what === 'background' ? this.behind() : { files: {}, options: {} };
    if (what !== 'background' && isPlain({ format, bits })) {
      const shown = await this.shown(picture, output, signal);
      if (shown) return shown;
    }
    this.showSavings();
    const options = { bits, ...method, ...behind.options };
    const { images } = await this.requests.answer(asked, [output], format, options, behind.files, signal);
    return images[output];
  }

  /**
   * The file of an output as it came with the answer on the screen, or comes with the one that is under way.
   *
   * @param {Picture} picture
   * @param {string} output
   * @param {AbortSignal} [signal]
   */
  async shown(picture, output, signal) {
    const { origin } = picture;
    const { method } = this.state.options;
    const isAsked = this.requests.outputsToAsk(picture, origin.kind === 'auto').includes(output);
    const isUnderWay = () => picture.origin === origin && this.state.options.method === method &&
      this.state.pictures.includes(picture) && UNDER_WAY.includes(picture.progress);
    for (;;) {
      const known = this.solver.answers.find(origin, method);
      if (known || !isAsked || !isUnderWay()) return known?.files[output];
      this.showSavings();
      await new Promise((resolve) => setTimeout(resolve, BETWEEN_LOOKS));
      signal?.throwIfAborted();
    }
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
    this.status.say('Copying the cut-out.');
    const forget = this.status.earlier('copy');
    try {
      const file = this.fileOf(picture, { what: 'cutout', format: 'png', bits: 8 }); // not awaited: a browser wants to be asked at once
      await navigator.clipboard.write([new ClipboardItem({ 'image/png': file })]);
      this.status.say('Copied the cut-out.');
      forget();
    } catch (error) {
      this.status.fail(`The cut-out was not copied. ${messageOf(error)}`, [], 'copy');
    }
  }
}

/**
 * Whether files are as they come with the answers on the screen.
 *
 * @param {{format: string, bits: number}} choice
 */
function isPlain({ format, bits }) {
  return format === 'png' && bits === 8;
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
