"""Training from few alphas and many masks: segmentation, then a teacher, then a student of blended labels."""

from __future__ import annotations

import copy
import warnings
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch.nn.functional import binary_cross_entropy

from hybridmatte.data import AsMaskTask, AsTwoViews, Sample, without_colours
from hybridmatte.losses import gradient_loss, l1_loss, l2_loss
from hybridmatte.metrics import BOUNDARY
from hybridmatte.networks.labels import (
    BLENDED_MOSTLY,
    MOST_BLENDED,
    blend_labels,
    hard_boundary,
    predict_boundary,
    refuse_as_teacher,
)
from hybridmatte.networks.u_net import BOUNDARY_HEAD
from hybridmatte.training.config import BlendingConfig, MatteConfig, SegmentationConfig, TrainingConfig
from hybridmatte.training.module import Batch, MattingModule, TaughtModule, Terms
from hybridmatte.training.samples import Backgrounds, Data, open_samples
from hybridmatte.training.scores import AnyNetwork, MeanScores
from hybridmatte.training.sources import SampleSource, make_augmentation

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["MatteLabelBlending", "MatteTraining", "SegmentationPretraining", "boundary_of"]

Config = TypeVar("Config", bound=TrainingConfig)
CERTAIN = 1e-4  # cross-entropy takes alphas no closer to 0 or 1
MARGIN_SHARE = 0.01  # of a crop's pixels, added to intersection and union
LEAST_IOU = 0.05  # of the boundary head with true boundaries; below it has learnt nothing
LEAST_SHARE = 0.001  # of a blended label's pixels that are the teacher's; below the label is the mask


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


class RecordsBoundary(MattingModule[Config]):
    """A network in training whose validation also scores a boundary head: its own, or that of its teacher.

    ``validation/boundary_iou`` is the mean intersection over union of the pixels where the head gives at least 0.5 and
    those whose true alpha is above 0.05 and below 0.95. If it is below 0.05 after the last epoch, a warning says so,
    and how many pixels the head gives: next to none, so that blended labels are the masks alone, or too many.
    """

    def __init__(self, network: AnyNetwork, config: Config, *others: Any):
        super().__init__(network, config, *others)
        self.boundary_scores = MeanScores(("boundary_iou", "boundary_share"))  # share of the pixels that the head gives

    def boundary_network(self) -> Any:
        """Return the network whose boundary head is scored; None for none."""
        return self.network if getattr(self.network, "has_boundary", False) else None

    def validation_step(self, batch: Sample, batch_idx: int) -> None:
        """Score one whole sample, and the boundary head on it."""
        super().validation_step(batch, batch_idx)
        network = self.boundary_network()
        if network is not None:
            is_found = predict_boundary(network, batch.require("image")) >= 0.5
            is_true = boundary_of(torch.from_numpy(batch.require("alpha"))).numpy() > 0
            union = int((is_found | is_true).sum())
            overlap = float((is_found & is_true).sum() / union) if union else 1.0
            self.boundary_scores.update({"boundary_iou": overlap, "boundary_share": float(is_found.mean())})

    def on_validation_epoch_end(self) -> None:
        """Log the mean scores."""
        super().on_validation_epoch_end()
        if self.boundary_network() is None:
            return
        found = self.boundary_scores.compute()
        self.boundary_scores.reset()
        share = found.pop("boundary_share", 0.0)
        self.log_dict({f"validation/{name}": value for name, value in found.items()}, sync_dist=False)
        is_last = self.trainer.current_epoch + 1 == self.trainer.max_epochs
        if is_last and found.get("boundary_iou", 1.0) < LEAST_IOU:
            effect = (
                "would be the masks alone" if share < LEAST_SHARE else "take alpha mostly where there is no boundary"
            )
            warnings.warn(
                f"the boundary head has not learnt boundaries: its intersection over union with true ones is "
                f"{found['boundary_iou']:.3f}. It gives {share:.1%} of the pixels, so labels blended by it {effect}",
                stacklevel=2,
            )


class MatteTraining(RecordsBoundary[MatteConfig]):
    """Learn alpha from images alone, and the boundary if the network has a head for it: such a network can teach.

    The loss is the mean square error and the gradient loss of alpha, and `boundary_weight` times the L1 loss of the
    boundary, which `boundary_balanced` weighs by its share of the pixels.

    Parameters
    ----------
    network : MattingNetwork
    config : MatteConfig

    References
    ----------
    .. [1] Weakly semi-supervised human matting with matte label blending. Eq. 2-6.
    """

    parts = ("image", "alpha")
    trains_boundary = True

    def batch_terms(self, batch: Batch) -> Terms:
        """Return the terms of a batch with image and alpha."""
        if not getattr(self.network, "has_boundary", False):
            return super().batch_terms(batch)
        alpha, boundary = self.network.alpha_and_boundary(batch["image"])
        with torch.autocast(self.device.type, enabled=False):
            is_true = boundary_of(batch["alpha"])
            error = (balanced_l1_loss if self.config.boundary_balanced else l1_loss)(boundary.float(), is_true)
            return self.loss_terms(alpha.float(), batch) | {"boundary": self.config.boundary_weight * error}

    def loss_terms(self, alpha: torch.Tensor, batch: Batch) -> Terms:
        """Return the two terms of alpha."""
        return alpha_terms(alpha, batch["alpha"])


