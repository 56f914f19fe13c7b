// The modules that need no browser; run by `node --test`.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { inflateSync } from 'node:zlib';

const page = new URL('../../../hybridmatte/server/page/', import.meta.url);
const load = (name) => import(new URL(name, page));
const { Answers } = await load('answers.js');
const { doubtfulPlaces } = await load('doubts.js');
const { History } = await load('history.js');
const { coverConnected, coverPolygon, coverRectangle, coverSegment, smoothPiece } = await load('raster.js');
const { blendAnswer, cropAround, trimapOf } = await load('crops.js');
const { encodePng } = await load('png.js');
const { splitName } = await load('names.js');
const { nameOf } = await load('keyboard.js');
const { Viewport } = await load('viewport.js');
const { listCommands } = await load('commands.js');
const { Pyramid } = await load('pyramid.js');
const { Picture, trimapValues } = await load('picture.js');

const size = { width: 90, height: 70 };

function painted(cover) {
  const plane = new Uint8Array(size.width * size.height);
  cover((y, first, last) => plane.fill(1, y * size.width + first, y * size.width + last + 1));
  return plane;
}

function expected(isInside) {
  return Uint8Array.from({ length: size.width * size.height }, (_, i) =>
    isInside((i % size.width) + 0.5, Math.floor(i / size.width) + 0.5) ? 1 : 0);
}

function distance(x, y, a, b) {
  const [dx, dy] = [b.x - a.x, b.y - a.y];
  const t = Math.min(1, Math.max(0, ((x - a.x) * dx + (y - a.y) * dy) / (dx * dx + dy * dy || 1)));
  return Math.hypot(x - a.x - t * dx, y - a.y - t * dy);
}

test('a stroke covers the pixels whose centre is within half the brush', () => {
  for (const [a, b, width] of [
    [{ x: 20.2, y: 30.7 }, { x: 61.4, y: 44.1 }, 11],
    [{ x: 20, y: 30 }, { x: 20, y: 55.3 }, 7.5],
    [{ x: 70, y: 12.4 }, { x: 31, y: 12.4 }, 4],
    [{ x: -5, y: -3 }, { x: 95, y: 80 }, 20],
    [{ x: 40.3, y: 40.1 }, { x: 40.3, y: 40.1 }, 30],
  ]) {
    const got = painted((write) => coverSegment(a, b, width, size, write));
    assert.deepEqual(got, expected((x, y) => distance(x, y, a, b) <= width / 2 + 1e-12));
  }
});

test('a brush of one pixel paints the pixel under it', () => {
  const at = { x: 33.9, y: 21.1 };
  const got = painted((write) => coverSegment(at, at, 1, size, write));
  assert.deepEqual(got, expected((x, y) => x === 33.5 && y === 21.5));
});

test('a rectangle and a polygon cover what lies inside, also beyond the picture', () => {
  const rectangle = painted((write) => coverRectangle({ x: 40.6, y: 50.2 }, { x: -4, y: 12.9 }, size, write));
  assert.deepEqual(rectangle, expected((x, y) => x < 41 && y > 12 && y < 51));
  const corners = [{ x: -10, y: 5 }, { x: 80, y: 20 }, { x: 20, y: 90 }];
  const side = (p, q, x, y) => (q.x - p.x) * (y - p.y) - (q.y - p.y) * (x - p.x);
  const got = painted((write) => coverPolygon(corners, size, write));
  assert.deepEqual(got, expected((x, y) => corners.every((p, i) => side(p, corners[(i + 1) % 3], x, y) > 0)));
});

test('a fill takes the region of one value that touches by its sides', () => {
  const plane = expected((x, y) => Math.hypot(x - 45, y - 35) < 25 && Math.hypot(x - 45, y - 35) > 15);
  const visited = [];
  coverConnected(plane, size, { x: 45.5, y: 35.5 }, (y, first, last) => {
    visited.push(last - first + 1);
    plane.fill(2, y * size.width + first, y * size.width + last + 1);
  });
  assert.deepEqual(plane.map((v) => (v === 2 ? 1 : 0)), expected((x, y) => Math.hypot(x - 45, y - 35) <= 15));
  assert.equal(plane[0], 0);
});

test('the curve through the middles ends where it should and keeps its spacing', () => {
  const points = smoothPiece({ x: 0, y: 0 }, { x: 50, y: 0 }, { x: 50, y: 50 }, 5);
  assert.deepEqual(points.at(-1), { x: 50, y: 50 });
  assert.ok(points.length >= 20);
});

