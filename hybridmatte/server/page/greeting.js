/** The service's start: what it is doing until it is ready, for how long, and what it can do then. */

import { fillMethods } from './panel.js';
import { clockOf, element } from './status.js';

/** @typedef {import('./state.js').Readiness} Readiness */

const BETWEEN_CHECKS = 700; // milliseconds
const LONG = 15; // seconds of waiting after which the end of it is announced

/** @type {Record<Readiness, [string, string]>} */
const TEXTS = {
  starting: [
    'The service is getting ready',
    'After an installation it first compiles its code for this machine. This happens only once and takes about a ' +
      'minute, or two to three while the machine is busy. Every later start takes some seconds. You can open a ' +
      'photograph already: it is cut out as soon as the service is ready.',
  ],
  failing: ['The service cannot start', 'Its worker processes end at once. Its log, in the terminal, says why.'],
  gone: ['The service does not answer', 'Was it ended? Start it again in a terminal: hybridmatte serve'],
  ready: ['', ''],
};

/**
 * Wait until the service is ready, say so while it is not, and list what it can do.
 *
 * @param {import('./service.js').Service} service
 * @param {import('./state.js').State} state
 * @param {import('./status.js').Status} status
 */
export async function greet(service, state, status) {
  const timer = setInterval(() => showTime(state), 250);
  for (;;) {
    const health = await service.json('/health').catch(() => null);
    if (health?.needs_token && !service.token) await service.renewToken('');
    show(state, readinessOf(health?.status));
    if (state.readiness === 'ready') break;
    await new Promise((resolve) => setTimeout(resolve, BETWEEN_CHECKS));
  }
  clearInterval(timer);
  if (performance.now() / 1000 > LONG) status.say(`The service is ready, after ${clockOf(performance.now())}.`);
  try {
    const listed = await service.json('/v1/methods');
    fillMethods(state, listed);
    const segmenters = /** @type {Array<{name: string, takes_points: boolean}>} */ (listed.segmenters);
    state.pointSegmenter = segmenters.find((one) => one.takes_points)?.name ?? '';
    state.set({});
  } catch (error) {
    status.fail(error instanceof Error ? error.message : String(error));
  }
}

/**
 * @param {string | undefined} status  As `/health` has it.
 * @returns {Readiness}
 */
function readinessOf(status) {
  if (status === undefined) return 'gone';
  return status === 'ready' || status === 'failing' ? status : 'starting';
}

/**
 * @param {import('./state.js').State} state
 * @param {Readiness} readiness
 */
function show(state, readiness) {
  const card = element('warming');
  card.hidden = readiness === 'ready';
  card.dataset.readiness = readiness;
  if (state.readiness === readiness && element('warming-title').textContent) return;
  const [title, text] = TEXTS[readiness];
  element('warming-title').textContent = title;
  element('warming-text').textContent = text;
  state.setReadiness(readiness);
}

/** @param {import('./state.js').State} state */
function showTime(state) {
  element('warming-time').textContent = state.readiness === 'starting' ? clockOf(performance.now()) : '';
}

/**
 * Ask for the token until the dialog is answered.
 *
 * @param {string} refused  The token that the service did not take; empty where there was none.
 * @returns {Promise<string>}
 */
export function askToken(refused) {
  const dialog = /** @type {HTMLDialogElement} */ (element('token-dialog'));
  const field = /** @type {HTMLInputElement} */ (element('token'));
  element('token-wrong').hidden = refused === '';
  field.value = '';
  if (!dialog.open) dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => resolve(field.value.trim()), { once: true });
  });
}
