/** What the page says: the state of the picture on show, messages for a moment, and errors until they are closed. */

const SHOWN_FOR = 6000; // milliseconds

export class Status {
  /** @param {import('./state.js').State} state */
  constructor(state) {
    this.state = state;
    this.line = element('status-text');
    this.bar = element('busy');
    this.messages = element('messages');
    this.started = 0;
    this.timer = 0;
    state.on('progress', (picture) => this.show(picture));
    state.on('pictures', () => this.show(state.active));
  }

  /** @param {import('./picture.js').Picture | null} picture */
  show(picture) {
    if (picture !== this.state.active) return;
    clearInterval(this.timer);
    this.line.textContent = picture?.note ?? '';
    const hint = element('hint');
    hint.hidden = picture?.progress !== 'waiting' || !picture.note;
    hint.textContent = picture?.note ?? '';
    const isBusy = picture?.progress === 'finding' || picture?.progress === 'solving';
    this.bar.hidden = !isBusy;
    element('status-time').textContent = '';
    document.body.dataset.progress = picture?.progress ?? 'none';
    if (!isBusy || !picture) return;
    this.started = performance.now();
    this.timer = window.setInterval(() => {
      const seconds = (performance.now() - this.started) / 1000;
      element('status-time').textContent = seconds >= 1 ? `${seconds.toFixed(0)} s` : '';
    }, 500);
  }

  /** @param {string} text */
  say(text) {
    const message = this.add(text, 'status');
    setTimeout(() => message.remove(), SHOWN_FOR);
  }

  /** @param {string} text */
  fail(text) {
    this.add(text, 'alert');
  }

  /**
   * @param {string} text
   * @param {'status' | 'alert'} role
   */
  add(text, role) {
    for (const other of [...this.messages.children]) {
      if (other.firstChild?.textContent === text) other.remove();
    }
    const message = document.createElement('div');
    message.className = `message ${role}`;
    message.setAttribute('role', role);
    const sentence = document.createElement('span');
    sentence.textContent = text;
    const close = document.createElement('button');
    close.type = 'button';
    close.setAttribute('aria-label', 'Close the message');
    close.textContent = '\u00d7';
    close.addEventListener('click', () => message.remove());
    message.append(sentence, close);
    this.messages.append(message);
    return message;
  }
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