test('undo and redo bring back both planes exactly, and keep only the tiles that changed', () => {
  const wide = { width: 1000, height: 900 };
  const picture = { trimap: new Uint8Array(9e5).fill(128), alpha: new Uint8Array(9e5) };
  const history = new History(wide.width, wide.height, picture);
  const states = [];
  for (let step = 0; step < 30; step++) {
    states.push([picture.trimap.slice(), picture.alpha.slice()]);
    history.begin('stroke', step);
    for (const plane of ['trimap', 'alpha']) {
      const rect = { x: 31 * step, y: 28 * step, width: 40, height: 3 };
      history.touch(plane, rect);
      for (let y = rect.y; y < rect.y + 3; y++) picture[plane].fill(step + 1, y * 1000 + rect.x, y * 1000 + rect.x + 40);
    }
    history.commit();
  }
  const last = [picture.trimap.slice(), picture.alpha.slice()];
  assert.ok(history.bytes < 30 * 2 * 4 * 64 * 64, `${history.bytes} bytes`);
  for (let step = 29; step >= 0; step--) {
    assert.equal(history.undo().step.origin, step);
    assert.deepEqual([picture.trimap, picture.alpha], states[step]);
  }
  assert.equal(history.undo(), null);
  for (let step = 0; step < 30; step++) history.redo();
  assert.deepEqual([picture.trimap, picture.alpha], last);
  assert.equal(history.redo(), null);
});

test('a step that changed nothing is no step, and a new one ends what could be redone', () => {
  const history = new History(100, 100, { trimap: new Uint8Array(1e4) });
  history.begin('a', null);
  history.commit();
  assert.equal(history.done.length, 0);
  history.begin('b', null);
  history.touch('trimap', { x: 1, y: 1, width: 1, height: 1 });
  history.commit();
  history.undo();
  history.begin('c', null);
  history.commit();
  assert.equal(history.undone.length, 1, 'an empty step leaves redo');
  history.begin('d', null);
  history.touch('trimap', { x: 1, y: 1, width: 1, height: 1 });
  history.commit();
  assert.equal(history.undone.length, 0);
});

test('an answer that came late belongs to the step that asked for it', () => {
  const planes = { trimap: new Uint8Array(1e4), alpha: new Uint8Array(1e4) };
  const history = new History(100, 100, planes);
  history.begin('stroke', null);
  history.touch('trimap', { x: 0, y: 0, width: 1, height: 1 });
  planes.trimap[0] = 255;
  history.commit();
  const answer = planes.alpha.slice();
  answer[9000] = 77;
  assert.deepEqual(history.replace('alpha', answer), { x: 0, y: 64, width: 64, height: 36 });
  assert.equal(planes.alpha[9000], 77);
  history.undo();
  assert.deepEqual([planes.alpha[9000], planes.trimap[0]], [0, 0]);
});

test('a crop is widened until it has foreground and background, and halved while much in it is unknown', () => {
  const trimap = new Uint8Array(1000 * 800).fill(128);
  const whole = { width: 1000, height: 800 };
  const changed = { x: 500, y: 400, width: 10, height: 10 };
  assert.equal(cropAround(trimap, null, whole, changed, 1e4), null, 'nothing is known');
  trimap.fill(255, 400 * 1000 + 500, 400 * 1000 + 510);
  trimap.fill(0, 400 * 1000 + 90, 400 * 1000 + 95);
  const { rect, scale, unknown } = cropAround(trimap, null, whole, changed, 1e4);
  assert.ok(rect.x <= 94 && rect.x + rect.width >= 510);
  assert.ok(unknown / scale ** 2 <= 1.1e4 && scale > 1);
  assert.equal((rect.x % scale) + (rect.y % scale), 0);
  trimap.fill(0, 410 * 1000, 411 * 1000);
  assert.ok(cropAround(trimap, null, whole, changed, 1e5).rect.width < 120);
});

test('a photograph has each size that a preview of it asks for, all but a few pixels being unknown', async () => {
  globalThis.createImageBitmap = async (source, x, y, width, height, { resizeWidth, resizeHeight }) => {
    assert.ok(width <= source.width + 1 && height <= source.height + 1);
    return { width: resizeWidth, height: resizeHeight };
  };
  for (const [width, height] of [[6000, 4000], [1500, 1000], [1024, 683], [400, 300], [9001, 2], [1, 7000], [1, 1]]) {
    const { levels } = await Pyramid.of({ width, height });
    const trimap = new Uint8Array(width * height).fill(128);
    trimap[0] = 255;
    trimap[trimap.length - 1] = 0;
    const changed = { x: width >> 1, y: height >> 1, width: 1, height: 1 };
    for (const mostUnknown of [3000, 9000, 60000]) {
      const crop = cropAround(trimap, null, { width, height }, changed, mostUnknown);
      if (width * height === 1) continue; // one pixel is of one kind
      const level = levels[Math.log2(crop.scale)];
      assert.ok(level, `${width} x ${height} needs the scale ${crop.scale}`);
      const [right, bottom] = [crop.rect.x + crop.rect.width, crop.rect.y + crop.rect.height];
      assert.deepEqual([level.width, level.height], [Math.ceil(right / crop.scale), Math.ceil(bottom / crop.scale)]);
    }
  }
});

