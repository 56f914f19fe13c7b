"""What a run learns from and scores: data sets on disk, composites, photographs and streams, as training crops."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeAlias, cast

import numpy as np
import numpy.typing as npt
import torch

from hybridmatte.data import (
    Augmentation,
    Composites,
    FusedCrops,
    FusedStream,
    MattingFolder,
    Photographs,
    Sample,
    TrainingCrops,
    WithTrimaps,
    count_shards,
    fuse_photographs,
    is_stream,
    layers_of_photographs,
    offers,
    open_named,
    stream_photographs,
)
from hybridmatte.data.folders import Part
from hybridmatte.training.config import DisentangledConfig, LabelledConfig, TrainingConfig
from hybridmatte.training.options import CompositeOptions, TrimapBandOptions

__all__ = [
    "Backgrounds",
    "Data",
    "EpochPlan",
    "PhotographSource",
    "SampleSource",
    "Source",
    "StreamSource",
    "make_augmentation",
    "open_backgrounds",
    "open_photographs",
    "open_samples",
    "open_scored",
]

PER_FOREGROUND = 20  # composites of a test foreground, as Composition-1k has them

Data: TypeAlias = "str | Path | Sequence[Sample] | Sequence[npt.NDArray[np.uint8]]"
Backgrounds: TypeAlias = "str | Path | Sequence[Sample] | None"
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
    )


def make_augmentation(config: TrainingConfig) -> Augmentation:
    """Return the augmentation of a configuration."""
    return Augmentation(
        crop=config.crop,
        sizes=(config.smallest, config.largest),
        unknown=config.unknown,
        degrees=config.degrees,
        shear=config.shear,
        brightness=config.brightness,
        contrast=config.contrast,
        saturation=config.saturation,
        hue=config.hue,
    )


def open_photographs(config: DisentangledConfig, data: Data) -> PhotographSource | StreamSource:
    """Return the photographs of a folder, of a stream, or in memory, to be fused in pairs.

    Parameters
    ----------
    config : DisentangledConfig
    data : str, path or sequence of (h, w, 3) arrays
        For streams see `hybridmatte.data.stream_photographs`.

    Returns
    -------
    source : PhotographSource or StreamSource
    """
    if not isinstance(data, (str, Path)):
        return PhotographSource(config, cast("Sequence[npt.NDArray[np.uint8]]", data))
    if is_stream(str(data)):
        return StreamSource(config, str(data))
    return PhotographSource(config, Photographs(data, wanted=round(config.crop * config.smallest)))


def open_samples(
    config: LabelledConfig, data: Data, backgrounds: Backgrounds, parts: Sequence[Part]
) -> Sequence[Sample]:
    """Return the samples to learn from: those of a data set, or composites of its foregrounds over backgrounds.

    Parameters
    ----------
    config : LabelledConfig
        Its options dataset, split, trimap_band, per_foreground, combine and seed matter.
    data : str, path or sequence of Sample
        Samples in memory are returned as they are, or, with backgrounds, are the foregrounds.
    backgrounds : str, path, sequence of Sample or None
    parts : sequence of str
        Parts that are needed of each sample.

    Returns
    -------
    samples : sequence of Sample
    """
    if backgrounds is not None:
        return _composites(config, data, backgrounds)
    if not isinstance(data, (str, Path)):
        return cast("Sequence[Sample]", data)
    dataset, split = config.dataset, config.split or None
    has = partial(offers, dataset, data, split=split)
    if "background" in parts and Path(data).is_dir() and not has("background"):
        raise ValueError(
            f"backgrounds are missing, expected photographs (--backgrounds) to composite the foregrounds "
            f"of {data} over: paradigm {config.paradigm!r} learns from composites"
        )
    band = config.trimap_band if isinstance(config, TrimapBandOptions) else 0
    if band == 0 or has("trimap"):
        return open_named(dataset, data, parts, split=split)
    label = "alpha" if "alpha" in parts or has("alpha") else "mask"
    return WithTrimaps(open_named(dataset, data, ("image", label), split=split), band, keep_alpha="alpha" in parts)


def _composites(config: LabelledConfig, data: Data, backgrounds: str | Path | Sequence[Sample]) -> Composites:
    """Return composites of a data set's foregrounds over backgrounds."""
    if not isinstance(config, CompositeOptions):
        raise ValueError(
            f"backgrounds came, expected none: paradigm {config.paradigm!r} learns from photographs with masks"
        )
    if isinstance(data, (str, Path)):
        data = open_named(config.dataset, data, ("foreground", "alpha"), split=config.split or None)
    foregrounds = cast("Sequence[Sample]", data)
    return Composites(
        foregrounds,
        open_backgrounds(backgrounds),
        per_foreground=config.per_foreground,
        combine=config.combine,
        seed=config.seed,
    )


def open_scored(
    name: str, root: str | Path, *, split: str | None = None, backgrounds: Backgrounds = None
) -> Sequence[Sample]:
    """Return the samples to score: image, alpha and, where the data set has them, trimap and mask.

    With backgrounds, each foreground of the data set is composited over 20 of them, in order. Composition-1k's
    composites have the trimaps of its test set if these are there. Other trimaps are made from the alphas.

    Parameters
    ----------
    name, root, split
        See `hybridmatte.data.open_named`.
    backgrounds : str, path or sequence of Sample, optional

    Returns
    -------
    samples : sequence of Sample
    """
    if backgrounds is None:
        optional: tuple[Part, ...] = ("trimap", "mask")
        parts: list[Part] = ["image", "alpha", *(part for part in optional if offers(name, root, part, split=split))]
        return open_named(name, root, parts, split=split)
    foregrounds = open_named(name, root, ("foreground", "alpha"), split=split)
    trimaps = None
    if (name, split) == ("composition-1k", "test") and offers(name, root, "trimap", split="test-trimaps"):
        trimaps = open_named(name, root, ("trimap",), split="test-trimaps")
    return Composites(foregrounds, open_backgrounds(backgrounds), per_foreground=PER_FOREGROUND, trimaps=trimaps)


def open_backgrounds(backgrounds: str | Path | Sequence[Sample]) -> Sequence[Sample]:
    """Return the photographs of a folder as samples with background; samples in memory are returned as they are."""
    if isinstance(backgrounds, (str, Path)):
        if not Path(backgrounds).is_dir():
            raise FileNotFoundError(f"backgrounds {backgrounds} do not exist, expected a folder of photographs")
        return MattingFolder(backgrounds, ["background"], folders={"background": "."})
    return backgrounds
