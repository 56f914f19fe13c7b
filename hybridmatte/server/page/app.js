/** The page's start: makes the parts and joins them. */

import { Codec } from './codec.js';
import { listCommands } from './commands.js';
import { Editor } from './editor.js';
import { Exporter } from './exporting.js';
import { Files } from './files.js';
import { Filmstrip } from './filmstrip.js';
import { askToken, greet } from './greeting.js';
import { Keyboard } from './keyboard.js';
import { bindOvertime } from './overtime.js';
import { Overlay } from './overlay.js';
import { bindBackground, bindButtons, bindCompare, bindScrollCue, bindSize, fillHelp } from './panel.js';
import { Pointer } from './pointer.js';
import { bindReadout } from './readout.js';
import { Review } from './reviewing.js';
import { Service } from './service.js';
import { Solver } from './solver.js';
import { Stage } from './stage.js';
import { State } from './state.js';
import { Status, element } from './status.js';
import { bindTheme } from './theme.js';

function start() {
  const state = new State();
  const service = new Service(askToken);
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
  const review = new Review(state, stage);
  const overlay = new Overlay(canvas, state, stage, editor, review);
  const pointer = new Pointer(canvas, state, stage, editor, overlay);
  canvas.addEventListener('pointerdown', () => document.body.classList.remove('panel-open'));
  const toggleTheme = bindTheme(() => stage.invalidate());
  const togglePanel = () => document.body.classList.toggle('panel-open');
  const commands = listCommands({
    state, stage, editor, solver, files, exporter, review, status, toggleHelp, toggleTheme, togglePanel,
  });
  const perform = (/** @type {import('./commands.js').Command} */ command) => {
    const reason = command.obstacle?.() ?? '';
    if (reason) status.say(`${reason}.`);
    else command.run();
  };
  new Keyboard(canvas, commands, stage, editor, overlay, pointer, perform);
  new Filmstrip(state, files);
  bindButtons(commands, state, perform);
  bindReadout(state, stage, overlay);
  bindControls(state, files, status);
  fillHelp(commands);
  greet(service, state, status);
  Object.assign(window, { hybridmatte: { state, stage, solver } }); // for a look from the browser's console
}

/**
 * @param {State} state
 * @param {Files} files
 * @param {Status} status
 */
function bindControls(state, files, status) {
  bindSize(state);
  bindBackground(state, files.backgroundInput);
  bindCompare(state);
  for (const id of ['views', 'filmstrip']) bindScrollCue(element(id), state);
  bindOvertime(state, files, status);
  bindDialogs();
  describeDevice();
}

function toggleHelp() {
  const dialog = /** @type {HTMLDialogElement} */ (element('help-dialog'));
  if (dialog.open) {
    dialog.close();
    return;
  }
  dialog.showModal();
  dialog.scrollTop = 0;
}

/** What depends on the device: fingers or not, the name of a key, and which machine the photographs go to. */
function describeDevice() {
  document.documentElement.classList.toggle('touch', navigator.maxTouchPoints > 0);
  if (/Mac|iPhone|iPad/.test(navigator.platform)) element('paste-key').textContent = '\u2318V';
  const isLocal = /^(localhost|127\.[\d.]+|\[::1\])$/.test(location.hostname);
  element('privacy').textContent = isLocal
    ? 'Nothing leaves this machine.'
    : `Photographs go to ${location.hostname} only, which keeps none.`;
}

/** A click beside a dialog, or on one of its closing buttons, closes it. */
function bindDialogs() {
  for (const dialog of document.querySelectorAll('dialog')) {
    dialog.addEventListener('click', (event) => {
      const target = /** @type {HTMLElement} */ (event.target);
      const isBeside = target === dialog && dialog.id !== 'token-dialog';
      if (isBeside || target.closest('[data-close]')) dialog.close();
    });
    dialog.addEventListener('keydown', (event) => {
      if (event.key === '?' && dialog.id === 'help-dialog') dialog.close();
    });
  }
}

start();
