"""Trimaps for samples that have none: from their alphas, or from masks."""

from collections.abc import Sequence

from hybridmatte._validation import check_integer
from hybridmatte.trimap import trimap_from_alpha, trimap_from_mask

__all__ = ["WithTrimaps"]


class WithTrimaps(Sequence):
    """Samples whose trimaps are made from their alphas or masks, with a band of the same width in all.

    Parameters
    ----------
    samples : sequence of Sample
        With alpha, or else mask.
    band : int
        Pixels eaten from the foreground and from the background.
    keep_alpha : bool, default False
        Whether the alpha stays in the sample; learning without alpha labels must not see it.
    """

    def __init__(self, samples, band, *, keep_alpha=False):
        self._samples, self._band, self._keep_alpha = samples, check_integer(band, "band", low=1), keep_alpha

    def __len__(self):
        """Return the number of samples."""
        return len(self._samples)

    def __getitem__(self, index):
        """Return one sample with its trimap."""
        sample = self._samples[index]
        if sample.alpha is None:
            trimap = trimap_from_mask(sample.mask, erode=self._band, dilate=self._band)
        else:
            trimap = trimap_from_alpha(sample.alpha, erode=self._band, dilate=self._band)
        return sample._replace(trimap=trimap, mask=None, alpha=sample.alpha if self._keep_alpha else None)
