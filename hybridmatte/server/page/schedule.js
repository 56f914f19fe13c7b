/** Which photograph is solved when: one at a time, the one on show first, and after a delay where the hand may go on. */

/** @typedef {import('./picture.js').Picture} Picture */

export class Schedule {
  /**
   * @param {import('./state.js').State} state
   * @param {(picture: Picture, signal: AbortSignal) => Promise<void>} work  Says itself what went wrong.
   */
  constructor(state, work) {
    this.state = state;
    this.work = work;
    /** @type {AbortController | null} */
    this.running = null;
    /** @type {Picture | null} */
    this.picture = null; // that is worked on
    /** @type {Map<Picture, number>} */
    this.timers = new Map(); // of photographs whose turn comes soon
    /** @type {Picture[]} */
    this.queue = [];
  }

  /** @param {Picture} picture */
  add(picture) {
    this.queue.push(picture);
    this.next();
  }

  /**
   * @param {Picture} picture
   * @param {number} delay  Milliseconds.
   */
  soon(picture, delay) {
    clearTimeout(this.timers.get(picture));
    const timer = window.setTimeout(() => {
      this.timers.delete(picture);
      this.queue = [picture, ...this.queue.filter((one) => one !== picture)];
      if (this.running) this.interrupt(picture);
      else this.next();
    }, delay);
    this.timers.set(picture, timer);
  }

  /**
   * Give up what is done for a picture or was to be done soon.
   *
   * @param {Picture} picture
   */
  stop(picture) {
    clearTimeout(this.timers.get(picture));
    this.timers.delete(picture);
    if (this.picture === picture) this.running?.abort();
  }

  /**
   * Take a picture off the list altogether.
   *
   * @param {Picture} picture
   */
  drop(picture) {
    this.stop(picture);
    this.queue = this.queue.filter((one) => one !== picture);
  }

  /**
   * Make way for a picture; another one that is worked on waits until afterwards.
   *
   * @param {Picture} picture
   */
  interrupt(picture) {
    const other = this.picture;
    if (other && other !== picture && !this.queue.includes(other)) this.queue.push(other);
    this.running?.abort();
  }

  /** Start on the next photograph; the one on show goes first. */
  async next() {
    if (this.running || !this.queue.length) return;
    const index = Math.max(0, this.queue.indexOf(/** @type {Picture} */ (this.state.active)));
    const [picture] = this.queue.splice(index, 1);
    this.running = new AbortController();
    this.picture = picture;
    await this.work(picture, this.running.signal);
    this.running = this.picture = null;
    this.next();
  }
}
