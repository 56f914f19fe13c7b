"""Training with true alphas and the layers they compose, and disentangled pre-training on fused photographs."""

from __future__ import annotations

import torch

from hybridmatte._validation_torch import split_planes
from hybridmatte.losses import composition_loss, l1_loss, laplacian_pyramid_loss
from hybridmatte.training.config import CompositionConfig, DisentangledConfig
from hybridmatte.training.module import Batch, MattingModule, Terms
from hybridmatte.training.options import CompositionLossOptions
from hybridmatte.training.samples import Backgrounds, Data, open_photographs
from hybridmatte.training.sources import PhotographSource, StreamSource

__all__ = ["CompositionMatting", "DisentangledPretraining"]


class CompositionMatting(MattingModule[CompositionConfig]):
    """Learn from composites by L1, composition and Laplacian pyramid loss, each over the unknown region.

    It fine-tunes networks that `DisentangledPretraining` has trained. The loss leaves out the known region, whose alpha
    the trimap gives.

    Parameters
    ----------
    network : MattingNetwork
    config : CompositionConfig

    References
    ----------
    .. [1] Disentangled pre-training for image matting. Eq. 2.
    """

    parts = ("image", "trimap", "alpha", "foreground", "background")

    def loss_terms(self, alpha: torch.Tensor, batch: Batch) -> Terms:
        """Return the terms whose weight is not 0."""
        return composition_terms(alpha, batch, self.config)


class DisentangledPretraining(MattingModule[DisentangledConfig]):
    """Learn from photographs without labels: pairs of them, fused by random trimaps and alphas.

    The losses are those of `CompositionMatting`. `hybridmatte.data.fuse_photographs` makes the samples. A network that
    takes no trimap has to find the unknown region by itself.

    Parameters
    ----------
    network : MattingNetwork
    config : DisentangledConfig

    References
    ----------
    .. [1] Disentangled pre-training for image matting. Section 3.
    """

    def open_source(self, data: Data, backgrounds: Backgrounds) -> PhotographSource | StreamSource:
        """Return fused pairs of the photographs of a folder, of a stream, or in memory."""
        if backgrounds is not None:
            raise ValueError("backgrounds came, expected none: pre-training fuses the photographs of data")
        return open_photographs(self.config, data)

    def loss_terms(self, alpha: torch.Tensor, batch: Batch) -> Terms:
        """Return the terms whose weight is not 0."""
        return composition_terms(alpha, batch, self.config)


def composition_terms(alpha: torch.Tensor, batch: Batch, weights: CompositionLossOptions) -> Terms:
    """Return the weighted L1, composition and Laplacian pyramid loss, each over the unknown region, unless it has 0."""
    target, is_unknown = batch["alpha"], split_planes(batch["trimap"])[2]
    terms = {}
    if weights.alpha_weight:
        terms["alpha"] = weights.alpha_weight * l1_loss(alpha, target, region=is_unknown)
    if weights.composition_weight:
        layers = batch["image"], batch["foreground"], batch["background"]
        terms["composition"] = weights.composition_weight * composition_loss(alpha, *layers, region=is_unknown)
    if weights.pyramid_weight:
        terms["pyramid"] = weights.pyramid_weight * laplacian_pyramid_loss(alpha, target, region=is_unknown)
    return terms
