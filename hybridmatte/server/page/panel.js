/** Buttons, sliders and fields: each shows what is set and sets it. */

import { element } from './status.js';
import { LARGEST_BRUSH } from './state.js';

/**
 * @typedef {import('./commands.js').Command} Command
 * @typedef {import('./state.js').State} State
 */

/**
 * Give each button with `data-command` its action, its tooltip with the key, its pressed state, and, where it is
 * greyed, the reason. A greyed button tells its reason when it is pressed: fingers have no tooltips.
 *
 * @param {Command[]} commands
 * @param {State} state
 * @param {(command: Command) => void} perform
 */
export function bindButtons(commands, state, perform) {
  const known = new Map(commands.map((command) => [command.id, command]));
  const buttons = /** @type {NodeListOf<HTMLButtonElement>} */ (document.querySelectorAll('[data-command]'));
  for (const button of buttons) {
    const command = known.get(button.dataset.command ?? '');
    if (!command) throw new Error(`the button ${button.dataset.command} has no command`);
    button.addEventListener('click', () => perform(command));
    button.addEventListener('pointerup', () => button.disabled && perform(command)); // a greyed one is never clicked
    button.setAttribute('aria-keyshortcuts', command.keys.map((key) => key.replace('Ctrl', 'Control')).join(' '));
    if (!button.textContent?.trim()) button.setAttribute('aria-label', command.label);
  }
  const update = () => {
    for (const button of buttons) {
      const command = known.get(button.dataset.command ?? '');
      if (!command) continue;
      if (command.isOn) button.setAttribute('aria-pressed', String(command.isOn()));
      const reason = command.obstacle?.() ?? '';
      const tip = `${command.label}  ${command.keys[0]}`;
      button.dataset.tip = reason ? `${tip}\n${reason}` : tip;
      explain(button, reason);
      if (command.id === 'tool-point') button.hidden = !state.pointSegmenter;
    }
  };
  for (const type of /** @type {const} */ (['options', 'pictures', 'progress', 'readiness'])) state.on(type, update);
  state.on('edit', ({ isFinal }) => isFinal && update());
  update();
}

/**
 * Grey a control, with the reason for screen readers; without a reason it is as usual.
 *
 * @param {HTMLButtonElement | HTMLInputElement} button
 * @param {string} reason
 */
export function explain(button, reason) {
  button.disabled = reason !== '';
  if (reason) button.setAttribute('aria-description', reason);
  else button.removeAttribute('aria-description');
}

/**
 * The brush's size on a logarithmic slider, and as a number.
 *
 * @param {State} state
 */
export function bindSize(state) {
  const slider = /** @type {HTMLInputElement} */ (element('size-slider'));
  const number = /** @type {HTMLInputElement} */ (element('size-number'));
  const steps = Number(slider.max);
  const show = () => {
    slider.value = String(Math.round((steps * Math.log(state.options.size)) / Math.log(LARGEST_BRUSH)));
    slider.setAttribute('aria-valuetext', `${state.options.size} pixels`);
    number.value = String(state.options.size);
  };
  slider.addEventListener('input', () => state.setSize(LARGEST_BRUSH ** (Number(slider.value) / steps)));
  number.addEventListener('change', () => state.setSize(Number(number.value) || state.options.size));
  number.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter') return;
    event.preventDefault();
    element('overlay').focus(); // the keys are commands again; the change comes first
  });
  state.on('options', show);
  show();
}

/**
 * What lies behind the cut-out.
 *
 * @param {State} state
 * @param {HTMLInputElement} pictureInput
 */
export function bindBackground(state, pictureInput) {
  const kinds = /** @type {NodeListOf<HTMLInputElement>} */ (document.querySelectorAll('input[name="background"]'));
  const colour = /** @type {HTMLInputElement} */ (element('background-colour'));
  for (const kind of kinds) {
    kind.addEventListener('click', () => {
      if (kind.value === 'picture' && !state.backgroundPicture) pictureInput.click();
      else state.set({ background: /** @type {any} */ (kind.value), view: 'cutout' });
      show();
    });
  }
  colour.addEventListener('input', () => state.set({ background: 'colour', colour: colour.value, view: 'cutout' }));
  element('background-choose').addEventListener('click', () => pictureInput.click());
  const show = () => {
    for (const kind of kinds) kind.checked = kind.value === state.options.background;
    colour.value = state.options.colour;
  };
  state.on('options', show);
  show();
}

