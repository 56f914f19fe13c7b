"""The LightningDataModule of training: the crops of each epoch, and the samples for validation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import lightning
from torch.utils.data import DataLoader, Dataset, DistributedSampler, IterableDataset

from hybridmatte.data import Sample, collate, unpack
from hybridmatte.linalg.threads import limit_threads
from hybridmatte.training.config import TrainingConfig
from hybridmatte.training.sources import EpochPlan, Source

__all__ = ["CropsModule"]


class CropsModule(lightning.LightningDataModule):
    """The crops of each epoch, numbered on from those of the epoch before.

    Parameters
    ----------
    config : TrainingConfig
    source : Source
    workers : int
        Processes that prepare crops, for each device.
    validation : sequence of Sample, optional
    """

    def __init__(
        self, config: TrainingConfig, source: Source, workers: int, validation: Sequence[Sample] | None = None
    ):
        super().__init__()
        self._config, self._source, self._workers = config, source, workers
        self._validation = [] if validation is None else validation

    def train_dataloader(self) -> DataLoader[Any]:
        """Return the loader of the trainer's current epoch."""
        plan = self._plan()
        crops = self._source.crops(plan)
        # The processes take crops in turn, so that all of them together make the step that one process would make.
        sampler = (
            None
            if isinstance(crops, IterableDataset)
            else DistributedSampler(crops, plan.processes, plan.process, shuffle=False)
        )
        return DataLoader(
            crops,
            sampler=sampler,
            batch_size=plan.batch_size,
            num_workers=plan.workers,
            collate_fn=collate,
            worker_init_fn=start_worker,
        )

    def _plan(self) -> EpochPlan:
        """Return the plan of the trainer's current epoch."""
        config, trainer = self._config, cast("lightning.Trainer", self.trainer)
        step_crops = config.batch_size * config.accumulate * trainer.world_size
        steps = config.epoch_steps or max((self._source.n_samples or 0) // step_crops, 1)
        return EpochPlan(
            trainer.current_epoch,
            steps,
            step_crops,
            config.batch_size,
            trainer.global_rank,
            trainer.world_size,
            self._workers,
        )

    def val_dataloader(self) -> DataLoader[Sample]:
        """Return the samples for validation, one by one."""
        samples = cast("Dataset[Sample]", self._validation)
        return DataLoader(samples, batch_size=None, collate_fn=lambda sample: sample)

    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:  # noqa: ARG002
        """Return crops in float32, composed if they came as layers in bytes; samples for validation as they are."""
        return unpack(batch) if isinstance(batch, dict) else batch

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint keeps: the number of samples."""
        return {"samples": self._source.n_samples}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Raise ValueError if the run to resume had another number of samples."""
        if state_dict != self.state_dict():
            now, before = (
                "no end" if known["samples"] is None else f"{known['samples']} samples"
                for known in (self.state_dict(), state_dict)
            )
            raise ValueError(f"data has {now} but the run had {before}, expected the same to resume")


def start_worker(_number: int) -> None:
    """Keep a worker of a loader to one thread, as torch does with its own: the other cores have workers, too."""
    limit_threads(1)
