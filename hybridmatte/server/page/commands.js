/** Everything that a key or a button can do, listed once: buttons, tooltips, keys and the help sheet read it. */

/**
 * @typedef {object} Command
 * @property {string} id
 * @property {string} group
 * @property {string} label
 * @property {string[]} keys  Such as `Ctrl+Z`; on a Mac, Ctrl is also Command.
 * @property {() => void} run
 * @property {() => boolean} [isOn]  For what is chosen or switched on.
 * @property {() => string} [obstacle]  Why it cannot be done now; empty where it can.
 *
 * @typedef {object} Parts
 * @property {import('./state.js').State} state
 * @property {import('./stage.js').Stage} stage
 * @property {import('./editor.js').Editor} editor
 * @property {import('./solver.js').Solver} solver
 * @property {import('./files.js').Files} files
 * @property {import('./exporting.js').Exporter} exporter
 * @property {import('./reviewing.js').Review} review
 * @property {import('./status.js').Status} status
 * @property {() => void} toggleHelp
 * @property {() => void} toggleTheme
 * @property {() => void} togglePanel
 */

const ZOOM_STEP = 1.5;
const NO_PHOTO = 'Open a photograph first';
const NO_CONFIDENCE = 'Only the quality “best” has it';
const NO_POINTS = 'The service has no segmenter that takes points';

/**
 * @param {Parts} parts
 * @returns {Command[]}
 */
export function listCommands(parts) {
  return [
    ...fileCommands(parts), ...toolCommands(parts), ...kindCommands(parts), ...editCommands(parts),
    ...viewCommands(parts), ...zoomCommands(parts), ...pageCommands(parts),
  ];
}

/**
 * @param {Parts} parts
 * @returns {Command[]}
 */
function fileCommands({ state, files, exporter, solver }) {
  const group = 'Pictures';
  const obstacle = needsPhoto(state);
  const step = (/** @type {number} */ by) => () => {
    const next = state.stepPicture(by);
    if (next) files.show(next);
  };
  const onlyOne = () => (state.pictures.length > 1 ? '' : 'There is no other photograph');
  return [
    { id: 'open', group, label: 'Open photographs', keys: ['Ctrl+O'], run: () => files.photoInput.click() },
    {
      id: 'save', group, label: 'Save', keys: ['Ctrl+S'], run: () => exporter.open(),
      obstacle: () => exporter.obstacle(),
    },
    {
      id: 'copy', group, label: 'Copy the cut-out', keys: ['Ctrl+C'], run: () => exporter.copy(),
      obstacle: () => exporter.copyObstacle(),
    },
    { id: 'load-trimap', group, label: 'Load a trimap', keys: ['L'], run: () => files.trimapInput.click(), obstacle },
    { id: 'auto', group, label: 'Find the object again', keys: ['A'], run: () => solver.findAgain(), obstacle },
    {
      id: 'close', group, label: 'Close the photograph', keys: ['W'], run: () => files.askToClose(state.active), obstacle,
    },
    { id: 'next', group, label: 'Next picture', keys: ['PageDown'], run: step(1), obstacle: onlyOne },
    { id: 'previous', group, label: 'Previous picture', keys: ['PageUp'], run: step(-1), obstacle: onlyOne },
  ];
}

/**
 * @param {Parts} parts
 * @returns {Command[]}
 */
function toolCommands({ state, editor }) {
  /** @type {Array<[import('./state.js').Tool, string, string]>} */
  const tools = [
    ['brush', 'Brush', 'B'],
    ['rectangle', 'Rectangle', 'R'],
    ['polygon', 'Polygon', 'P'],
    ['fill', 'Fill a region', 'G'],
    ['point', 'Click on an object', 'O'],
    ['hand', 'Move the picture', 'H'],
  ];
  const photo = needsPhoto(state);
  return tools.map(([tool, label, key]) => ({
    id: `tool-${tool}`, group: 'Tools', label, keys: [key], isOn: () => state.options.tool === tool,
    obstacle: () => (tool === 'point' && !state.pointSegmenter ? NO_POINTS : photo()),
    run: () => {
      editor.cancel();
      state.set({ tool });
    },
  }));
}

/**
 * @param {Parts} parts
 * @returns {Command[]}
 */
function kindCommands({ state }) {
  const group = 'Paint';
  const obstacle = needsPhoto(state);
  /** @type {Array<[string, number, string]>} */
  const kinds = [['Foreground', 255, '1'], ['Background', 0, '2'], ['Unknown', 128, '3']];
  return [
    ...kinds.map(([label, value, key]) => ({
      id: `paint-${label.toLowerCase()}`, group, label, keys: [key], isOn: () => state.options.value === value,
      obstacle, run: () => state.set({ value }),
    })),
    {
      id: 'swap', group, label: 'Swap foreground and background', keys: ['X'],
      run: () => state.set({ value: state.options.value === 255 ? 0 : 255 }),
    },
    {
      id: 'rim', group, label: 'Find the edge around a stroke', keys: ['E'], isOn: () => state.options.hasRim,
      run: () => state.set({ hasRim: !state.options.hasRim }),
    },
    { id: 'smaller', group, label: 'Smaller brush', keys: ['['], run: () => state.stepSize(-1) },
    { id: 'larger', group, label: 'Larger brush', keys: [']'], run: () => state.stepSize(1) },
  ];
}

