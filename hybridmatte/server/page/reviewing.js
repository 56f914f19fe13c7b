/** The hint that alpha may be wrong in some places, and the way through them: each is marked and brought into view. */

import { doubtfulPlaces } from './doubts.js';
import { intersect } from './rectangles.js';
import { element } from './status.js';

/**
 * @typedef {import('./rectangles.js').Rect} Rect
 * @typedef {import('./picture.js').Picture} Picture
 */

export class Review {
  /**
   * @param {import('./state.js').State} state
   * @param {import('./stage.js').Stage} stage
   */
  constructor(state, stage) {
    this.state = state;
    this.stage = stage;
    /** @type {WeakMap<import('./picture.js').Origin, {confidence: Uint8Array, places: Rect[]}>} */
    this.found = new WeakMap(); // places by the state of the trimap, and the confidence that they were found in
    /** @type {WeakMap<Picture, Rect[]>} */
    this.visited = new WeakMap();
    /** @type {Picture | null} */
    this.marked = null; // the picture whose places are marked
    /** @type {WeakSet<Uint8Array>} */
    this.dismissed = new WeakSet();
    state.on('pictures', () => this.show());
    state.on('progress', (picture) => picture === state.active && this.show());
    state.on('edit', ({ isFinal }) => isFinal && this.show());
  }

  /** Places of the picture on show, the most doubtful first. */
  get places() {
    const picture = this.state.active;
    if (!picture?.confidence || !picture.hasAnswer) return [];
    const { confidence, origin } = picture;
    const found = this.found.get(origin);
    if (found?.confidence === confidence) return found.places;
    const places = doubtfulPlaces(confidence, picture.trimap, picture);
    this.found.set(origin, { confidence, places });
    return places;
  }

  /** What the overlay draws. */
  get marks() {
    return this.marked && this.marked === this.state.active ? this.places : [];
  }

  /** Why there is nothing to show; empty where there is. */
  obstacle() {
    const { active, options } = this.state;
    if (!active) return 'Open a photograph first';
    if (this.places.length) return '';
    if (options.method !== 'quality:best') return 'Only the quality “best” says how likely it is right';
    return active.confidence ? 'No place is likely to be wrong' : 'There is no confidence yet: see the view with key 8';
  }

  /** Mark the places, and bring the next one into view; after the last one the whole picture. */
  next() {
    const picture = this.state.active;
    if (!picture) return;
    const visited = this.visited.get(picture) ?? [];
    const next = this.marked === picture ? this.unvisited(visited)[0] : this.places[0];
    if (this.marked !== picture) visited.length = 0;
    this.marked = next ? picture : null;
    if (next) this.stage.bring(next);
    else this.stage.fit();
    this.visited.set(picture, next ? [...visited, next] : []);
    this.show();
    this.state.emit('shape', null);
  }

  /** Take the hint and the marks away, until there is another answer. */
  dismiss() {
    const confidence = this.state.active?.confidence;
    if (confidence) this.dismissed.add(confidence);
    this.marked = null;
    this.show();
    this.state.emit('shape', null);
  }

  /** @param {Rect[]} visited */
  unvisited(visited) {
    return this.places.filter((place) => !visited.some((other) => intersect(place, other)));
  }

  show() {
    const picture = this.state.active;
    const { places } = this;
    const isDismissed = picture?.confidence && this.dismissed.has(picture.confidence);
    element('review').hidden = !picture || !places.length || Boolean(isDismissed);
    if (!picture || !places.length) return;
    const count = places.length === 1 ? '1 place' : `${places.length} places`;
    const visited = this.visited.get(picture) ?? [];
    const left = this.unvisited(visited).length;
    const isMarked = this.marked === picture;
    const text = isMarked ? `Place ${visited.length} of ${visited.length + left}: ` : `${count} may be wrong: `;
    element('review-text').textContent = text;
    element('review-action').textContent = !isMarked ? 'show' : left ? 'next' : 'done';
  }
}
