"""Training from few alphas and many masks: segmentation, then a teacher, then a student of blended labels."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn.functional import binary_cross_entropy

from hybridmatte.data import AsMaskTask, AsTwoViews, without_colours
from hybridmatte.losses import gradient_loss, l1_loss, l2_loss
from hybridmatte.networks.labels import blend_labels
from hybridmatte.networks.u_net import BOUNDARY_HEAD
from hybridmatte.training.config import BlendingConfig, MatteConfig, SegmentationConfig
from hybridmatte.training.module import Batch, MattingModule, TaughtModule, Terms
from hybridmatte.training.samples import Backgrounds, Data, open_samples
from hybridmatte.training.scores import AnyNetwork
from hybridmatte.training.sources import SampleSource, make_augmentation

__all__ = ["MatteLabelBlending", "MatteTraining", "SegmentationPretraining", "boundary_of"]

CERTAIN = 1e-4  # cross-entropy takes alphas no closer to 0 or 1
MARGIN_SHARE = 0.01  # of a crop's pixels, added to intersection and union
BOUNDARY_RANGE = 0.05, 0.95  # alphas between these are the boundary


class SegmentationPretraining(MattingModule[SegmentationConfig]):
    """Learn masks of photographs, by the mean square error.

    Parameters
    ----------
    network : MattingNetwork
    config : SegmentationConfig

    References
    ----------
    .. [1] Weakly semi-supervised human matting with matte label blending. Section 4.2.
    """

    parts = ("image", "mask")
    has_trimaps = False
    has_unused_parameters = True  # a boundary head

    def open_source(self, data: Data, backgrounds: Backgrounds) -> SampleSource:
        """Return crops with masks of 0 and 1."""
        return SampleSource(self.config, open_samples(self.config, data, backgrounds, self.parts), task=AsMaskTask())

    def loss_terms(self, alpha: torch.Tensor, batch: Batch) -> Terms:
        """Return the mean square error, or cross-entropy and 1 minus the overlap."""
        if self.config.loss == "mse":
            return {"mse": l2_loss(alpha, batch["mask"])}
        return {
            "cross_entropy": binary_cross_entropy(alpha.clamp(CERTAIN, 1 - CERTAIN), batch["mask"]),
            "overlap": 1 - soft_overlap(alpha, batch["mask"]).mean(),
        }


class MatteTraining(MattingModule[MatteConfig]):
    """Learn alpha from images alone, and the boundary if the network has a head for it: such a network can teach.

    The loss is the mean square error and the gradient loss of alpha, and `boundary_weight` times the L1 loss of the
    boundary.

    Parameters
    ----------
    network : MattingNetwork
    config : MatteConfig

    References
    ----------
    .. [1] Weakly semi-supervised human matting with matte label blending. Eq. 2-6.
    """

    parts = ("image", "alpha")

    def batch_terms(self, batch: Batch) -> Terms:
        """Return the terms of a batch with image and alpha."""
        if not getattr(self.network, "has_boundary", False):
            return super().batch_terms(batch)
        alpha, boundary = self.network.alpha_and_boundary(batch["image"])
        with torch.autocast(self.device.type, enabled=False):
            error = l1_loss(boundary.float(), boundary_of(batch["alpha"]))
            return self.loss_terms(alpha.float(), batch) | {"boundary": self.config.boundary_weight * error}

    def loss_terms(self, alpha: torch.Tensor, batch: Batch) -> Terms:
        """Return the two terms of alpha."""
        return alpha_terms(alpha, batch["alpha"])


class MatteLabelBlending(TaughtModule[BlendingConfig]):
    """Learn photographs with masks from blended labels: the teacher's alpha on its boundary, the mask elsewhere.

    The student sees a crop with changed colours, the teacher sees it unchanged. If both have the same architecture, the
    teacher follows the student as a moving average. Its boundary head stays as it is, as the student trains none.

    Parameters
    ----------
    network : MattingNetwork
        The student.
    config : BlendingConfig
    teacher : MattingNetwork
        With a boundary head.

    References
    ----------
    .. [1] Weakly semi-supervised human matting with matte label blending. Section 3.3.
    """

    parts = ("image", "mask")
    has_trimaps = False
    has_unused_parameters = True  # a boundary head

    def __init__(self, network: AnyNetwork, config: BlendingConfig, teacher: AnyNetwork):
        super().__init__(network, config, teacher)
        if not getattr(teacher, "has_boundary", False):
            raise ValueError("teacher has no boundary head, expected a network trained with boundary = true")
        self.teacher_follows = config.ema > 0 and _architecture(network) == _architecture(teacher)

    def open_source(self, data: Data, backgrounds: Backgrounds) -> SampleSource:
        """Return crops as two views, one of them with changed colours, and masks of 0 and 1."""
        augmentation = make_augmentation(self.config)
        samples = open_samples(self.config, data, backgrounds, self.parts)
        return SampleSource(self.config, samples, without_colours(augmentation), AsTwoViews(augmentation))

    def batch_terms(self, batch: Batch) -> Terms:
        """Return the terms of a batch with image, image in changed colours (`strong`), and mask."""
        with torch.no_grad():
            alpha, boundary = self.teacher.alpha_and_boundary(batch["image"])
            target = blend_labels(alpha.float(), boundary.float(), batch["mask"])
        return super().batch_terms({"image": batch["strong" if self.config.strong else "image"], "alpha": target})

    def loss_terms(self, alpha: torch.Tensor, batch: Batch) -> Terms:
        """Return the two terms of alpha."""
        return alpha_terms(alpha, batch["alpha"])

    def optimizer_step(self, *arguments: Any, **options: Any) -> None:
        """Take a step, then let the teacher follow."""
        super().optimizer_step(*arguments, **options)
        if self.teacher_follows:
            self.update_teacher()

    @torch.no_grad()
    def update_teacher(self) -> None:
        """Move the teacher's weights towards the student's, all but those of its boundary head."""
        student = self.network.state_dict()
        for name, tensor in self.teacher.state_dict().items():
            if not tensor.is_floating_point() or name.startswith(BOUNDARY_HEAD):
                continue
            tensor.lerp_(student[name].to(tensor.dtype), 1 - self.config.ema)


def soft_overlap(alpha: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Return the soft intersection over union (B,) of alphas and masks (B, 1, H, W).

    Both areas count some pixels more, so that a crop without an object has a gradient that is not too steep.
    """
    slack = MARGIN_SHARE * mask[0].numel()
    both = (alpha * mask).sum(dim=(1, 2, 3))
    either = (alpha + mask).sum(dim=(1, 2, 3)) - both
    return (both + slack) / (either + slack)


def alpha_terms(alpha: torch.Tensor, target: torch.Tensor) -> Terms:
    """Return mean square error and gradient loss."""
    return {"mse": l2_loss(alpha, target), "gradient": gradient_loss(alpha, target)}


def boundary_of(alpha: torch.Tensor) -> torch.Tensor:
    """Return 1 where alpha is above 0.05 and below 0.95, else 0, in the dtype of alpha."""
    low, high = BOUNDARY_RANGE
    return ((alpha > low) & (alpha < high)).to(alpha.dtype)


def _architecture(network: torch.nn.Module) -> dict[str, tuple[int, ...]]:
    """Return the shapes of all tensors by name, without those of a boundary head."""
    return {
        name: tuple(tensor.shape) for name, tensor in network.state_dict().items() if not name.startswith(BOUNDARY_HEAD)
    }
