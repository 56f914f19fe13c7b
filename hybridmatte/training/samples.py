"""What a run learns from and scores: data sets on disk, composites, photographs and streams."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Literal, TypeAlias, cast

import numpy as np
import numpy.typing as npt

from hybridmatte.data import (
    Composites,
    MattingFolder,
    Photographs,
    Sample,
    WithTrimaps,
    is_stream,
    offers,
    open_named,
)
from hybridmatte.data.checked_samples import CheckedSamples, Demands, refuse_empty
from hybridmatte.data.folders import Part
from hybridmatte.data.lazy_sequence import LazySequence
from hybridmatte.training.config import AlphaFreeConfig, DisentangledConfig, LabelledConfig
from hybridmatte.training.options import CompositeOptions, TrimapBandOptions
from hybridmatte.training.sources import PhotographSource, StreamSource

__all__ = [
    "Backgrounds",
    "Data",
    "alpha_or_mask",
    "open_backgrounds",
    "open_photographs",
    "open_samples",
    "open_scored",
]

PER_FOREGROUND = 20  # composites of a test foreground, as Composition-1k has them

Data: TypeAlias = "str | Path | Sequence[Sample] | Sequence[npt.NDArray[np.uint8]]"
Backgrounds: TypeAlias = "str | Path | Sequence[Sample] | None"


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
    band = config.trimap_band if isinstance(config, TrimapBandOptions) else 0
    if isinstance(data, (str, Path)):
        samples = _open_folder(config, data, parts, band)
    else:
        refuse_empty(data, "data")
        samples = cast("Sequence[Sample]", data)
        if band and getattr(samples[0], "trimap", None) is None:
            samples = WithTrimaps(samples, band, keep_alpha="alpha" in parts)
    samples = _first(samples, config.max_samples)
    known = isinstance(config, AlphaFreeConfig)
    return CheckedSamples(samples, Demands(parts, known, round(config.crop * config.smallest)))


def _open_folder(config: LabelledConfig, data: str | Path, parts: Sequence[Part], band: int) -> Sequence[Sample]:
    """Return the samples of a data set on disk, with trimaps made by a band if it has none."""
    dataset, split = config.dataset, config.split or None
    has = partial(offers, dataset, data, split=split)
    if "background" in parts and Path(data).is_dir() and not has("background"):
        raise ValueError(
            f"backgrounds are missing, expected photographs (--backgrounds) to composite the foregrounds "
            f"of {data} over: paradigm {config.paradigm!r} learns from composites"
        )
    if band == 0 or has("trimap"):
        return open_named(dataset, data, parts, split=split)
    label = "alpha" if "alpha" in parts else alpha_or_mask(dataset, data, split)
    return WithTrimaps(open_named(dataset, data, ("image", label), split=split), band, keep_alpha="alpha" in parts)


def _first(samples: Sequence[Sample], count: int) -> Sequence[Sample]:
    """Return the first samples, or all of them for a count of 0."""
    if count > len(samples):
        raise ValueError(f"data has {len(samples)} samples, expected at least max_samples, {count}")
    if count == 0 or isinstance(samples, (list, tuple)):
        return samples[:count] if count else samples
    return _First(samples, count)


class _First(LazySequence[Sample]):
    """The first samples of a sequence."""

    def __init__(self, samples: Sequence[Sample], count: int) -> None:
        self._samples, self._count = samples, count

    def __len__(self) -> int:
        return self._count

    def _item(self, index: int) -> Sample:
        return self._samples[range(self._count)[index]]


def alpha_or_mask(dataset: str, data: str | Path, split: str | None) -> Literal["alpha", "mask"]:
    """Return the label to read: the mask if a data set has that alone, and the alpha otherwise."""
    has = partial(offers, dataset, data, split=split)
    return "mask" if has("mask") and not has("alpha") else "alpha"


def _composites(config: LabelledConfig, data: Data, backgrounds: str | Path | Sequence[Sample]) -> Composites:
    """Return composites of a data set's foregrounds over backgrounds."""
    if not isinstance(config, CompositeOptions):
        raise ValueError(
            f"backgrounds came, expected none: paradigm {config.paradigm!r} learns from photographs with masks"
        )
    parts: tuple[Part, ...] = ("foreground", "alpha")
    if isinstance(data, (str, Path)):
        data = open_named(config.dataset, data, parts, split=config.split or None)
    foregrounds = CheckedSamples(_first(cast("Sequence[Sample]", data), config.max_samples), Demands(parts))
    return Composites(
        foregrounds,
        open_backgrounds(backgrounds),
        per_foreground=config.per_foreground,
        combine=config.combine,
        seed=config.seed,
    )


def open_scored(
    name: str,
    root: str | Path,
    *,
    split: str | None = None,
    backgrounds: Backgrounds = None,
    per_foreground: int = PER_FOREGROUND,
) -> Sequence[Sample]:
    """Return the samples to score: image, alpha and, where the data set has them, trimap and mask.

    With backgrounds, each foreground of the data set is composited over some of them, in order. Composition-1k's
    composites have the trimaps of its test set if these are there. Other trimaps are made from the alphas.

    Parameters
    ----------
    name, root, split
        See `hybridmatte.data.open_named`.
    backgrounds : str, path or sequence of Sample, optional
    per_foreground : int, default 20
        Composites of each foreground: 20 in Composition-1k and Distinctions-646, 5 in matte label blending's.

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
    return Composites(foregrounds, open_backgrounds(backgrounds), per_foreground=per_foreground, trimaps=trimaps)


def open_backgrounds(backgrounds: str | Path | Sequence[Sample]) -> Sequence[Sample]:
    """Return the photographs of a folder as samples with background; samples in memory are returned as they are."""
    if isinstance(backgrounds, (str, Path)):
        if not Path(backgrounds).is_dir():
            raise FileNotFoundError(f"backgrounds {backgrounds} do not exist, expected a folder of photographs")
        return MattingFolder(backgrounds, ["background"], folders={"background": "."})
    return CheckedSamples(backgrounds, Demands(("background",)), "backgrounds")
