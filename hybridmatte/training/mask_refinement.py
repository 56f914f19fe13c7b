"""Training of a network that corrects masks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch.nn.functional import binary_cross_entropy

from hybridmatte.data import AsRefinementTask, Sample, random_mask_errors
from hybridmatte.data.folders import Part
from hybridmatte.data.lazy_sequence import LazySequence
from hybridmatte.networks.prediction import as_batch, estimate_alpha
from hybridmatte.training.config import RefinementConfig
from hybridmatte.training.module import Batch, MattingModule, Terms
from hybridmatte.training.samples import Backgrounds, Data, alpha_or_mask, open_samples
from hybridmatte.training.sources import SampleSource

__all__ = ["MaskRefinement"]

CERTAIN = 1e-5  # cross-entropy takes alphas no closer to 0 or 1
MAX_PIXELS = 1 << 20  # of a validation image that the network sees at once


class MaskRefinement(MattingModule[RefinementConfig]):
    """Learn alpha from an image and a mask with random errors, which takes the trimap's place.

    The loss is the cross-entropy with alpha, or with a mask outside a band along its outline. A network with this loss
    estimates the mean of alpha where it cannot tell, so that values close to 0 and 1 are certain.

    Parameters
    ----------
    network : MattingNetwork
        With a trimap of one plane as input.
    config : RefinementConfig
    """

    parts = ("image",)

    def open_source(self, data: Data, backgrounds: Backgrounds) -> SampleSource:
        """Return crops with masks that have errors; a data set with alphas and masks gives its alphas."""
        parts: tuple[Part, ...] = self.parts
        if isinstance(data, (str, Path)):
            parts = ("image", alpha_or_mask(self.config.dataset, data, self.config.split or None))
        samples = open_samples(self.config, data, backgrounds, parts)
        return SampleSource(self.config, samples, task=AsRefinementTask(self.config.band))

    def batch_terms(self, batch: Batch) -> Terms:
        """Return the terms of a batch, whose masks take the trimap's place."""
        return super().batch_terms(batch | {"trimap": batch["mask"]})

    def loss_terms(self, alpha: torch.Tensor, batch: Batch) -> Terms:
        """Return the weighted mean of the cross-entropy."""
        errors = binary_cross_entropy(alpha.clamp(CERTAIN, 1 - CERTAIN), batch["alpha"], reduction="none")
        weight = batch["weight"]
        return {"cross_entropy": (errors * weight).sum() / weight.sum().clamp_min(1.0)}

    def validation_samples(self, samples: Sequence[Sample]) -> Sequence[Sample]:
        """Return samples with image and alpha, each with a mask that has errors, always the same."""
        return _WithMaskErrors(samples)

    def preview(self, sample: Sample) -> npt.NDArray[np.float32]:
        """Return the corrected mask of a whole sample."""
        image, mask = as_batch(sample.require("image"), sample.require("mask"), "mask")
        parameter = next(self.network.parameters())
        with self.network.predicting():
            alpha = estimate_alpha(self.network, image.to(parameter), mask.to(parameter), MAX_PIXELS)
        return alpha[0, 0].float().cpu().numpy()


class _WithMaskErrors(LazySequence[Sample]):
    """Samples with image and alpha, and masks with the random errors that belong to their index."""

    def __init__(self, samples: Sequence[Sample]) -> None:
        self._samples = samples

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self._samples)

    def _item(self, index: int) -> Sample:
        """Return one sample with a mask."""
        sample, generator = self._samples[index], np.random.default_rng(index)
        mask = random_mask_errors(sample.require("alpha"), sample.require("image"), generator)
        return sample._replace(mask=mask, trimap=None)