test('unknown pixels far from the change that are all but 0 or 1 are pinned', () => {
  const whole = { width: 400, height: 300 };
  const trimap = new Uint8Array(120000).fill(128);
  const alpha = new Uint8Array(120000).fill(2);
  alpha.fill(253, 0, 400 * 100);
  alpha.fill(90, 400 * 120, 400 * 121);
  trimap.fill(255, 400 * 149, 400 * 149 + 400);
  trimap.fill(0, 400 * 151, 400 * 151 + 400);
  const changed = { x: 200, y: 145, width: 10, height: 10 };
  const { rect, trimap: sent } = cropAround(trimap, alpha, whole, changed, 1e5);
  const at = (x, y) => sent[(y - rect.y) * rect.width + x - rect.x];
  assert.deepEqual([at(205, 147), at(180, 147), at(170, 147), at(170, 120)], [128, 128, 0, 128]);
});

test('a smaller trimap knows only what all its pixels know, at odd sizes too', () => {
  const trimap = new Uint8Array(7 * 5).fill(255);
  trimap[0] = trimap[34] = 0;
  const small = trimapOf({ rect: { x: 0, y: 0, width: 7, height: 5 }, scale: 2, trimap });
  assert.deepEqual([small.width, small.height], [4, 3]);
  assert.deepEqual([...small.values], [128, ...Array(10).fill(255), 0]);
});

test('a smaller trimap keeps both kinds where strokes are thinner than its pixels', () => {
  const trimap = new Uint8Array(64 * 64).fill(128);
  trimap.fill(255, 10 * 64 + 5, 10 * 64 + 30);
  trimap.fill(0, 50 * 64, 50 * 64 + 20);
  const { values } = trimapOf({ rect: { x: 0, y: 0, width: 64, height: 64 }, scale: 16, trimap });
  assert.deepEqual([...values], [255, 255, ...Array(10).fill(128), 0, 0, 128, 128]);
});

test('an answer changes unknown pixels only, and fades out at sides inside the picture', () => {
  const whole = { width: 100, height: 100 };
  const trimap = new Uint8Array(1e4).fill(128);
  trimap.fill(0, 5050, 5060);
  const alpha = new Uint8Array(1e4);
  const rect = { x: 0, y: 20, width: 60, height: 60 };
  const sent = new Uint8Array(3600).fill(128);
  sent[30 * 60 + 10] = 255;
  const answer = { values: new Uint8Array(3600).fill(240), width: 60, height: 60 };
  blendAnswer(alpha, trimap, whole, { rect, scale: 1, trimap: sent }, answer);
  const at = (x, y) => alpha[y * 100 + x];
  assert.equal(at(0, 50), 240);
  assert.equal(at(10, 50), 0, 'pinned');
  assert.equal(at(30, 50), 240);
  assert.ok(at(30, 20) > 0 && at(30, 20) < 40 && at(59, 50) < 40);
  assert.deepEqual([at(55, 50), at(60, 50), at(30, 19)], [0, 0, 0]);
});

test('a PNG holds the exact bytes, compressed or stored', async () => {
  const values = Uint8Array.from({ length: 3 * 311 * 97 }, (_, i) => (i * 7919) % 251);
  for (const [width, channels, isSmall] of [[933, 1, true], [311, 3, false]]) {
    const bytes = Buffer.from(await (await encodePng(values, width, 97, channels, isSmall)).arrayBuffer());
    assert.equal(bytes.readUInt32BE(16), width);
    const start = bytes.indexOf('IDAT');
    const lines = inflateSync(bytes.subarray(start + 4, start + 4 + bytes.readUInt32BE(start - 4)));
    const stride = width * channels;
    for (let y = 0; y < 97; y++) {
      const line = lines.subarray(y * (stride + 1) + 1, (y + 1) * (stride + 1));
      assert.deepEqual(new Uint8Array(line), values.slice(y * stride, (y + 1) * stride));
    }
  }
});