/**
 * The line between before and after: a slider over the canvas.
 *
 * @param {State} state
 */
export function bindCompare(state) {
  const handle = element('compare');
  const stage = /** @type {HTMLElement} */ (handle.parentElement);
  const move = (/** @type {number} */ share) => state.set({ compare: Math.min(1, Math.max(0, share)) });
  handle.addEventListener('pointerdown', (event) => handle.setPointerCapture(event.pointerId));
  handle.addEventListener('pointermove', (event) => {
    if (!handle.hasPointerCapture(event.pointerId)) return;
    const box = stage.getBoundingClientRect();
    move((event.clientX - box.left) / box.width);
  });
  handle.addEventListener('keydown', (event) => {
    const by = { ArrowLeft: -0.02, ArrowRight: 0.02, Home: -1, End: 1 }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    move((state.options.compare ?? 0.5) + by);
  });
  const show = () => {
    const { compare } = state.options;
    handle.hidden = compare === null || !state.active;
    handle.style.setProperty('left', `${100 * (compare ?? 0.5)}%`);
    handle.setAttribute('aria-valuenow', String(Math.round(100 * (compare ?? 0.5))));
  };
  state.on('options', show);
  state.on('pictures', show);
  show();
}

/**
 * How the full answer is computed.
 *
 * @param {State} state
 * @param {{qualities: Array<{name: string, summary: string}>, methods: Array<{name: string, summary: string}>}} listed
 */
export function fillMethods(state, listed) {
  const select = /** @type {HTMLSelectElement} */ (element('method'));
  select.replaceChildren();
  const rows = /** @type {const} */ ([['quality', listed.qualities], ['method', listed.methods]]);
  for (const [kind, entries] of rows) {
    const group = document.createElement('optgroup');
    group.label = kind === 'quality' ? 'Quality' : 'One method';
    for (const { name, summary } of entries) {
      const option = new Option(name, `${kind}:${name}`);
      option.title = summary;
      group.append(option);
    }
    select.append(group);
  }
  const show = () => {
    select.value = state.options.method;
  };
  state.on('options', show);
  show();
  select.addEventListener('change', () => state.set({ method: select.value }));
}

/**
 * Fade a row out at a side where more of it can be scrolled to, and keep what is chosen in sight.
 *
 * @param {HTMLElement} row
 * @param {State} state
 */
export function bindScrollCue(row, state) {
  const update = () => {
    const left = row.scrollWidth - row.clientWidth - row.scrollLeft;
    row.classList.toggle('more-before', row.scrollLeft > 1);
    row.classList.toggle('more-after', left > 1);
  };
  row.addEventListener('scroll', update);
  new ResizeObserver(update).observe(row);
  state.on('options', ({ view }) => {
    if (view) row.querySelector('[aria-pressed="true"]')?.scrollIntoView({ block: 'nearest', inline: 'center' });
  });
  state.on('pictures', () => requestAnimationFrame(update));
}

/**
 * The sheet of keys.
 *
 * @param {Command[]} commands
 */
export function fillHelp(commands) {
  const sheet = element('help-keys');
  for (const group of new Set(commands.map((command) => command.group))) {
    const section = document.createElement('section');
    const title = document.createElement('h3');
    title.textContent = group;
    const list = document.createElement('dl');
    for (const command of commands.filter((one) => one.group === group)) {
      const [term, keys] = [document.createElement('dt'), document.createElement('dd')];
      term.textContent = command.label;
      for (const key of command.keys) {
        const cap = document.createElement('kbd');
        cap.textContent = key;
        keys.append(cap);
      }
      list.append(term, keys);
    }
    section.append(title, list);
    sheet.append(section);
  }
}
