"""Training with true alphas and the layers they compose, and pre-training on photographs fused at random."""

from hybridmatte._validation_torch import split_planes
from hybridmatte.losses import composition_loss, l1_loss, laplacian_pyramid_loss
from hybridmatte.training.module import MattingModule

__all__ = ["CompositionMatting", "DisentangledPretraining"]


class CompositionMatting(MattingModule):
    """Learn from composites: L1, composition and Laplacian pyramid loss, each over the unknown region alone.

    What pre-trained networks are fine-tuned by; the known region is given by the trimap.

    Parameters
    ----------
    network : MattingNetwork
    config : TrainingConfig

    References
    ----------
    .. [1] Disentangled pre-training for image matting. Eq. 2.
    """

    parts = ("image", "trimap", "alpha", "foreground", "background")

    def loss_terms(self, alpha, batch):
        """Return the three terms."""
        target, is_unknown = batch["alpha"], split_planes(batch["trimap"])[2]
        layers = batch["image"], batch["foreground"], batch["background"]
        return {"alpha": l1_loss(alpha, target, region=is_unknown),
                "composition": composition_loss(alpha, *layers, region=is_unknown),
                "pyramid": laplacian_pyramid_loss(alpha, target, region=is_unknown)}


class DisentangledPretraining(CompositionMatting):
    """Learn from photographs without labels, fused in pairs by random trimaps and alphas.

    The losses are those of `CompositionMatting`; the samples are `hybridmatte.data.fuse_photographs`'. A network that
    takes no trimap has to find out by itself where nothing is mixed.

    References
    ----------
    .. [1] Disentangled pre-training for image matting. Section 3.
    """
