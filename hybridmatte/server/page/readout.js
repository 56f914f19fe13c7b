/** Figures of the picture on show: name, size, zoom, and the values under the cursor. */

import { showName } from './names.js';
import { element } from './status.js';

const KINDS = /** @type {Record<number, string>} */ ({ 0: 'background', 128: 'unknown', 255: 'foreground' });

/**
 * @param {import('./state.js').State} state
 * @param {import('./stage.js').Stage} stage
 * @param {import('./overlay.js').Overlay} overlay
 */
export function bindReadout(state, stage, overlay) {
  const name = element('picture-name');
  const figures = element('picture-size');
  const zoom = element('zoom');
  const values = element('values');
  const showPicture = () => {
    const picture = state.active;
    showName(name, picture?.name ?? '');
    figures.textContent = picture ? `${picture.width} \u00d7 ${picture.height}` : '';
    document.body.classList.toggle('empty', !picture);
  };
  const showCursor = () => {
    const { active } = state;
    zoom.textContent = stage.viewport ? `${percent(stage.viewport.scale * stage.density)} %` : '';
    const [x, y] = [Math.floor(overlay.cursor?.x ?? -1), Math.floor(overlay.cursor?.y ?? -1)];
    const isInside = active && x >= 0 && y >= 0 && x < active.width && y < active.height;
    values.textContent = isInside ? textOf(active, x, y) : '';
  };
  state.on('pictures', showPicture);
  state.on('pictures', showCursor);
  state.on('shape', showCursor);
  state.on('pixels', showCursor);
  showPicture();
}

/** @param {number} scale */
function percent(scale) {
  return (100 * scale).toFixed(scale < 0.1 ? 1 : 0);
}

/**
 * @param {import('./picture.js').Picture} picture
 * @param {number} x
 * @param {number} y
 */
function textOf(picture, x, y) {
  const i = y * picture.width + x;
  return `${x}, ${y}  \u03b1 ${(picture.alpha[i] / 255).toFixed(2)}  ${KINDS[picture.trimap[i]]}`;
}
