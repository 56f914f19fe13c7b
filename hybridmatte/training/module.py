"""What the paradigms share as LightningModules: optimiser, seeds, watch for NaN, and validation."""

from functools import partial

import lightning
import torch

from hybridmatte.training.optimizer import make_optimizer, rate_factor
from hybridmatte.training.scores import MattingScores, predict_sample

__all__ = ["MattingModule"]


class MattingModule(lightning.LightningModule):
    """A network in training; a paradigm gives ``parts``, what it reads of each sample, and ``loss_terms``.

    Parameters
    ----------
    network : MattingNetwork
    config : TrainingConfig

    Raises
    ------
    FloatingPointError
        From a step whose loss is not finite: the network is then not changed any more.
    """

    parts = ()
    leaves_unused = False  # whether a step may leave parameters without a gradient

    def __init__(self, network, config):
        super().__init__()
        self.network, self.config = network, config
        self.scores = MattingScores()

    def loss_terms(self, alpha, batch):
        """Return ``{name: term}`` of a batch, whose sum is the loss."""
        raise NotImplementedError

    def on_train_batch_start(self, batch, batch_index):  # noqa: ARG002
        """Seed what the network draws by the step, so that a run resumed is the run uninterrupted."""
        torch.manual_seed(self.config.seed * 1_000_003 + self.trainer.fit_loop.total_batch_idx)

    def training_step(self, batch, batch_index):  # noqa: ARG002
        """Return the loss of a batch of crops."""
        terms = self.batch_terms(batch)
        loss = self.checked_sum(terms)
        self.log("loss", loss, prog_bar=True, on_step=True, on_epoch=False)
        self.log_dict({f"loss/{name}": term for name, term in terms.items()}, on_step=True, on_epoch=False)
        return loss

    def batch_terms(self, batch):
        """Return ``{name: term}`` of a batch: `loss_terms` of each alpha that the network gives, weighted."""
        trimap = batch["trimap"] if self.network.takes_trimap else None
        terms = {}
        for weight, alpha in self.network.weighted_alphas(batch["image"], trimap):
            with torch.autocast(self.device.type, enabled=False):
                for name, term in self.loss_terms(alpha.float(), batch).items():
                    terms[name] = terms.get(name, 0.0) + weight * term
        return terms

    def checked_sum(self, terms):
        """Return the sum of terms, which must be finite."""
        loss = sum(terms.values())
        if not torch.isfinite(loss):
            came = ", ".join(f"{name} {term.item():g}" for name, term in terms.items())
            raise FloatingPointError(f"loss is {loss.item():g} at step {self.global_step} ({came}), expected a finite "
                                     "one; the last checkpoint is untouched, try a lower learning_rate or clip")
        return loss

    def validation_samples(self, samples):
        """Return the samples to score after every epoch, refused if they lack what the network takes."""
        if len(samples) and self.network.takes_trimap and samples[0].trimap is None:
            raise ValueError(f"validation has no trimap of {samples[0].name}, expected one: the network takes trimaps")
        return samples

    def preview(self, sample):
        """Return what the network makes of a whole sample, (H, W)."""
        return predict_sample(self.network, sample)

    def validation_step(self, batch, batch_index):  # noqa: ARG002
        """Score one whole sample."""
        self.scores.update(self.preview(batch), batch.alpha, batch.trimap)

    def on_validation_epoch_end(self):
        """Log the means."""
        self.log_dict({f"validation/{name}": value for name, value in self.scores.compute().items()}, sync_dist=False)
        self.scores.reset()

    def configure_optimizers(self):
        """Return AdamW and its schedule by steps."""
        config = self.config
        optimizer = make_optimizer(self.network, learning_rate=config.learning_rate, weight_decay=config.weight_decay,
                                   layer_decay=config.layer_decay, betas=(config.beta1, config.beta2))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": self.schedule(optimizer), "interval": "step"}}

    def schedule(self, optimizer):
        """Return the schedule of an optimiser, by steps."""
        config, last = self.config, self.trainer.estimated_stepping_batches
        if config.warmup_steps >= last:
            raise ValueError(f"warmup_steps is {config.warmup_steps}, expected fewer than the run's {last} steps")
        if config.schedule == "cosine":
            falls = {"last": last}
        else:
            steps = last // config.epochs
            falls = {"decay": config.decay, "milestones": [epoch * steps for epoch in config.milestones]}
        factor = partial(rate_factor, warmup_steps=config.warmup_steps, **falls)
        return torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
