/** PNG files from bytes, without a canvas: a trimap keeps its exact values, and a small crop takes no time. */

const SIGNATURE = [137, 80, 78, 71, 13, 10, 26, 10];
const COLOUR_TYPES = { 1: 0, 3: 2 }; // of the PNG header: grey and RGB

/**
 * @param {Uint8Array} values  height x width x channels bytes.
 * @param {number} width
 * @param {number} height
 * @param {1 | 3} channels
 * @param {boolean} isSmall  Compress; else the bytes are stored as they are.
 * @returns {Promise<Blob>}
 */
export async function encodePng(values, width, height, channels, isSmall) {
  const stride = width * channels;
  const lines = new Uint8Array((stride + 1) * height);
  for (let y = 0; y < height; y++) lines.set(values.subarray(y * stride, (y + 1) * stride), y * (stride + 1) + 1);
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header.set([8, COLOUR_TYPES[channels], 0, 0, 0], 8);
  const packed = isSmall ? await deflate(lines) : store(lines);
  const parts = [
    new Uint8Array(SIGNATURE),
    ...chunk('IHDR', header),
    ...chunk('IDAT', packed),
    ...chunk('IEND', new Uint8Array(0)),
  ];
  return new Blob(/** @type {BlobPart[]} */ (parts), { type: 'image/png' });
}

/** @param {Uint8Array} bytes */
async function deflate(bytes) {
  const stream = new Blob([/** @type {BlobPart} */ (bytes)]).stream().pipeThrough(new CompressionStream('deflate'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/**
 * A zlib stream of stored blocks.
 *
 * @param {Uint8Array} bytes
 */
function store(bytes) {
  const blocks = Math.max(1, Math.ceil(bytes.length / 65535));
  const stream = new Uint8Array(2 + 5 * blocks + bytes.length + 4);
  stream.set([0x78, 0x01]);
  let at = 2;
  for (let start = 0, block = 0; block < blocks; block++, start += 65535) {
    const length = Math.min(65535, bytes.length - start);
    const isLast = block === blocks - 1 ? 1 : 0;
    stream.set([isLast, length & 255, length >> 8, ~length & 255, (~length >> 8) & 255], at);
    stream.set(bytes.subarray(start, start + length), at + 5);
    at += 5 + length;
  }
  new DataView(stream.buffer).setUint32(at, adler32(bytes));
  return stream;
}

/** @param {Uint8Array} bytes */
function adler32(bytes) {
  let [a, b] = [1, 0];
  for (let start = 0; start < bytes.length; start += 5552) {
    const end = Math.min(start + 5552, bytes.length);
    for (let i = start; i < end; i++) b += a += bytes[i];
    a %= 65521;
    b %= 65521;
  }
  return b * 65536 + a;
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let bit = 0; bit < 8; bit++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
  return n >>> 0;
});

/** @param {Uint8Array[]} parts */
function crc32(parts) {
  let crc = 0xffffffff;
  for (const part of parts) {
    for (let i = 0; i < part.length; i++) crc = CRC_TABLE[(crc ^ part[i]) & 255] ^ (crc >>> 8);
  }
  return (crc ^ 0xffffffff) >>> 0;
}

/**
 * @param {string} name
 * @param {Uint8Array} data
 * @returns {Uint8Array[]}
 */
function chunk(name, data) {
  const type = Uint8Array.from(name, (letter) => letter.charCodeAt(0));
  const [length, sum] = [new Uint8Array(4), new Uint8Array(4)];
  new DataView(length.buffer).setUint32(0, data.length);
  new DataView(sum.buffer).setUint32(0, crc32([type, data]));
  return [length, type, data, sum];
}
