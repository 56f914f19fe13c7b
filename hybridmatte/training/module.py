"""The LightningModules that all paradigms build on: optimiser, seeds, check of the loss, and validation."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar, cast

import lightning
import numpy as np
import numpy.typing as npt
import torch

from hybridmatte.data import Sample
from hybridmatte.data.folders import Part
from hybridmatte.networks.checkpoint import load_trained
from hybridmatte.training.config import LabelledConfig, TrainingConfig
from hybridmatte.training.optimizer import make_optimizer, rate_factor
from hybridmatte.training.samples import Backgrounds, Data, open_samples
from hybridmatte.training.scores import AnyNetwork, MattingScores, predict_sample
from hybridmatte.training.sources import SampleSource, Source

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Batch", "MattingModule", "TaughtModule", "Terms"]

Config = TypeVar("Config", bound=TrainingConfig)
Batch = dict[str, torch.Tensor]  # part of the samples to (B, C, H, W)
Terms = dict[str, torch.Tensor]  # name to a term of the loss, a scalar


class MattingModule(lightning.LightningModule, Generic[Config]):
    """A network in training.

    A paradigm is a subclass. It says in `parts` what it reads of each sample, makes the training crops in
    `open_source`, and gives the loss in `loss_terms`.

    Parameters
    ----------
    network : MattingNetwork
    config : TrainingConfig

    Attributes
    ----------
    parts : tuple of str
        Parts of a `Sample` that the paradigm needs. A network that takes a trimap needs that too.
    has_trimaps : bool
        Whether the paradigm has trimaps for a network that takes one.
    trains_boundary : bool
        Whether the paradigm trains a boundary head.
    has_unused_parameters : bool
        Whether a training step may leave parameters without a gradient.

    Raises
    ------
    FloatingPointError
        From a step whose loss is not finite. The step does not change the network.
    """

    parts: ClassVar[tuple[Part, ...]] = ()
    has_trimaps: ClassVar[bool] = True
    trains_boundary: ClassVar[bool] = False
    has_unused_parameters: ClassVar[bool] = False

    def __init__(self, network: AnyNetwork, config: Config):
        super().__init__()
        if getattr(network, "takes_trimap", False) and not self.has_trimaps:
            raise ValueError(
                f"network takes a trimap, expected one from the image alone: paradigm {config.paradigm!r} learns from "
                "photographs with masks"
            )
        self.network: Any = network
        if config.side:
            self.network.side = config.side
        self.config = config
        self.scores: Any = MattingScores()
        self._at_full_size: Terms = {}  # terms that are logged in place of the sums

    @classmethod
    def from_config(cls, network: AnyNetwork, config: Any) -> Self:
        """Return the module of a network, with all that its configuration names."""
        return cls(network, config)

    def finished(self) -> Any:
        """Return the trained network, in evaluation mode, with what is known of it."""
        network = self.network.eval()
        if getattr(network, "has_boundary", False):
            network.boundary_trained = self.trains_boundary
        return network

    def open_source(self, data: Data, backgrounds: Backgrounds) -> Source:
        """Return what to learn from; here crops of labelled samples, or of composites over the backgrounds.

        Parameters
        ----------
        data, backgrounds
            As `hybridmatte.training.train` takes them.
        """
        config = cast("LabelledConfig", self.config)  # DisentangledPretraining, which reads no labels, overrides this
        parts = self.parts
        if self.network.takes_trimap and "trimap" not in parts:
            parts = (*parts, "trimap")
        return SampleSource(config, open_samples(config, data, backgrounds, parts))

    def loss_terms(self, alpha: torch.Tensor, batch: Batch) -> Terms:
        """Return the terms of a batch by name. Their sum is the loss."""
        raise NotImplementedError

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:  # noqa: ARG002
        """Seed the network's random numbers by the step, so that a resumed run repeats the uninterrupted one."""
        torch.manual_seed(self.config.seed * 1_000_003 + self.trainer.fit_loop.total_batch_idx)

    def training_step(self, batch: Batch, batch_idx: int) -> Any:  # noqa: ARG002
        """Return the loss of a batch of crops, and log its terms."""
        terms = self.batch_terms(batch)
        loss = self.checked_sum(terms)
        self.log("loss", loss, prog_bar=True, on_step=True, on_epoch=False)
        shown = terms | self._at_full_size
        self.log_dict({f"loss/{name}": term for name, term in shown.items()}, on_step=True, on_epoch=False)
        return loss

    def batch_terms(self, batch: Batch) -> Terms:
        """Return the terms of a batch: `loss_terms` of each alpha that the network predicts, summed with its weight.

        Of a network with side alphas, ``loss/alpha`` is logged of the alpha at full size alone, without its weight.
        """
        trimap = batch["trimap"] if self.network.takes_trimap else None
        terms = {}
        for index, (weight, alpha) in enumerate(self.network.weighted_alphas(batch["image"], trimap)):
            with torch.autocast(self.device.type, enabled=False):
                own = self.loss_terms(alpha.float(), batch)
            if index == 0 and self.network.has_side_alphas and "alpha" in own:
                self._at_full_size = {"alpha": own["alpha"].detach()}
            for name, term in own.items():
                terms[name] = terms.get(name, 0.0) + weight * term
        return terms

    def checked_sum(self, terms: Terms) -> torch.Tensor:
        """Return the sum of the terms, or raise FloatingPointError if it is not finite."""
        loss = torch.as_tensor(sum(terms.values()))
        if not torch.isfinite(loss):
            came = ", ".join(f"{name} {term.item():g}" for name, term in terms.items())
            raise FloatingPointError(
                f"loss is {loss.item():g} at step {self.global_step} ({came}), expected a finite "
                "number; the last checkpoint is intact, try a lower learning_rate or clip"
            )
        return loss

    def validation_samples(self, samples: Sequence[Sample]) -> Sequence[Sample]:
        """Return the samples to score after each epoch, or raise ValueError if they lack what the network takes."""
        if len(samples) and self.network.takes_trimap and samples[0].trimap is None:
            raise ValueError(f"validation has no trimap of {samples[0].name}, expected one: the network takes trimaps")
        return samples

    def preview(self, sample: Sample) -> npt.NDArray[np.float32]:
        """Return the network's prediction for a whole sample, (H, W)."""
        return predict_sample(self.network, sample)

    def validation_step(self, batch: Sample, batch_idx: int) -> None:  # noqa: ARG002
        """Score one whole sample."""
        self.scores.update(self.preview(batch), batch.require("alpha"), batch.trimap)

    def on_validation_epoch_end(self) -> None:
        """Log the mean scores."""
        self.log_dict({f"validation/{name}": value for name, value in self.scores.compute().items()}, sync_dist=False)
        self.scores.reset()

    def configure_optimizers(self) -> Any:
        """Return AdamW, and its schedule by steps."""
        config = self.config
        optimizer = make_optimizer(
            self.network,
            learning_rate=config.learning_rate,
            weight_decay=config.weight_decay,
            layer_decay=config.layer_decay,
            betas=(config.beta1, config.beta2),
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": self.schedule(optimizer), "interval": "step"}}

    def schedule(self, optimizer: torch.optim.Optimizer) -> torch.optim.lr_scheduler.LambdaLR:
        """Return the schedule of an optimiser's learning rate, by steps."""
        config, last = self.config, int(self.trainer.estimated_stepping_batches)
        if config.warmup_steps >= last:
            raise ValueError(f"warmup_steps is {config.warmup_steps}, expected fewer than the run's {last} steps")
        if config.schedule == "cosine":
            factor = partial(rate_factor, warmup_steps=config.warmup_steps, last=last)
        else:
            steps = last // config.epochs
            factor = partial(
                rate_factor,
                warmup_steps=config.warmup_steps,
                decay=config.decay,
                milestones=[epoch * steps for epoch in config.milestones],
            )
        return torch.optim.lr_scheduler.LambdaLR(optimizer, factor)


class TaughtModule(MattingModule[Config]):
    """A network in training that learns from the alpha of a teacher.

    Parameters
    ----------
    network : MattingNetwork or JointInference
    config : RealConfig or BlendingConfig
    teacher : MattingNetwork
        It stays in evaluation mode, and no optimiser changes it.
    """

    def __init__(self, network: AnyNetwork, config: Config, teacher: AnyNetwork):
        super().__init__(network, config)
        self.teacher: Any = teacher.eval().requires_grad_(False)

    @classmethod
    def from_config(cls, network: AnyNetwork, config: Any) -> Self:
        """Return the module of a network, with the teacher that its configuration names."""
        return cls(network, config, load_trained(config.teacher, "teacher"))

    def train(self, mode: bool = True) -> Self:
        """Set training or evaluation mode of all but the teacher."""
        super().train(mode)
        self.teacher.eval()
        return self
