/** The page's start: makes the parts and joins them. */

import { Codec } from './codec.js';
import { listCommands } from './commands.js';
import { Editor } from './editor.js';
import { Exporter } from './exporting.js';
import { Files } from './files.js';
import { Filmstrip } from './filmstrip.js';
import { Keyboard } from './keyboard.js';
import { Overlay } from './overlay.js';
import { bindBackground, bindButtons, bindCompare, bindSize, fillHelp, fillMethods } from './panel.js';
import { Pointer } from './pointer.js';
import { bindReadout } from './readout.js';
import { Service, ServiceError } from './service.js';
import { Solver } from './solver.js';
import { Stage } from './stage.js';
import { State } from './state.js';
import { Status, element } from './status.js';
import { bindTheme } from './theme.js';

const BETWEEN_CHECKS = 700; // milliseconds while the service warms up

function start() {
  const state = new State();
  const service = new Service();
  const codec = new Codec();
  const status = new Status(state);
  const solver = new Solver(state, service, codec, status);
  const files = new Files(state, service, codec, solver, status);
  const exporter = new Exporter(state, solver, status);
  const stage = new Stage(/** @type {HTMLCanvasElement} */ (element('view')), state);
  const editor = new Editor(state, (point, isObject) => {
    const place = `${isObject ? '+' : '-'}${point.x.toFixed(1)},${point.y.toFixed(1)}`;
    if (state.active) solver.askPoint(state.active, place);
  });
  const canvas = /** @type {HTMLCanvasElement} */ (element('overlay'));
  const overlay = new Overlay(canvas, state, stage, editor);
  const pointer = new Pointer(canvas, state, stage, editor, overlay);
  const toggleTheme = bindTheme(() => stage.invalidate());
  const togglePanel = () => document.body.classList.toggle('panel-open');
  const commands = listCommands({
    state, stage, editor, solver, files, exporter, toggleHelp, toggleTheme, togglePanel,
  });
  new Keyboard(canvas, commands, stage, editor, overlay, pointer);
  new Filmstrip(state, files);
  bindButtons(commands, state);
  bindSize(state);
  bindBackground(state, files.backgroundInput);
  bindCompare(state);
  bindReadout(state, stage, overlay);
  bindDialogs();
  canvas.addEventListener('pointerdown', () => document.body.classList.remove('panel-open'));
  fillHelp(commands);
  greet(service, state, status);
  Object.assign(window, { hybridmatte: { state, stage, solver } }); // for a look from the browser's console
}

function toggleHelp() {
  const dialog = /** @type {HTMLDialogElement} */ (element('help-dialog'));
  if (dialog.open) dialog.close();
  else dialog.showModal();
}

/** A click beside a dialog, or on one of its closing buttons, closes it. */
function bindDialogs() {
  for (const dialog of document.querySelectorAll('dialog')) {
    dialog.addEventListener('click', (event) => {
      const target = /** @type {HTMLElement} */ (event.target);
      if (target === dialog || target.closest('[data-close]')) dialog.close();
    });
    dialog.addEventListener('keydown', (event) => {
      if (event.key === '?' && dialog.id === 'help-dialog') dialog.close();
    });
  }
}

/**
 * Wait until the service is ready, say so while it is not, and list what it can do.
 *
 * @param {Service} service
 * @param {State} state
 * @param {Status} status
 */
async function greet(service, state, status) {
  const note = element('warming');
  for (;;) {
    const health = await service.json('/health').catch(() => null);
    if (health?.needs_token && !service.token) service.token = await askToken();
    if (health?.status === 'ready') break;
    note.hidden = false;
    note.textContent = health ? 'The service is warming up' : 'The service does not answer';
    await new Promise((resolve) => setTimeout(resolve, BETWEEN_CHECKS));
  }
  note.hidden = true;
  try {
    const listed = await service.json('/v1/methods');
    fillMethods(state, listed);
    const segmenters = /** @type {Array<{name: string, takes_points: boolean}>} */ (listed.segmenters);
    state.pointSegmenter = segmenters.find((one) => one.takes_points)?.name ?? '';
    state.set({});
  } catch (error) {
    if (error instanceof ServiceError && error.status === 401) {
      service.token = '';
      await greet(service, state, status);
    } else status.fail(error instanceof Error ? error.message : String(error));
  }
}

/** @returns {Promise<string>} */
function askToken() {
  const dialog = /** @type {HTMLDialogElement} */ (element('token-dialog'));
  const field = /** @type {HTMLInputElement} */ (element('token'));
  if (!dialog.open) dialog.showModal();
  return new Promise((resolve) => {
    element('token-form').addEventListener('submit', () => resolve(field.value), { once: true });
  });
}

start();
