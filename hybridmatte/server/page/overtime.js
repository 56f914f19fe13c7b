/** What the user can do where the service stopped an answer after its time limit: a quicker quality, a smaller size. */

import { kindOf } from './requests.js';

/**
 * @param {import('./state.js').State} state
 * @param {import('./files.js').Files} files
 * @param {import('./status.js').Status} status
 */
export function bindOvertime(state, files, status) {
  state.on('overtime', ({ picture, message }) => {
    const megapixels = (picture.width * picture.height) / 1e6;
    const limit = /[\d.]+ s\b/.exec(message)?.[0];
    const isFast = state.options.method === 'quality:fast';
    const useFast = async () => {
      await files.show(picture);
      state.set({ method: 'quality:fast' });
    };
    const remedies = [
      ...(isFast ? [] : [{ label: 'Use the quality “fast”', run: useFast }]),
      { label: 'Open it at half the size', run: () => files.openHalf(picture) },
    ];
    const size = megapixels >= 1 ? `${megapixels.toFixed(0)} megapixels` : 'this size';
    const quicker = isFast ? '' : 'The quality “fast” takes about a fifth of the time. ';
    status.fail(
      `${picture.name}: the answer at ${size} took longer than the service allows${limit ? ` (${limit})` : ''}. ` +
        `${quicker}Half the size takes a quarter. A longer limit: hybridmatte serve --timeout 900.`, remedies, kindOf(picture),
    );
  });
}
