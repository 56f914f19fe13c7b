/** What the page says: the state of the picture on show, messages for a moment, and errors until they are closed. */

/** @typedef {import('./picture.js').Picture} Picture */

const SHOWN_FOR = 6000; // milliseconds
const TICK = 500;
const MOST_SHOWN = 3; // messages; the latest ones

export class Status {
  /** @param {import('./state.js').State} state */
  constructor(state) {
    this.state = state;
    this.line = element('status-text');
    this.bar = element('busy');
    this.messages = element('messages');
    this.more = element('more-messages');
    element('close-messages').addEventListener('click', () => this.closeAll());
    new MutationObserver(() => this.arrange()).observe(this.messages, { childList: true });
    this.started = 0;
    /** @type {Picture | null} */
    this.busy = null; // the picture whose time runs
    this.timer = 0;
    state.on('progress', (picture) => this.show(picture));
    state.on('pictures', () => this.show(state.active));
    state.on('readiness', () => this.show(state.active));
  }

  /** @param {Picture | null} picture */
  show(picture) {
    if (picture !== this.state.active) return;
    const isBusy = picture?.progress === 'finding' || picture?.progress === 'solving';
    const isHeld = isBusy && this.state.readiness === 'starting';
    this.line.textContent = isHeld ? 'Waiting until the service is ready' : (picture?.note ?? '');
    const hint = element('hint');
    hint.hidden = picture?.progress !== 'waiting' || !picture.note;
    hint.textContent = picture?.note ?? '';
    this.bar.hidden = !isBusy;
    document.body.dataset.progress = picture?.progress ?? 'none';
    this.runTime(isBusy ? picture : null);
  }

  /**
   * Show for how long the service has worked on a picture, from its first step to its last.
   *
   * @param {Picture | null} picture
   */
  runTime(picture) {
    if (picture === this.busy) return;
    clearInterval(this.timer);
    element('status-time').textContent = '';
    this.busy = picture;
    this.started = performance.now();
    if (!picture) return;
    this.timer = window.setInterval(() => {
      const passed = performance.now() - this.started;
      element('status-time').textContent = passed >= 1000 ? clockOf(passed) : '';
    }, TICK);
  }

  /** @param {string} text */
  say(text) {
    const message = this.add(text, 'status');
    setTimeout(() => message.remove(), SHOWN_FOR);
  }

  /**
   * @param {string} text
   * @param {Array<{label: string, run: () => void}>} [remedies]  Offered as buttons.
   * @param {string} [kind]  Of the action that has failed.
   */
  fail(text, remedies = [], kind = '') {
    const message = this.add(text, 'alert');
    message.dataset.kind = kind;
    for (const { label, run } of remedies) {
      const button = buttonOf(label, () => {
        message.remove();
        run();
      });
      message.lastElementChild?.before(button);
    }
  }

  /**
   * At the start of an action: a function that takes the errors of earlier ones of its kind away, for when it succeeds.
   *
   * @param {string} kind
   */
  earlier(kind) {
    const before = this.shown.filter((message) => message.dataset.kind === kind);
    return () => before.forEach((message) => message.remove());
  }

  /** The messages, the latest one last. */
  get shown() {
    return /** @type {HTMLElement[]} */ ([...this.messages.querySelectorAll('.message')]);
  }

  /** Show the latest messages, and how many others there are. */
  arrange() {
    const { shown } = this;
    shown.forEach((message, i) => {
      message.hidden = i < shown.length - MOST_SHOWN;
    });
    const hidden = Math.max(0, shown.length - MOST_SHOWN);
    this.more.textContent = hidden ? `${hidden} more` : '';
    element('messages-foot').hidden = shown.length < 2;
  }

  /** @returns {boolean} Whether there were any. */
  closeAll() {
    const { shown } = this;
    for (const message of shown) message.remove();
    return shown.length > 0;
  }

  /**
   * @param {string} text
   * @param {'status' | 'alert'} role
   */
  add(text, role) {
    for (const other of this.shown) {
      if (other.firstChild?.textContent === text) other.remove();
    }
    const message = document.createElement('div');
    message.className = `message ${role}`;
    message.setAttribute('role', role);
    const sentence = document.createElement('span');
    sentence.textContent = text;
    const close = buttonOf('\u00d7', () => message.remove());
    close.className = 'close';
    close.setAttribute('aria-label', 'Close the message');
    message.append(sentence, close);
    element('messages-foot').before(message);
    return message;
  }
}

/**
 * @param {string} label
 * @param {() => void} run
 */
function buttonOf(label, run) {
  const button = document.createElement('button');
  button.type = 'button';
  button.textContent = label;
  button.addEventListener('click', run);
  return button;
}

/**
 * A time as it is read on a clock: `9 s`, `2:05 min`.
 *
 * @param {number} milliseconds
 */
export function clockOf(milliseconds) {
  const seconds = Math.floor(milliseconds / 1000);
  if (seconds < 60) return `${seconds} s`;
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')} min`;
}

/**
 * An element of the page that must be there.
 *
 * @param {string} id
 */
export function element(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page lacks the element ${id}`);
  return found;
}
