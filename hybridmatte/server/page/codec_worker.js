/** Runs beside the page: writes PNG files and reads planes from picture files, so that neither holds up the brush. */

import { encodePng } from './png.js';

const STRIP = 256; // rows read at once, which bounds the memory for the four channels of a canvas

/**
 * One byte for each pixel: the red channel, which is the grey of a grey picture.
 *
 * @param {Blob} file
 * @param {ImageBitmapOptions} resizing  None by default.
 */
async function decodePlane(file, resizing) {
  const options = /** @type {const} */ ({ colorSpaceConversion: 'none', premultiplyAlpha: 'none' });
  const bitmap = await createImageBitmap(file, { ...options, ...resizing });
  const { width, height } = bitmap;
  const values = new Uint8Array(width * height);
  const canvas = new OffscreenCanvas(width, Math.min(STRIP, height));
  const context = canvas.getContext('2d', { willReadFrequently: true, alpha: false });
  if (!context) throw new Error('this browser offers no canvas in a worker');
  for (let top = 0; top < height; top += STRIP) {
    const rows = Math.min(STRIP, height - top);
    context.drawImage(bitmap, 0, top, width, rows, 0, 0, width, rows);
    const data = context.getImageData(0, 0, width, rows).data;
    const start = top * width;
    for (let i = 0; i < rows * width; i++) values[start + i] = data[4 * i];
  }
  bitmap.close();
  return { values, width, height };
}

self.addEventListener('message', async ({ data: { id, task, input } }) => {
  try {
    if (task === 'encode') {
      const { values, width, height, channels, isSmall } = input;
      self.postMessage({ id, output: await encodePng(values, width, height, channels, isSmall) });
    } else {
      const output = await decodePlane(input.file, input.resizing);
      self.postMessage({ id, output }, { transfer: [output.values.buffer] });
    }
  } catch (error) {
    self.postMessage({ id, error: String(error instanceof Error ? error.message : error) });
  }
});
