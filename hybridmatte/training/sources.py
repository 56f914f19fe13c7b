"""What a run takes its training crops from: labelled samples, photographs fused in pairs, or a stream of these."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
import torch

from hybridmatte.data import (
    Augmentation,
    Composites,
    FusedCrops,
    FusedStream,
    Sample,
    TrainingCrops,
    count_shards,
    fuse_photographs,
    layers_of_photographs,
    stream_photographs,
)
from hybridmatte.data.checked_samples import warn_of_small
from hybridmatte.training.config import DisentangledConfig, LabelledConfig, TrainingConfig

__all__ = ["EpochPlan", "PhotographSource", "SampleSource", "Source", "StreamSource", "make_augmentation"]

Task: TypeAlias = Callable[[Sample, np.random.Generator], "Sample | dict[str, npt.NDArray[np.float32]]"]


class EpochPlan(NamedTuple):
    """The batches of one epoch, and how processes and their workers share them.

    Attributes
    ----------
    epoch : int
    steps : int
        Optimiser steps in the epoch.
    step_crops : int
        Crops in an optimiser step, of all processes together.
    batch_size : int
        Crops in a batch of one process.
    process, processes : int
        Number of this process, and how many train together.
    workers : int
        Processes that prepare crops for each process; 0 where it prepares its own.
    """

    epoch: int
    steps: int
    step_crops: int
    batch_size: int
    process: int = 0
    processes: int = 1
    workers: int = 0

    @property
    def crops(self) -> int:
        """Crops in the epoch, of all processes together."""
        return self.steps * self.step_crops


class Source(Protocol):
    """What a run learns from."""

    @property
    def n_samples(self) -> int | None:
        """Number of samples; None for a stream, which has no end."""

    def crops(self, plan: EpochPlan) -> torch.utils.data.Dataset[Any]:
        """Return the crops of an epoch: those of all processes, or of this one if they can only be iterated over."""
        ...

    def examples(self, count: int) -> list[Sample]:
        """Return at most `count` samples to show in TensorBoard."""
        ...


class SampleSource:
    """Labelled samples, as augmented crops.

    Parameters
    ----------
    config : LabelledConfig
    samples : sequence of Sample
    augmentation : Augmentation, optional
        `make_augmentation` of the configuration by default.
    task : callable, optional
        ``task(sample, generator)`` turns a crop into what the network learns from, e.g. `hybridmatte.data.AsMaskTask`.
    """

    def __init__(
        self,
        config: LabelledConfig,
        samples: Sequence[Sample],
        augmentation: Augmentation | None = None,
        task: Task | None = None,
    ):
        self._config, self._samples, self._task = config, samples, task
        self._augmentation = make_augmentation(config) if augmentation is None else augmentation
        self._uncut = samples.layers() if isinstance(samples, Composites) else samples
        self.n_samples = len(samples)

    def crops(self, plan: EpochPlan) -> TrainingCrops:
        """Return the crops of an epoch, numbered on from those of the epoch before."""
        return TrainingCrops(
            self._uncut,
            self._augmentation,
            seed=self._config.seed,
            start=plan.epoch * plan.crops,
            count=plan.crops,
            finish=self._task,
            largest=self._config.crop_largest,
            step=plan.step_crops,
        )

    def examples(self, count: int) -> list[Sample]:
        """Return the first samples, whole."""
        samples = [self._samples[index] for index in range(min(count, len(self._samples)))]
        return samples if self._task is None else [self._example(self._task, sample) for sample in samples]

    def _example(self, task: Task, sample: Sample) -> Sample:
        """Return what the network learns from a whole sample."""
        made = task(sample, np.random.default_rng(self._config.seed))
        return Sample("example", image=made["image"], mask=made["mask"]) if isinstance(made, dict) else made


class PhotographSource:
    """Photographs without labels, fused in pairs.

    Parameters
    ----------
    config : DisentangledConfig
    photographs : sequence of (h, w, 3) arrays
        At least 2.
    """

    def __init__(self, config: DisentangledConfig, photographs: Sequence[npt.NDArray[np.uint8]]):
        if len(photographs) < 2:
            raise ValueError(f"data has {len(photographs)} photographs, expected at least 2")
        if isinstance(photographs, (list, tuple)):
            shapes = [np.shape(photograph) for photograph in photographs]
            warn_of_small(shapes, round(config.crop * config.smallest), "photographs of data")
        self._photographs, self._config, self.n_samples = photographs, config, len(photographs)

    def crops(self, plan: EpochPlan) -> FusedCrops:
        """Return the fused pairs of an epoch, numbered on from those of the epoch before."""
        return FusedCrops(
            self._photographs,
            _with_fusion_options(layers_of_photographs, self._config),
            seed=self._config.seed,
            start=plan.epoch * plan.crops,
            count=plan.crops,
        )

    def examples(self, count: int) -> list[Sample]:
        """Return fused pairs of neighbouring photographs."""
        generator = np.random.default_rng(self._config.seed)
        fuse = _with_fusion_options(fuse_photographs, self._config)
        return [
            fuse(self._photographs[index], self._photographs[index + 1], generator=generator)
            for index in range(min(count, len(self._photographs) - 1))
        ]


class StreamSource:
    """An endless stream of photographs, fused in pairs. Each epoch draws it in a new order.

    Parameters
    ----------
    config : DisentangledConfig
        Its epoch_steps must not be 0.
    name : str
        See `hybridmatte.data.stream_photographs`.
    """

    n_samples = None

    def __init__(self, config: DisentangledConfig, name: str):
        if config.epoch_steps == 0:
            raise ValueError("epoch_steps is 0, expected at least 1 for a stream of photographs, which has no end")
        self._name, self._config, self._n_shards = name, config, count_shards(name)

    def crops(self, plan: EpochPlan) -> FusedStream:
        """Return this process's fused pairs of an epoch."""
        readers = plan.processes * max(plan.workers, 1)
        if self._n_shards is not None and self._n_shards < readers:
            raise ValueError(
                f"data has {self._n_shards} shards for {readers} reading processes, expected at least one "
                "shard for each"
            )
        share = plan.process, plan.processes
        return FusedStream(
            partial(stream_photographs, self._name, share=share),
            _with_fusion_options(layers_of_photographs, self._config),
            seed=self._config.seed * 1_000_003 + plan.epoch,
            process=plan.process,
            batches=plan.crops // (plan.processes * plan.batch_size),
            batch_size=plan.batch_size,
        )

    def examples(self, count: int) -> list[Sample]:  # noqa: ARG002
        """Return no samples: reading the stream for them would take too long."""
        return []


def _with_fusion_options(function: Callable[..., Sample], config: DisentangledConfig) -> Callable[..., Sample]:
    """Return `fuse_photographs` or `layers_of_photographs` with the options of a configuration."""
    return partial(
        function,
        augmentation=make_augmentation(config),
        grid=config.grid,
        unknown=config.unknown_cells,
        level=config.alpha_level,
        asymmetric=config.asymmetric,
    )


def make_augmentation(config: TrainingConfig) -> Augmentation:
    """Return the augmentation of a configuration."""
    return Augmentation(
        crop=config.crop,
        sizes=(config.smallest, config.largest),
        unknown=config.unknown,
        flip=config.flip,
        degrees=config.degrees,
        shear=config.shear,
        brightness=config.brightness,
        contrast=config.contrast,
        saturation=config.saturation,
        hue=config.hue,
    )
