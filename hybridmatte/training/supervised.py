"""Training with true alphas, the control."""

from hybridmatte._validation_torch import split_planes
from hybridmatte.losses import gradient_penalty_loss, l1_loss, laplacian_pyramid_loss
from hybridmatte.training.module import MattingModule

__all__ = ["SupervisedMatting"]


class SupervisedMatting(MattingModule):
    """Learn from images, trimaps and true alphas, by the losses ViTMatte was trained with.

    L1 over the known and over the unknown region, each with its own mean, the Laplacian pyramid and the gradient
    penalty over the whole.

    Parameters
    ----------
    network : MattingNetwork
    config : TrainingConfig

    References
    ----------
    .. [1] J. Yao, X. Wang, S. Yang, B. Wang. ViTMatte. Information Fusion 2023. Section 3.4.
    """

    parts = ("image", "trimap", "alpha")

    def loss_terms(self, alpha, batch):
        """Return the four terms."""
        target, is_unknown = batch["alpha"], split_planes(batch["trimap"])[2]
        return {"unknown": l1_loss(alpha, target, region=is_unknown),
                "known": l1_loss(alpha, target, region=~is_unknown),
                "pyramid": laplacian_pyramid_loss(alpha, target),
                "gradient": gradient_penalty_loss(alpha, target)}
