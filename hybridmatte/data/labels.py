"""Trimaps for samples without one: made from their alphas or masks."""

from __future__ import annotations

from collections.abc import Sequence

from hybridmatte._validation import check_integer
from hybridmatte.data.folders import Sample
from hybridmatte.data.lazy_sequence import LazySequence
from hybridmatte.data.picture_warnings import InvertedMasks
from hybridmatte.trimap import trimap_from_alpha, trimap_from_mask

__all__ = ["WithTrimaps"]


class WithTrimaps(LazySequence[Sample]):
    """Samples with trimaps made from their alphas or masks, whose unknown bands all have the same width.

    Parameters
    ----------
    samples : sequence of Sample
        Each with an alpha, or else a mask.
    band : int
        Erosion in pixels of the foreground and of the background.
    keep_alpha : bool, default False
        Whether the alpha stays in the sample. Training without alpha labels must not see it.

    Warns
    -----
    UserWarning
        If masks are probably inverted.
    """

    def __init__(self, samples: Sequence[Sample], band: int, *, keep_alpha: bool = False) -> None:
        self._samples, self._band, self._keep_alpha = samples, check_integer(band, "band", low=1), keep_alpha
        self._inverted = InvertedMasks(len(samples))

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self._samples)

    def _item(self, index: int) -> Sample:
        """Return one sample with its trimap."""
        sample = self._samples[index]
        if sample.alpha is None:
            mask = sample.require("mask")
            self._inverted.look_at(index, sample.name, mask)
            trimap = trimap_from_mask(mask, erode=self._band, dilate=self._band)
        else:
            trimap = trimap_from_alpha(sample.alpha, erode=self._band, dilate=self._band)
        return sample._replace(trimap=trimap, mask=None, alpha=sample.alpha if self._keep_alpha else None)
