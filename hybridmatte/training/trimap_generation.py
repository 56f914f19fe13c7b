"""Training of Net-T: from coarse segmentations to trimaps."""

from torch.nn.functional import cross_entropy

from hybridmatte._validation_torch import split_planes
from hybridmatte.data import TrimapTasks
from hybridmatte.networks.joint_inference import predict_trimap
from hybridmatte.training.module import MattingModule
from hybridmatte.training.scores import TrimapScores

__all__ = ["TrimapGeneration", "classes_of"]


class TrimapGeneration(MattingModule):
    """Learn which pixels are background, unknown and foreground, by the cross-entropy with trimaps made from alphas.

    Parameters
    ----------
    network : TrimapNetwork
    config : TrainingConfig

    References
    ----------
    .. [1] Y. Zhou, L. Zhou, T. L. Lam, Y. Xu. Semantic-guided automatic natural image matting with light-weight
       non-local attention. Sections 3.2.1 and 4.1.
    """

    parts = ("image", "alpha")

    def __init__(self, network, config):
        super().__init__(network, config)
        self.scores = TrimapScores()

    def batch_terms(self, batch):
        """Return the cross-entropy of a batch of image, soft mask and trimap."""
        logits = self.network(batch["image"], batch["mask"])
        return {"cross_entropy": cross_entropy(logits.float(), classes_of(batch["trimap"]))}

    def validation_samples(self, samples):
        """Return samples with image and alpha as tasks: a segmentation that is too small, and the true trimap."""
        return TrimapTasks(samples, self.config.mask_scale)

    def preview(self, sample):
        """Return the trimap found of a sample with image and mask."""
        return predict_trimap(self.network, sample.image, sample.mask)

    def validation_step(self, batch, batch_index):  # noqa: ARG002
        """Score the trimap of one whole sample with image, mask and true trimap."""
        self.scores.update(self.preview(batch), batch.trimap)


def classes_of(trimap):
    """Return 0, 1 and 2 for background, unknown and foreground, (B, H, W) integers of a trimap (B, 1, H, W)."""
    is_foreground, is_background, _ = split_planes(trimap)
    return (1 + is_foreground.long() - is_background.long())[:, 0]