test('zoom keeps the point under the hand, down to single pixels', () => {
  const viewport = Viewport.fitting({ width: 6000, height: 4000 }, { width: 1000, height: 800 }, 20);
  const at = { x: 700, y: 300 };
  const before = viewport.toPhoto(at);
  for (let i = 0; i < 40; i++) viewport.zoom(1.5, at, 0.01);
  assert.equal(viewport.scale, 64);
  assert.ok(Math.hypot(viewport.toPhoto(at).x - before.x, viewport.toPhoto(at).y - before.y) < 1e-6);
});

test('the bytes of a trimap file are split as the library does', () => {
  assert.deepEqual([...trimapValues(Uint8Array.of(0, 25, 26, 128, 229, 230, 255))], [0, 0, 128, 128, 128, 255, 255]);
});

test('painting known pixels sets alpha at once; unknown leaves it', () => {
  const photo = { levels: [{ width: 20, height: 10 }] };
  const picture = new Picture({ name: 'cat.final.jpg' }, photo);
  assert.equal(picture.stem, 'cat.final');
  picture.beginStep('stroke');
  assert.deepEqual(picture.paintRow(3, 2, 8, 255), { x: 2, y: 3, width: 7, height: 1 });
  assert.deepEqual(picture.paintRow(3, 0, 5, 255), { x: 0, y: 3, width: 2, height: 1 });
  assert.equal(picture.paintRow(3, 1, 4, 255), null, 'nothing new');
  picture.paintRow(3, 4, 4, 128);
  assert.deepEqual([picture.alpha[64], picture.trimap[64]], [255, 128]);
  assert.ok(picture.commitStep());
  assert.equal(picture.origin.kind, 'trimap');
  picture.step('undo');
  assert.deepEqual([picture.alpha[64], picture.trimap[64], picture.origin.kind], [0, 128, 'auto']);
});