/**
 * @param {Parts} parts
 * @returns {Command[]}
 */
function editCommands({ state, editor, solver, status }) {
  const group = 'Edit';
  return [
    {
      id: 'undo', group, label: 'Undo', keys: ['Ctrl+Z'], run: () => solver.step('undo'),
      obstacle: () => (state.active?.history.done.length ? '' : 'Nothing was changed yet'),
    },
    {
      id: 'redo', group, label: 'Redo', keys: ['Ctrl+Shift+Z', 'Ctrl+Y'], run: () => solver.step('redo'),
      obstacle: () => (state.active?.history.undone.length ? '' : 'Nothing was undone'),
    },
    {
      id: 'cancel', group, label: 'Give up the shape under way, or close the messages', keys: ['Escape'],
      run: () => (editor.isUnderWay ? editor.cancel() : status.closeAll()),
    },
    {
      id: 'corner', group, label: "Take back a polygon's last corner", keys: ['Backspace'],
      run: () => editor.removeCorner(),
    },
  ];
}

/**
 * @param {Parts} parts
 * @returns {Command[]}
 */
function viewCommands({ state, review }) {
  const group = 'View';
  /** @type {Array<[import('./compositor.js').View, string, string]>} */
  const views = [
    ['cutout', 'Cut-out', '4'],
    ['photo', 'Photograph', '5'],
    ['alpha', 'Alpha', '6'],
    ['trimap', 'Trimap', '7'],
    ['confidence', 'Confidence', '8'],
    ['foreground', 'Foreground colours', '9'],
  ];
  const { options } = state;
  const photo = needsPhoto(state);
  const isSure = (/** @type {string} */ view) => view !== 'confidence' || options.method === 'quality:best';
  const obstacleOf = (/** @type {string} */ view) => photo() || (isSure(view) ? '' : NO_CONFIDENCE);
  const compare = () => state.set({ compare: options.compare === null ? 0.5 : null });
  return [
    ...views.map(([view, label, key]) => ({
      id: `view-${view}`, group, label, keys: [key], isOn: () => options.view === view,
      obstacle: () => obstacleOf(view), run: () => state.set({ view }),
    })),
    {
      id: 'tint', group, label: 'Trimap as a tint', keys: ['T'], isOn: () => options.isTinted,
      run: () => state.set({ isTinted: !options.isTinted }),
    },
    {
      id: 'compare', group, label: 'Before and after', keys: ['C'], isOn: () => options.compare !== null, run: compare,
    },
    {
      id: 'doubt', group, label: 'Next place that may be wrong', keys: ['N'], run: () => review.next(),
      obstacle: () => review.obstacle(),
    },
    {
      id: 'dismiss', group, label: 'Hide the places that may be wrong', keys: ['Shift+N'], run: () => review.dismiss(),
      obstacle: photo,
    },
    { id: 'background', group, label: 'Next background', keys: ['K'], run: () => state.nextBackground() },
  ];
}

/**
 * @param {Parts} parts
 * @returns {Command[]}
 */
function zoomCommands({ state, stage }) {
  const group = 'Zoom';
  const toFull = () => stage.zoom(1 / (stage.viewport?.scale ?? 1) / stage.density);
  const obstacle = needsPhoto(state);
  return [
    { id: 'zoom-in', group, label: 'Zoom in', keys: ['+', '='], run: () => stage.zoom(ZOOM_STEP), obstacle },
    { id: 'zoom-out', group, label: 'Zoom out', keys: ['-'], run: () => stage.zoom(1 / ZOOM_STEP), obstacle },
    { id: 'fit', group, label: 'Whole picture', keys: ['0', 'F'], run: () => stage.fit(), obstacle },
    { id: 'full', group, label: 'One to one', keys: ['Z'], run: toFull, obstacle },
  ];
}

/**
 * @param {Parts} parts
 * @returns {Command[]}
 */
function pageCommands({ toggleHelp, toggleTheme, togglePanel }) {
  const group = 'Page';
  return [
    { id: 'help', group, label: 'Keys and help', keys: ['?'], run: toggleHelp },
    { id: 'theme', group, label: 'Light or dark', keys: ['D'], run: toggleTheme },
    { id: 'panel', group, label: 'Settings', keys: ['S'], run: togglePanel },
  ];
}

/**
 * @param {import('./state.js').State} state
 * @returns {() => string}
 */
function needsPhoto(state) {
  return () => (state.active ? '' : NO_PHOTO);
}
