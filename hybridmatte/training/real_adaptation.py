"""Adaptation of Net-T and Net-M to photographs with masks alone: a teacher, pseudo trimaps and a discriminator."""

import torch
from torch.nn.functional import cross_entropy

from hybridmatte._validation_torch import split_planes
from hybridmatte.networks.discriminator import PatchDiscriminator
from hybridmatte.networks.joint_inference import fuse, trimap_of
from hybridmatte.networks.prediction import with_known
from hybridmatte.training.module import MattingModule
from hybridmatte.training.nonlocal_matting import regression_terms
from hybridmatte.training.optimizer import parameter_groups
from hybridmatte.training.trimap_generation import classes_of

__all__ = ["RealAdaptation"]


class RealAdaptation(MattingModule):
    """Learn from photographs and masks, end to end through soft fusion.

    The trimap is taught by one made from the mask, the coarse and the refined alpha by that trimap where it is known
    and by a teacher that sees it elsewhere, and the refined alpha by a discriminator, which is to take the object over
    another background for a photograph:
    ``(D(a I + (1 - a) B) - 1)^2 + w (cross-entropy + coarse + refined)``, where w falls by half every `halving_steps`
    steps. The discriminator learns ``D(a I + (1 - a) B)^2 + (D(I) - 1)^2`` in the same step.

    Parameters
    ----------
    network : JointInference
    config : TrainingConfig
        Of which learning_rate is Net-M's, trimap_rate Net-T's and discriminator_rate the discriminator's.
    teacher : MattingNetwork
        With trimap input; it is not changed.

    References
    ----------
    .. [1] Y. Zhou, L. Zhou, T. L. Lam, Y. Xu. Semantic-guided automatic natural image matting with light-weight
       non-local attention. A.3.1, Eq. 6 and 7.
    """

    parts = ("image", "mask")
    automatic_optimization = False
    leaves_unused = True  # each optimiser leaves the other's

    def __init__(self, network, config, teacher):
        super().__init__(network, config)
        if not getattr(teacher, "takes_trimap", False):
            raise ValueError(f"teacher is a {type(teacher).__name__} that takes no trimap, expected a network that "
                             "does")
        self.teacher = teacher.eval().requires_grad_(False)
        self.discriminator = PatchDiscriminator()
        self._step = 0

    def train(self, mode=True):
        """Be in training mode or not, the teacher never."""
        super().train(mode)
        self.teacher.eval()
        return self

    def validation_samples(self, samples):
        """Return the samples, refused if they have no mask."""
        if len(samples) and samples[0].mask is None:
            raise ValueError(f"validation has no mask of {samples[0].name}, expected one")
        return samples

    def preview(self, sample):
        """Return the alpha of a sample with image and mask."""
        return self.network.predict(sample.image, sample.mask)[0]

    def guidance(self):
        """Return the weight of what masks and teacher say, at the current step."""
        return self.config.guidance_weight * 0.5 ** (self._step // self.config.halving_steps)

    def training_step(self, batch, batch_index):  # noqa: ARG002
        """Take a step with both networks, then one with the discriminator."""
        generator, judge = self.optimizers()
        self.discriminator.requires_grad_(False)
        terms, composed = self.generator_terms(batch)
        self._take(generator, self.checked_sum(terms))
        self.discriminator.requires_grad_(True)
        terms |= {"discriminator": self.judge_loss(batch["image"], composed.detach())}
        self._take(judge, terms["discriminator"])
        for schedule in self.lr_schedulers():
            schedule.step()
        self._step += 1
        self.log("loss", self.checked_sum(terms), prog_bar=True)
        self.log_dict({f"loss/{name}": term for name, term in terms.items()})

    def generator_terms(self, batch):
        """Return the terms that both networks are charged, and the object over the other background."""
        image, trimap = batch["image"], batch["trimap"]
        logits = self.network.net_t(image, batch["mask"])
        probabilities = logits.float().softmax(dim=1)
        alphas = [fuse(probabilities, alpha.float(), "soft")
                  for _, alpha in self.network.net_m.weighted_alphas(image, trimap_of(probabilities))]
        with torch.no_grad():
            taught = with_known(self.teacher(image, trimap).float(), trimap, split_planes(trimap)[2])
        terms = {"cross_entropy": cross_entropy(logits.float(), classes_of(trimap))}
        for alpha in alphas:
            for name, term in regression_terms(alpha, taught, None, self.config.hard_percent).items():
                terms[name] = terms.get(name, 0.0) + term
        terms = {name: self.guidance() * term for name, term in terms.items()}
        alpha = alphas[-1].clamp(0, 1)
        composed = alpha * image + (1 - alpha) * batch["background"]
        return terms | {"adversarial": (self.discriminator(composed) - 1).square().mean()}, composed

    def judge_loss(self, image, composed):
        """Return what the discriminator is charged: 1 for photographs, 0 for objects over another background."""
        return self.discriminator(composed).square().mean() + (self.discriminator(image) - 1).square().mean()

    def _take(self, optimizer, loss):
        optimizer.zero_grad()
        self.manual_backward(loss)
        if self.config.clip:
            self.clip_gradients(optimizer, self.config.clip, "norm")
        optimizer.step()

    def configure_optimizers(self):
        """Return the networks' optimiser, each part at its own rate, and the discriminator's."""
        config = self.config
        betas = config.beta1, config.beta2
        groups = [group for part, rate in ((self.network.net_t, config.trimap_rate),
                                           (self.network.net_m, config.learning_rate))
                  for group in parameter_groups(part, learning_rate=rate, weight_decay=config.weight_decay)]
        generator = torch.optim.AdamW(groups, betas=betas)
        judge = torch.optim.Adam(self.discriminator.parameters(), config.discriminator_rate, betas=betas)
        return [generator, judge], [self.schedule(optimizer) for optimizer in (generator, judge)]

    def on_save_checkpoint(self, checkpoint):
        """Keep the number of steps."""
        checkpoint["steps_taken"] = self._step

    def on_load_checkpoint(self, checkpoint):
        """Go on counting."""
        self._step = checkpoint["steps_taken"]
