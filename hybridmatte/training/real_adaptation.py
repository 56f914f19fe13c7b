"""Adaptation of Net-T and Net-M to photographs that have masks alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch
from lightning.pytorch.core.optimizer import LightningOptimizer
from torch.nn.functional import cross_entropy
from torch.optim.lr_scheduler import LRScheduler

from hybridmatte._validation_torch import split_planes
from hybridmatte.data import AsRealTask, Sample
from hybridmatte.networks.discriminator import PatchDiscriminator
from hybridmatte.networks.joint_inference import fuse, trimap_of
from hybridmatte.networks.prediction import with_known
from hybridmatte.training.config import RealConfig
from hybridmatte.training.module import Batch, TaughtModule, Terms
from hybridmatte.training.nonlocal_matting import regression_terms
from hybridmatte.training.optimizer import parameter_groups
from hybridmatte.training.samples import Backgrounds, Data, open_backgrounds, open_samples
from hybridmatte.training.scores import AnyNetwork
from hybridmatte.training.sources import SampleSource, make_augmentation
from hybridmatte.training.trimap_generation import classes_of

__all__ = ["RealAdaptation"]


class RealAdaptation(TaughtModule[RealConfig]):
    """Train Net-T and Net-M together, through soft fusion, on photographs and masks.

    Net-T learns a pseudo trimap made from the mask. The coarse and the refined alpha learn that trimap where it is
    known, and the alpha of a teacher elsewhere. The refined alpha a also composes the photograph I over another
    background B, for a discriminator D that tells photographs from composites. The networks minimise
    ``(D(a I + (1 - a) B) - 1)^2 + w (cross-entropy + coarse + refined)``, where w falls by half every `halving_steps`
    steps. In the same step the discriminator minimises ``D(a I + (1 - a) B)^2 + (D(I) - 1)^2``.

    Parameters
    ----------
    network : JointInference
    config : RealConfig
    teacher : MattingNetwork
        With trimap input.

    References
    ----------
    .. [1] Y. Zhou, L. Zhou, T. L. Lam, Y. Xu. Semantic-guided automatic natural image matting with light-weight
       non-local attention. A.3.1, Eq. 6 and 7.
    """

    parts = ("image", "mask")
    has_unused_parameters = True  # the discriminator's in the networks' step, and the networks' in the discriminator's

    def __init__(self, network: AnyNetwork, config: RealConfig, teacher: AnyNetwork):
        super().__init__(network, config, teacher)
        if not getattr(teacher, "takes_trimap", False):
            raise ValueError(
                f"teacher is a {type(teacher).__name__} that takes no trimap, expected a network that does"
            )
        self.automatic_optimization = False
        self.discriminator = PatchDiscriminator()
        self._steps_taken = 0

    def open_source(self, data: Data, backgrounds: Backgrounds) -> SampleSource:
        """Return crops with a soft mask, a pseudo trimap, and a background out of another photograph."""
        if backgrounds is None:
            raise ValueError("backgrounds are missing, expected photographs to composite the objects over")
        augmentation = make_augmentation(self.config)
        task = AsRealTask(open_backgrounds(backgrounds), augmentation, self.config.mask_scale)
        return SampleSource(self.config, open_samples(self.config, data, None, self.parts), augmentation, task)

    def validation_samples(self, samples: Sequence[Sample]) -> Sequence[Sample]:
        """Return the samples, or raise ValueError if they have no mask."""
        if len(samples) and samples[0].mask is None:
            raise ValueError(f"validation has no mask of {samples[0].name}, expected one")
        return samples

    def preview(self, sample: Sample) -> npt.NDArray[np.float32]:
        """Return the alpha of a sample with image and mask."""
        return self.network.predict(sample.require("image"), sample.require("mask"))[0]

    def guidance_weight(self) -> float:
        """Return the weight, at the current step, of the losses against pseudo trimap and teacher."""
        return self.config.guidance_weight * 0.5 ** (self._steps_taken // self.config.halving_steps)

    def training_step(self, batch: Batch, batch_idx: int) -> None:  # noqa: ARG002
        """Take a step with both networks, and every so many steps one with the discriminator."""
        of_networks, of_discriminator = cast("list[LightningOptimizer]", self.optimizers())
        self.discriminator.requires_grad_(False)
        terms, composed = self.network_terms(batch)
        self._take_step(of_networks, self.checked_sum(terms))
        every = self.config.discriminator_steps
        if every and (self._steps_taken + 1) % every == 0:
            self.discriminator.requires_grad_(True)
            terms["discriminator"] = self.discriminator_loss(batch["image"], composed.detach())
            self._take_step(of_discriminator, terms["discriminator"])
        schedules = cast("list[LRScheduler]", self.lr_schedulers())
        schedules[0].step()
        for _ in range(every if "discriminator" in terms else 0):  # as far as that of the networks
            schedules[1].step()
        self._steps_taken += 1
        self.log("loss", self.checked_sum(terms), prog_bar=True)
        self.log_dict({f"loss/{name}": term for name, term in terms.items()})

    def network_terms(self, batch: Batch) -> tuple[Terms, torch.Tensor]:
        """Return the terms of both networks' loss, and the objects over the other backgrounds, (B, 3, H, W).

        Without discriminator there is no adversarial term, and the photographs are returned.
        """
        image = batch["image"]
        alphas, terms = self.guided_terms(batch)
        if not self.config.discriminator_steps:
            return terms, image
        alpha = alphas[-1].clamp(0, 1)
        composed = alpha * image + (1 - alpha) * batch["background"]
        return terms | {"adversarial": (self.discriminator(composed) - 1).square().mean()}, composed

    def guided_terms(self, batch: Batch) -> tuple[list[torch.Tensor], Terms]:
        """Return the fused alphas, coarse to refined, and the weighted terms against pseudo trimap and teacher."""
        image, trimap = batch["image"], batch["trimap"]
        logits = self.network.net_t(image, batch["mask"])
        probabilities = logits.float().softmax(dim=1)
        alphas = [
            fuse(probabilities, alpha.float(), "soft")
            for _, alpha in self.network.net_m.weighted_alphas(image, trimap_of(probabilities))
        ]
        with torch.no_grad():
            target = with_known(self.teacher(image, trimap).float(), trimap, split_planes(trimap)[2])
        terms = {"cross_entropy": cross_entropy(logits.float(), classes_of(trimap))}
        for alpha in alphas:
            for name, term in regression_terms(alpha, target, None, self.config.hard_percent).items():
                terms[name] = terms.get(name, 0.0) + term
        weight = self.guidance_weight()
        return alphas, {name: weight * term for name, term in terms.items()}

    def discriminator_loss(self, image: torch.Tensor, composed: torch.Tensor) -> torch.Tensor:
        """Return the discriminator's loss, whose targets are 1 for photographs and 0 for composites."""
        return self.discriminator(composed).square().mean() + (self.discriminator(image) - 1).square().mean()

    def _take_step(self, optimizer: LightningOptimizer, loss: torch.Tensor) -> None:
        """Take one step of an optimiser, with clipped gradients if the configuration has a limit."""
        optimizer.zero_grad()
        self.manual_backward(loss)
        if self.config.clip:
            self.clip_gradients(optimizer.optimizer, self.config.clip, "norm")
        optimizer.step()

    def configure_optimizers(self) -> Any:
        """Return the optimiser of both networks, each at its own learning rate, and the discriminator's."""
        config = self.config
        betas = config.beta1, config.beta2
        rates = (self.network.net_t, config.trimap_rate), (self.network.net_m, config.learning_rate)
        groups = [
            group
            for part, rate in rates
            for group in parameter_groups(part, learning_rate=rate, weight_decay=config.weight_decay)
        ]
        optimizers = [
            torch.optim.AdamW(groups, betas=betas),
            torch.optim.Adam(self.discriminator.parameters(), config.discriminator_rate, betas=betas),
        ]
        return optimizers, [self.schedule(optimizer) for optimizer in optimizers]

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the number of steps."""
        checkpoint["steps_taken"] = self._steps_taken

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Restore the number of steps."""
        self._steps_taken = checkpoint["steps_taken"]
