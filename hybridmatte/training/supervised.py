"""Training with true alphas."""

from __future__ import annotations

import torch

from hybridmatte._validation_torch import split_planes
from hybridmatte.losses import gradient_penalty_loss, l1_loss, laplacian_pyramid_loss
from hybridmatte.training.config import SupervisedConfig
from hybridmatte.training.module import Batch, MattingModule, Terms

__all__ = ["SupervisedMatting"]


class SupervisedMatting(MattingModule[SupervisedConfig]):
    """Learn from images, trimaps and true alphas, by the losses of ViTMatte.

    These are L1 over the unknown region, L1 over the known region, the Laplacian pyramid loss and the gradient penalty
    over the whole crop.

    Parameters
    ----------
    network : MattingNetwork
    config : SupervisedConfig

    References
    ----------
    .. [1] J. Yao, X. Wang, S. Yang, B. Wang. ViTMatte. Information Fusion 2023. Section 3.4.
    """

    parts = ("image", "trimap", "alpha")

    def loss_terms(self, alpha: torch.Tensor, batch: Batch) -> Terms:
        """Return the four terms."""
        target, is_unknown = batch["alpha"], split_planes(batch["trimap"])[2]
        return {
            "unknown": l1_loss(alpha, target, region=is_unknown),
            "known": l1_loss(alpha, target, region=~is_unknown),
            "pyramid": laplacian_pyramid_loss(alpha, target),
            "gradient": gradient_penalty_loss(alpha, target),
        }