test('no two commands share a key, and the guide lists all of them', async () => {
  const guide = await readFile(new URL('../../../docs/guide/page.md', import.meta.url), 'utf8');
  const commands = listCommands({ state: { options: {} } });
  const keys = commands.flatMap((command) => command.keys);
  assert.equal(new Set(keys).size, keys.length);
  for (const { label, keys: own } of commands) {
    assert.ok(guide.includes(`| ${label} | ${own.map((key) => `\`${key}\``).join(', ')} |`), label);
  }
});

test('a stroke that is given up leaves what can be redone', () => {
  const planes = { trimap: new Uint8Array(1e4) };
  const history = new History(100, 100, planes);
  const paint = (value) => {
    history.begin('stroke', value);
    history.touch('trimap', { x: 1, y: 1, width: 5, height: 5 });
    planes.trimap[101] = value;
  };
  paint(7);
  history.commit();
  history.undo();
  paint(9);
  assert.deepEqual(history.cancel(), { x: 0, y: 0, width: 64, height: 64 });
  assert.deepEqual([planes.trimap[101], history.done.length, history.undone.length], [0, 0, 1]);
  history.redo();
  assert.equal(planes.trimap[101], 7);
});

test('answers are kept for each state and method, within a number of bytes, the last used ones longest', () => {
  const answers = new Answers(250);
  const [a, b] = [{ name: 'a' }, { name: 'b' }];
  const states = Array.from({ length: 3 }, () => ({ kind: 'trimap' }));
  const known = (note) => ({ isFound: true, alpha: new Uint8Array(60), confidence: new Uint8Array(40), files: {}, note });
  answers.keep(a, states[0], 'best', known('0'));
  answers.keep(a, states[1], 'best', known('1'));
  assert.equal(answers.find(states[0], 'best').note, '0');
  assert.equal(answers.find(states[0], 'fast'), null);
  answers.keep(b, states[2], 'best', known('2'));
  assert.equal(answers.find(states[1], 'best'), null, 'the one that was used longest ago is gone');
  assert.equal(answers.find(states[0], 'best').note, '0');
  answers.keep(b, states[2], 'best', known('3'));
  assert.deepEqual([answers.find(states[2], 'best').note, answers.bytes], ['3', 200]);
  answers.forget(b);
  assert.deepEqual([answers.find(states[2], 'best'), answers.bytes], [null, 100]);
  answers.keep(a, states[1], 'best', { ...known('4'), files: { cutout: { size: 900 }, alpha: { size: 100 } } });
  assert.deepEqual([answers.find(states[1], 'best').note, answers.bytes], ['4', 1100], 'the latest one is kept');
});

test('doubtful places are clusters of unknown pixels, the most doubtful first; thin edges are none', () => {
  const whole = { width: 640, height: 400 };
  const trimap = new Uint8Array(256000).fill(128);
  const confidence = new Uint8Array(256000).fill(250);
  const doubt = (x, y, width, height, value) => {
    for (let row = y; row < y + height; row++) confidence.fill(value, row * 640 + x, row * 640 + x + width);
  };
  doubt(0, 200, 640, 1, 0);
  assert.deepEqual(doubtfulPlaces(confidence, trimap, whole), [], 'an edge');
  doubt(100, 50, 30, 30, 60);
  doubt(620, 380, 20, 20, 0);
  doubt(400, 300, 60, 40, 100);
  trimap.fill(255, 340 * 640);
  doubt(300, 350, 90, 40, 0);
  trimap.fill(128, 378 * 640);
  const places = doubtfulPlaces(confidence, trimap, whole);
  assert.deepEqual(places[0], { x: 400, y: 300, width: 60, height: 40 });
  assert.deepEqual(places[1], { x: 300, y: 370, width: 90, height: 20 });
  assert.ok(places.some(({ x, y }) => x === 620 && y === 380), 'in the corner');
  assert.ok(places.some(({ x, y, width }) => x === 100 && y === 50 && width === 30));
  assert.equal(places.length, 4);
});

test('a name is cut before its ending and the characters before it', () => {
  assert.deepEqual(splitName('a_very_long_name_0412.jpeg'), ['a_very_long_name_', '0412.jpeg']);
  assert.deepEqual(splitName('cat.jpg'), ['', 'cat.jpg']);
  assert.deepEqual(splitName('no ending at all'), ['no ending at', ' all']);
  assert.deepEqual(splitName('archive.with.some-words'), ['archive.with.some-w', 'ords']);
  assert.deepEqual(splitName('\u{1f408}\u{1f408}\u{1f408}\u{1f408}\u{1f408}.png'), ['\u{1f408}', '\u{1f408}\u{1f408}\u{1f408}\u{1f408}.png']);
  assert.deepEqual(splitName(''), ['', '']);
});

test('an answer that cannot be read is an error; only a lost connection is asked again', async () => {
  Object.assign(globalThis, { location: { hash: '' }, sessionStorage: { getItem: () => null } });
  const { Service, ServiceError, ServiceGone } = await load('service.js');
  const service = new Service(async () => '');
  const asked = async (outputs, body, options = {}) => {
    globalThis.fetch = async () => new Response(body, options);
    return service.ask('/v1/matte', {}, { output: outputs }).then(() => null, (error) => error);
  };
  const form = { headers: { 'Content-Type': 'multipart/form-data; boundary=b' } };
  const part = '--b\r\nContent-Disposition: form-data; name="description"\r\n\r\n';
  for (const [outputs, body, options] of [
    ['alpha,trimap', 'no parts', form], ['alpha,trimap', `${part}{no\r\n--b--\r\n`, form],
    ['alpha,trimap', 'no type'], ['alpha', 'x', { headers: { 'X-Hybridmatte-Description': '{no' } }],
    ['alpha', '{no', { status: 503, headers: { 'Content-Type': 'application/json' } }],
  ]) {
    const error = await asked(outputs, body, options);
    assert.deepEqual([error.constructor, error.message], [Error, 'The answer of the service cannot be read.']);
  }
  const lost = () => new ReadableStream({ start: (stream) => stream.error(new TypeError('network error')) });
  for (const status of [200, 503]) {
    for (const outputs of ['alpha', 'alpha,trimap']) {
      assert.equal((await asked(outputs, lost(), { ...form, status })).constructor, ServiceGone);
    }
  }
  const error = { message: 'it was stopped', kind: 'time limit' };
  const json = { status: 503, headers: { 'Content-Type': 'application/json', 'Retry-After': '5' } };
  const refused = await asked('alpha', JSON.stringify({ error }), json);
  assert.deepEqual([refused.constructor, refused.isOvertime, refused.retryAfter], [ServiceError, true, 5]);
  assert.equal((await asked('alpha', JSON.stringify({ error: { ...error, kind: 'busy' } }), json)).isOvertime, false);
  assert.equal((await asked('alpha', `${part}`, form)), null);
});

test('brackets are named by their sign on keyboards that make them with AltGr or Alt', () => {
  const event = (key, held = []) => ({
    key, ctrlKey: held.includes('Control'), altKey: held.includes('Alt'), metaKey: false, shiftKey: held.includes('Shift'),
    getModifierState: (name) => held.includes(name),
  });
  assert.equal(nameOf(event('[', ['Control', 'Alt', 'AltGraph'])), '[');
  assert.equal(nameOf(event(']', ['Alt'])), ']');
  assert.equal(nameOf(event('z', ['Control', 'Shift'])), 'Ctrl+Shift+Z');
  assert.equal(nameOf(event('?', ['Shift'])), '?');
});
