/** The row of pictures, shown once there are two. */

import { means } from './compositor.js';
import { showName } from './names.js';
import { element } from './status.js';

/** @typedef {import('./picture.js').Picture} Picture */

const SIDE = 128; // of a thumbnail, in pixels

export class Filmstrip {
  /**
   * @param {import('./state.js').State} state
   * @param {import('./files.js').Files} files
   */
  constructor(state, files) {
    this.state = state;
    this.files = files;
    this.list = element('filmstrip');
    /** @type {Map<Picture, {item: HTMLElement, canvas: HTMLCanvasElement}>} */
    this.items = new Map();
    state.on('pictures', () => this.update());
    state.on('progress', (picture) => this.mark(picture));
  }

  update() {
    for (const [picture, { item }] of this.items) {
      if (this.state.pictures.includes(picture)) continue;
      item.remove();
      this.items.delete(picture);
    }
    for (const picture of this.state.pictures) {
      if (!this.items.has(picture)) this.add(picture);
      this.mark(picture);
    }
    this.list.hidden = this.state.pictures.length < 2;
  }

  /** @param {Picture} picture */
  add(picture) {
    const item = document.createElement('li');
    const button = document.createElement('button');
    button.type = 'button';
    button.className = 'thumbnail';
    button.title = picture.name;
    const canvas = document.createElement('canvas');
    canvas.setAttribute('aria-hidden', 'true');
    const name = document.createElement('span');
    showName(name, picture.name);
    button.append(canvas, name);
    button.addEventListener('click', () => this.files.show(picture));
    const close = document.createElement('button');
    close.type = 'button';
    close.className = 'close';
    close.textContent = '\u00d7';
    close.setAttribute('aria-label', `Close ${picture.name}`);
    close.addEventListener('click', () => this.files.askToClose(picture));
    item.append(button, close);
    this.list.append(item);
    this.items.set(picture, { item, canvas });
    this.draw(picture, canvas);
  }

  /** @param {Picture} picture */
  mark(picture) {
    const entry = this.items.get(picture);
    if (!entry) return;
    const isActive = picture === this.state.active;
    entry.item.dataset.progress = picture.progress;
    entry.item.firstElementChild?.setAttribute('aria-current', String(isActive));
    entry.item.firstElementChild?.setAttribute('aria-label', `${picture.name}: ${picture.note}`);
    if (isActive && !this.list.hidden) entry.item.scrollIntoView({ block: 'nearest', inline: 'nearest' });
    if (picture.progress === 'settled') this.draw(picture, entry.canvas);
  }

  /**
   * The cut-out where there is one, else the photograph.
   *
   * @param {Picture} picture
   * @param {HTMLCanvasElement} canvas
   */
  draw(picture, canvas) {
    const context = canvas.getContext('2d');
    if (!picture.photo || !context) return;
    const level = picture.photo.levels.findIndex((one) => Math.max(one.width, one.height) <= 2 * SIDE);
    const index = level < 0 ? picture.photo.levels.length - 1 : level;
    const { width, height } = picture.photo.levels[index];
    const rect = { x: 0, y: 0, width, height };
    const image = picture.photo.pixels(index, rect);
    if (picture.progress === 'settled') {
      const alpha = means(picture.alpha, picture, index, rect);
      for (let i = 0; i < alpha.length; i++) image.data[4 * i + 3] = alpha[i];
    }
    canvas.width = width;
    canvas.height = height;
    context.putImageData(image, 0, 0);
  }
}
