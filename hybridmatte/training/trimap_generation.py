"""Training of Net-T: from coarse segmentations to trimaps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch.nn.functional import cross_entropy

from hybridmatte._validation_torch import split_planes
from hybridmatte.data import AsTrimapTask, Sample, TrimapTasks
from hybridmatte.networks.joint_inference import predict_trimap
from hybridmatte.training.config import TrimapConfig
from hybridmatte.training.module import Batch, MattingModule, Terms
from hybridmatte.training.samples import Backgrounds, Data, open_samples
from hybridmatte.training.scores import AnyNetwork, TrimapScores
from hybridmatte.training.sources import SampleSource

__all__ = ["TrimapGeneration", "classes_of"]


class TrimapGeneration(MattingModule[TrimapConfig]):
    """Learn to tell background, unknown region and foreground, by the cross-entropy with trimaps made from alphas.

    Parameters
    ----------
    network : TrimapNetwork
    config : TrimapConfig

    References
    ----------
    .. [1] Y. Zhou, L. Zhou, T. L. Lam, Y. Xu. Semantic-guided automatic natural image matting with light-weight
       non-local attention. Sections 3.2.1 and 4.1.
    """

    parts = ("image", "alpha")

    def __init__(self, network: AnyNetwork, config: TrimapConfig):
        super().__init__(network, config)
        self.scores = TrimapScores()

    def open_source(self, data: Data, backgrounds: Backgrounds) -> SampleSource:
        """Return crops with a random segmentation as mask, and the true trimap."""
        samples = open_samples(self.config, data, backgrounds, self.parts)
        return SampleSource(self.config, samples, task=AsTrimapTask(self.config.mask_scale))

    def batch_terms(self, batch: Batch) -> Terms:
        """Return the cross-entropy of a batch of image, soft mask and trimap."""
        logits = self.network(batch["image"], batch["mask"])
        return {"cross_entropy": cross_entropy(logits.float(), classes_of(batch["trimap"]))}

    def validation_samples(self, samples: Sequence[Sample]) -> Sequence[Sample]:
        """Return samples with image and alpha as tests of Net-T: with a mask that is too small, and the true trimap."""
        return TrimapTasks(samples, self.config.mask_scale)

    def preview(self, sample: Sample) -> npt.NDArray[np.float32]:
        """Return the predicted trimap of a sample with image and mask."""
        return predict_trimap(self.network, sample.require("image"), sample.require("mask"))

    def validation_step(self, batch: Sample, batch_idx: int) -> None:  # noqa: ARG002
        """Score the trimap of one whole sample with image, mask and true trimap."""
        self.scores.update(self.preview(batch), batch.require("trimap"))


def classes_of(trimap: torch.Tensor) -> torch.Tensor:
    """Return the classes of a trimap (B, 1, H, W): 0 background, 1 unknown, 2 foreground, as (B, H, W) integers."""
    is_foreground, is_background, _ = split_planes(trimap)
    return (1 + is_foreground.long() - is_background.long())[:, 0]
