"""Few mattes and many masks: segmentation pre-training, a teacher from mattes, and a student from blended labels."""

import torch

from hybridmatte.losses import gradient_loss, l1_loss, l2_loss
from hybridmatte.networks.labels import blend_labels
from hybridmatte.training.module import MattingModule

__all__ = ["MatteLabelBlending", "MatteTraining", "SegmentationPretraining", "boundary_of"]

MIXED = 0.05, 0.95  # alphas between are the boundary


class SegmentationPretraining(MattingModule):
    """Learn masks from photographs, by the mean square.

    Parameters
    ----------
    network : MattingNetwork
    config : TrainingConfig

    References
    ----------
    .. [1] Weakly semi-supervised human matting with matte label blending. Section 4.2.
    """

    parts = ("image", "mask")
    leaves_unused = True  # a boundary head

    def loss_terms(self, alpha, batch):
        """Return the one term."""
        return {"mse": l2_loss(alpha, batch["mask"])}


class MatteTraining(MattingModule):
    """Learn alpha, and where it is mixed, from composites: what makes a teacher.

    Mean square and gradient loss of alpha, and `boundary_weight` times L1 of the boundary for a network that tells it.

    Parameters
    ----------
    network : MattingNetwork
    config : TrainingConfig

    References
    ----------
    .. [1] Weakly semi-supervised human matting with matte label blending. Eq. 2-6.
    """

    parts = ("image", "alpha")

    def batch_terms(self, batch):
        """Return the terms of a batch with image and alpha."""
        if not getattr(self.network, "has_boundary", False):
            return super().batch_terms(batch)
        alpha, boundary = self.network.alpha_and_boundary(batch["image"])
        with torch.autocast(self.device.type, enabled=False):
            wrong = l1_loss(boundary.float(), boundary_of(batch["alpha"]))
            return self.loss_terms(alpha.float(), batch) | {"boundary": self.config.boundary_weight * wrong}

    def loss_terms(self, alpha, batch):
        """Return the two terms of alpha."""
        return matte_terms(alpha, batch["alpha"])


class MatteLabelBlending(MattingModule):
    """Learn photographs with masks from labels that are the teacher's alpha on its boundary and the mask elsewhere.

    The student sees the photograph in changed colours, the teacher as it is. Where both are of one architecture the
    teacher follows the student as a moving average, but for its boundary head, which the student does not train.

    Parameters
    ----------
    network : MattingNetwork
        The student.
    config : TrainingConfig
        Of which `ema` is the share of itself that the teacher keeps in a step, 0 for a frozen one, and `strong`
        whether the student sees changed colours.
    teacher : MattingNetwork
        One with a boundary head.

    References
    ----------
    .. [1] Weakly semi-supervised human matting with matte label blending. Section 3.3.
    """

    parts = ("image", "mask")
    leaves_unused = True  # a boundary head

    def __init__(self, network, config, teacher):
        super().__init__(network, config)
        if not getattr(teacher, "has_boundary", False):
            raise ValueError("teacher has no boundary head, expected a network trained with boundary = true")
        self.teacher = teacher.eval().requires_grad_(False)
        self.follows = config.ema > 0 and _architecture(network) == _architecture(teacher)

    def train(self, mode=True):
        """Be in training mode or not, the teacher never."""
        super().train(mode)
        self.teacher.eval()
        return self

    def batch_terms(self, batch):
        """Return the terms of a batch with image, image in strong colours, and mask."""
        with torch.no_grad():
            alpha, boundary = self.teacher.alpha_and_boundary(batch["image"])
            target = blend_labels(alpha.float(), boundary.float(), batch["mask"])
        return super().batch_terms({"image": batch["strong" if self.config.strong else "image"], "alpha": target})

    def loss_terms(self, alpha, batch):
        """Return the two terms of alpha."""
        return matte_terms(alpha, batch["alpha"])

    def optimizer_step(self, *arguments, **options):
        """Take a step, and let the teacher follow."""
        super().optimizer_step(*arguments, **options)
        if self.follows:
            self._follow()

    @torch.no_grad()
    def _follow(self):
        student = self.network.state_dict()
        for name, tensor in self.teacher.state_dict().items():
            if not tensor.is_floating_point() or name.startswith("boundary_head."):
                continue
            tensor.lerp_(student[name].to(tensor.dtype), 1 - self.config.ema)


def matte_terms(alpha, target):
    """Return mean square and gradient loss."""
    return {"mse": l2_loss(alpha, target), "gradient": gradient_loss(alpha, target)}


def boundary_of(alpha):
    """Return 1 where alpha is above 0.05 and below 0.95, else 0, in its dtype."""
    low, high = MIXED
    return ((alpha > low) & (alpha < high)).to(alpha.dtype)


def _architecture(network):
    """Return names and shapes of all but the boundary head."""
    return {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()
            if not name.startswith("boundary_head.")}