class MatteLabelBlending(RecordsBoundary[BlendingConfig], TaughtModule[BlendingConfig]):
    """Learn photographs with masks from blended labels: the teacher's alpha on its boundary, the mask elsewhere.

    The student sees a crop with changed colours, the teacher sees it unchanged. If both have the same architecture, the
    teacher follows the student as a moving average. Its boundary head stays as it is, as the student trains none; so
    the boundary comes from the teacher as it was at the start, unless `frozen_boundary` is false. Validation scores
    that boundary, see `RecordsBoundary`. ``blended_share`` is logged, the mean weight of the teacher's alpha in a
    label; a warning after the last epoch says if it is below 0.001, where the labels were the masks alone, or above
    0.5, where they were mostly the teacher's alpha.

    Parameters
    ----------
    network : MattingNetwork
        The student.
    config : BlendingConfig
    teacher : MattingNetwork
        With a boundary head that was trained.

    References
    ----------
    .. [1] Weakly semi-supervised human matting with matte label blending. Section 3.3.
    """

    parts = ("image", "mask")
    has_trimaps = False
    has_unused_parameters = True  # a boundary head

    def __init__(self, network: AnyNetwork, config: BlendingConfig, teacher: AnyNetwork):
        super().__init__(network, config, teacher)
        refuse_as_teacher(teacher, f"teacher {config.teacher}")
        self.teacher_follows = config.ema > 0 and _architecture(network) == _architecture(teacher)
        is_kept = self.teacher_follows and config.frozen_boundary and not config.mask_only
        self.first_teacher: Any = copy.deepcopy(self.teacher) if is_kept else None
        self._shares: list[torch.Tensor] = []  # of the labels of an epoch that are the teacher's alpha

    def boundary_network(self) -> Any:
        """Return the network that gives the boundary: the teacher, as it was at the start if that is kept."""
        return self.teacher if self.first_teacher is None else self.first_teacher

    def train(self, mode: bool = True) -> Self:
        """Set training or evaluation mode of the student alone."""
        super().train(mode)
        if self.first_teacher is not None:
            self.first_teacher.eval()
        return self

    def open_source(self, data: Data, backgrounds: Backgrounds) -> SampleSource:
        """Return crops as two views, one of them with changed colours, and masks of 0 and 1."""
        augmentation = make_augmentation(self.config)
        samples = open_samples(self.config, data, backgrounds, self.parts)
        return SampleSource(self.config, samples, without_colours(augmentation), AsTwoViews(augmentation))

    def batch_terms(self, batch: Batch) -> Terms:
        """Return the terms of a batch with image, image in changed colours (`strong`), and mask."""
        image = batch["strong" if self.config.strong else "image"]
        return super().batch_terms({"image": image, "alpha": self.labels(batch)})

    @torch.no_grad()
    def labels(self, batch: Batch) -> torch.Tensor:
        """Return the blended labels (B, 1, H, W) of a batch with image and mask; the masks as the control."""
        if self.config.mask_only:
            return batch["mask"]
        alpha, boundary = self.teacher.alpha_and_boundary(batch["image"])
        if self.first_teacher is not None:
            boundary = self.first_teacher.alpha_and_boundary(batch["image"])[1]
        boundary = boundary.float() if self.config.soft_boundary else hard_boundary(boundary.float())
        self._shares.append(boundary.mean())
        return blend_labels(alpha.float(), boundary, batch["mask"])

    def loss_terms(self, alpha: torch.Tensor, batch: Batch) -> Terms:
        """Return the two terms of alpha."""
        return alpha_terms(alpha, batch["alpha"])

    def on_train_epoch_start(self) -> None:
        """Forget the shares of the epoch before."""
        self._shares = []

    def training_step(self, batch: Batch, batch_idx: int) -> Any:
        """Return the loss of a batch, and log how much of its labels is the teacher's alpha."""
        loss = super().training_step(batch, batch_idx)
        if self._shares:
            self.log("blended_share", self._shares[-1], on_step=True, on_epoch=False)
        return loss

    def on_train_epoch_end(self) -> None:
        """Warn after the last epoch if its labels were the masks alone, or mostly the teacher's alpha."""
        if self.trainer.current_epoch + 1 != self.trainer.max_epochs or not self._shares:
            return
        share = float(torch.stack(self._shares).mean())
        covered = f"the boundary of teacher {self.config.teacher} covers {share:.2%} of the photographs"
        if share < LEAST_SHARE:
            warnings.warn(f"{covered}: the labels were the masks alone, as if mask_only were true", stacklevel=2)
        elif share > MOST_BLENDED:
            warnings.warn(f"{covered}: {BLENDED_MOSTLY}", stacklevel=2)

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


def balanced_l1_loss(boundary: torch.Tensor, is_true: torch.Tensor) -> torch.Tensor:
    """Return half the mean error where the true boundary is 1 and half the mean error where it is 0.

    A mean over no pixels is 0.
    """
    error = (boundary - is_true).abs()
    inside = (error * is_true).sum() / is_true.sum().clamp(min=1)
    outside = (error * (1 - is_true)).sum() / (1 - is_true).sum().clamp(min=1)
    return (inside + outside) / 2


def boundary_of(alpha: torch.Tensor) -> torch.Tensor:
    """Return 1 where alpha is above 0.05 and below 0.95, else 0, in the dtype of alpha."""
    low, high = BOUNDARY
    return ((alpha > low) & (alpha < high)).to(alpha.dtype)


def _architecture(network: torch.nn.Module) -> dict[str, tuple[int, ...]]:
    """Return the shapes of all tensors by name, without those of a boundary head."""
    return {
        name: tuple(tensor.shape) for name, tensor in network.state_dict().items() if not name.startswith(BOUNDARY_HEAD)
    }
