/** Mouse, pen and fingers on the canvas: one paints; two, the middle button or the space bar move and zoom. */

/** @typedef {{x: number, y: number}} Point */

const ZOOM_PER_NOTCH = 1.0015; // to the power of the wheel's travel

export class Pointer {
  /**
   * @param {HTMLElement} element
   * @param {import('./state.js').State} state
   * @param {import('./stage.js').Stage} stage
   * @param {import('./editor.js').Editor} editor
   * @param {import('./overlay.js').Overlay} overlay
   */
  constructor(element, state, stage, editor, overlay) {
    this.element = element;
    this.state = state;
    this.stage = stage;
    this.editor = editor;
    this.overlay = overlay;
    /** @type {Map<number, Point>} */
    this.held = new Map(); // where each pointer is, on the canvas
    this.isPanning = false;
    this.isSpaceHeld = false;
    element.addEventListener('pointerdown', (event) => this.down(event));
    element.addEventListener('pointermove', (event) => this.move(event));
    element.addEventListener('pointerup', (event) => this.up(event));
    element.addEventListener('pointercancel', (event) => this.up(event));
    element.addEventListener('pointerleave', () => this.leave());
    element.addEventListener('blur', () => element.classList.remove('by-pointer'));
    element.addEventListener('contextmenu', (event) => event.preventDefault());
    element.addEventListener('dblclick', () => this.editor.closePolygon());
    element.addEventListener('wheel', (event) => this.wheel(event), { passive: false });
  }

  /**
   * @param {MouseEvent} event
   * @returns {Point}
   */
  placeOf(event) {
    const box = this.element.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }

  /** @param {PointerEvent} event */
  down(event) {
    const { viewport } = this.stage;
    if (!viewport) return;
    this.element.classList.add('by-pointer'); // the ring of the focus is for keys
    this.element.setPointerCapture(event.pointerId);
    this.held.set(event.pointerId, this.placeOf(event));
    if (this.held.size > 1) {
      if (!this.isPanning) this.editor.cancel();
      this.isPanning = true;
      return;
    }
    this.isPanning = event.button === 1 || this.isSpaceHeld || this.state.options.tool === 'hand';
    if (event.button === 1) event.preventDefault();
    if (this.isPanning) return;
    const how = { isOpposite: event.button === 2, isLine: event.shiftKey, scale: viewport.scale };
    this.editor.down(viewport.toPhoto(this.placeOf(event)), how);
  }

  /** @param {PointerEvent} event */
  move(event) {
    const { viewport } = this.stage;
    if (!viewport) return;
    if (this.editor.isDrawing && !this.held.has(event.pointerId)) return; // the keyboard's pen is down
    const place = this.placeOf(event);
    this.overlay.isKeyboard = false;
    this.overlay.cursor = event.pointerType === 'touch' && !this.held.size ? null : viewport.toPhoto(place);
    if (this.isPanning && this.held.has(event.pointerId)) {
      this.drag(event.pointerId, place);
      return;
    }
    const events = event.getCoalescedEvents?.() ?? [];
    this.editor.move((events.length ? events : [event]).map((one) => viewport.toPhoto(this.placeOf(one))));
    if (this.held.has(event.pointerId)) this.held.set(event.pointerId, place);
  }

  /**
   * Move with one pointer; with two, zoom by their distance too.
   *
   * @param {number} id
   * @param {Point} place
   */
  drag(id, place) {
    const before = [...this.held.values()];
    this.held.set(id, place);
    const after = [...this.held.values()];
    const [from, to] = [middleOf(before), middleOf(after)];
    if (after.length > 1) this.stage.zoom(spreadOf(after) / Math.max(spreadOf(before), 1), to);
    this.stage.pan(to.x - from.x, to.y - from.y);
  }

  /** @param {PointerEvent} event */
  up(event) {
    this.held.delete(event.pointerId);
    if (!this.isPanning) {
      if (event.type === 'pointercancel') this.editor.cancel();
      else this.editor.up();
    }
    if (!this.held.size) this.isPanning = false;
    if (event.pointerType === 'touch') this.leave();
  }

  leave() {
    if (this.overlay.isKeyboard) return;
    this.overlay.cursor = null;
    this.overlay.invalidate();
  }

  /** @param {WheelEvent} event */
  wheel(event) {
    event.preventDefault();
    const travel = (event.deltaY || event.deltaX) * (event.deltaMode === 1 ? 33 : 1);
    if ((event.shiftKey || event.altKey) && travel) this.state.stepSize(-Math.sign(travel));
    else this.stage.zoom(ZOOM_PER_NOTCH ** (-travel * (event.ctrlKey ? 5 : 1)), this.placeOf(event));
  }
}

/** @param {Point[]} points */
function middleOf(points) {
  const sum = points.reduce((a, b) => ({ x: a.x + b.x, y: a.y + b.y }));
  return { x: sum.x / points.length, y: sum.y / points.length };
}

/** @param {Point[]} points */
function spreadOf([a, b]) {
  return Math.hypot(a.x - b.x, a.y - b.y);
}
