/** Keys: the commands' own, and a cursor on the picture that paints without a mouse. */

/** @typedef {import('./commands.js').Command} Command */

/** @type {Record<string, [number, number]>} */
const DIRECTIONS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const STEP = 8; // screen pixels a press; with Shift, one pixel of the photograph
const PEEK = 'V'; // shows the photograph while it is held
const EDGE = 40; // screen pixels from the canvas's side at which the picture follows the cursor

export class Keyboard {
  /**
   * @param {HTMLElement} canvas
   * @param {Command[]} commands
   * @param {import('./stage.js').Stage} stage
   * @param {import('./editor.js').Editor} editor
   * @param {import('./overlay.js').Overlay} overlay
   * @param {import('./pointer.js').Pointer} pointer
   * @param {(command: Command) => void} perform
   */
  constructor(canvas, commands, stage, editor, overlay, pointer, perform) {
    this.canvas = canvas;
    this.stage = stage;
    this.editor = editor;
    this.overlay = overlay;
    this.pointer = pointer;
    this.perform = perform;
    /** @type {Map<string, Command>} */
    this.commands = new Map(commands.flatMap((command) => command.keys.map((key) => [key, command])));
    document.addEventListener('keydown', (event) => this.down(event));
    document.addEventListener('keyup', (event) => {
      if (event.key === ' ') this.holdSpace(false);
      if (event.key.toUpperCase() === PEEK) this.peek(false);
    });
    window.addEventListener('blur', () => {
      this.holdSpace(false);
      this.peek(false);
    });
    canvas.addEventListener('blur', () => {
      this.editor.finish();
      this.leave();
    });
  }

  /** @param {KeyboardEvent} event */
  down(event) {
    const target = /** @type {HTMLElement} */ (event.target);
    if (document.querySelector('dialog[open]') || isTyping(target, event)) return;
    if (target === this.canvas && this.onCanvas(event)) {
      event.preventDefault();
      return;
    }
    if (event.key === ' ' && !(target instanceof HTMLButtonElement)) {
      this.holdSpace(true);
      event.preventDefault();
      return;
    }
    if (nameOf(event) === PEEK) this.peek(true);
    const command = this.commands.get(nameOf(event));
    if (!command || (command.id === 'copy' && getSelection()?.toString())) return;
    if (command.obstacle?.() && event.key.startsWith('Page')) return; // they also scroll
    event.preventDefault();
    this.perform(command);
  }

  /**
   * Move the cursor, put the pen down, lift it.
   *
   * @param {KeyboardEvent} event
   */
  onCanvas(event) {
    const direction = DIRECTIONS[event.key];
    if (direction && !event.ctrlKey && !event.metaKey) {
      if (event.altKey) this.stage.pan(-direction[0] * 5 * STEP, -direction[1] * 5 * STEP);
      else this.moveCursor(direction, event.shiftKey);
      return true;
    }
    if (event.key !== 'Enter' || !this.stage.viewport) return false;
    const cursor = this.ensureCursor();
    if (event.shiftKey && this.editor.corners.length > 2) this.editor.closePolygon();
    else if (this.editor.isDrawing) this.editor.up();
    else this.editor.down(cursor, { isOpposite: event.altKey, isLine: false, scale: this.stage.viewport.scale });
    return true;
  }

  /** The cursor; at first, in the middle of what is seen. */
  ensureCursor() {
    const { viewport, size } = this.stage;
    this.overlay.isKeyboard = true;
    this.overlay.cursor ??= viewport?.toPhoto({ x: size.width / 2, y: size.height / 2 }) ?? { x: 0, y: 0 };
    this.overlay.invalidate();
    return this.overlay.cursor;
  }

  /**
   * @param {[number, number]} direction
   * @param {boolean} isFine
   */
  moveCursor([dx, dy], isFine) {
    const { viewport } = this.stage;
    const picture = this.stage.state.active;
    if (!viewport || !picture) return;
    const step = isFine ? 1 : Math.max(1, STEP / viewport.scale);
    const before = this.ensureCursor();
    const cursor = {
      x: Math.min(picture.width, Math.max(0, before.x + dx * step)),
      y: Math.min(picture.height, Math.max(0, before.y + dy * step)),
    };
    this.overlay.cursor = cursor;
    this.editor.move([cursor]);
    this.follow(viewport.toCanvas(cursor));
  }

  /**
   * Move the picture so that the cursor stays on the canvas.
   *
   * @param {{x: number, y: number}} at
   */
  follow(at) {
    const { width, height } = this.stage.size;
    const dx = Math.max(0, EDGE - at.x) - Math.max(0, at.x - (width - EDGE));
    const dy = Math.max(0, EDGE - at.y) - Math.max(0, at.y - (height - EDGE));
    if (dx || dy) this.stage.pan(dx, dy);
  }

  /** @param {boolean} isHeld */
  holdSpace(isHeld) {
    this.pointer.isSpaceHeld = isHeld;
    this.canvas.classList.toggle('grabbing', isHeld);
  }

  /** @param {boolean} isHeld */
  peek(isHeld) {
    const { state } = this.stage;
    if (state.isPeeking === isHeld) return;
    state.isPeeking = isHeld;
    this.stage.invalidate();
  }

  leave() {
    if (!this.overlay.isKeyboard) return;
    this.overlay.isKeyboard = false;
    this.overlay.cursor = null;
    this.overlay.invalidate();
  }
}

/**
 * Whether a key belongs to the field that has the focus.
 *
 * @param {HTMLElement} target
 * @param {KeyboardEvent} event
 */
function isTyping(target, event) {
  if (target instanceof HTMLSelectElement) return !event.ctrlKey && !event.metaKey;
  if (!(target instanceof HTMLInputElement)) return false;
  if (['text', 'number', 'password'].includes(target.type)) return true;
  return event.key.startsWith('Arrow') || event.key === ' ' || event.key.startsWith('Page');
}

/**
 * What a key is called in the list of commands. Many keyboards make brackets and other signs with Alt, or with AltGr,
 * which arrives as Ctrl and Alt: these are then no part of the name.
 *
 * @param {KeyboardEvent} event
 */
export function nameOf(event) {
  const key = event.key.length === 1 ? event.key.toUpperCase() : event.key;
  const isSign = key.length === 1 && !/[A-Z0-9 ]/.test(key);
  if (isSign && (event.altKey || event.getModifierState('AltGraph'))) return key;
  const isLetter = /^[A-Z]$/.test(key);
  const shift = event.shiftKey && (isLetter || key.length > 1) ? 'Shift+' : '';
  return `${event.ctrlKey || event.metaKey ? 'Ctrl+' : ''}${event.altKey ? 'Alt+' : ''}${shift}${key}`;
}
