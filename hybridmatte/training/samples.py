"""The samples to learn from and to score, out of a data set's name and folder."""

from functools import partial
from pathlib import Path

import numpy as np

from hybridmatte.data import (
    AsMaskTask,
    AsRealTask,
    AsTrimapTask,
    AsTwoViews,
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
    without_colours,
)

__all__ = ["PhotographSource", "SampleSource", "StreamSource", "open_samples", "open_scored", "open_source"]

PER_FOREGROUND = 20  # composites of a test foreground, as Composition-1k has them


class SampleSource:
    """Samples with labels, learned from in augmented crops, which `finish` may turn into another task."""

    is_stream = False

    def __init__(self, config, samples, augmentation, finish=None):
        self._samples, self._config, self._augmentation, self._finish = samples, config, augmentation, finish
        self._uncut = samples.layers() if isinstance(samples, Composites) else samples

    def __len__(self):
        """Return the number of samples."""
        return len(self._samples)

    def crops(self, start, count, step):
        """Return the data set of the crops number `start` to ``start + count - 1``, `step` of them a step."""
        return TrainingCrops(self._uncut, self._augmentation, seed=self._config.seed, start=start, count=count,
                             finish=self._finish, largest=self._config.crop_largest, step=step)

    def examples(self, count):
        """Return some samples to look at."""
        samples = [self._samples[index] for index in range(min(count, len(self._samples)))]
        if self._finish is None:
            return samples
        done = (self._finish(sample, np.random.default_rng(self._config.seed)) for sample in samples)
        return [Sample("example", image=sample["image"], mask=sample["mask"]) if isinstance(sample, dict) else sample
                for sample in done]


class PhotographSource:
    """Photographs without labels, learned from in fused pairs."""

    is_stream = False

    def __init__(self, config, photographs):
        if len(photographs) < 2:
            raise ValueError(f"there are {len(photographs)} photographs, expected at least 2")
        self._photographs, self._config = photographs, config

    def __len__(self):
        """Return the number of photographs."""
        return len(self._photographs)

    def crops(self, start, count, step):  # noqa: ARG002
        """Return the data set of the fused pairs number `start` to ``start + count - 1``."""
        return FusedCrops(self._photographs, _fusion(self._config), seed=self._config.seed, start=start, count=count)

    def examples(self, count):
        """Return some samples to look at."""
        generator = np.random.default_rng(self._config.seed)
        fuse = _fusion(self._config, fuse_photographs)
        return [fuse(self._photographs[index], self._photographs[index + 1], generator=generator)
                for index in range(min(count, len(self._photographs) - 1))]


class StreamSource:
    """An endless stream of photographs, learned from in fused pairs; it is shuffled anew in every epoch."""

    is_stream = True

    def __init__(self, config, name):
        if config.epoch_steps == 0:
            raise ValueError("epoch_steps is 0, expected at least 1 for a stream of photographs, which has no end")
        self._name, self._config, self.n_shards = name, config, count_shards(name)

    def crops(self, epoch, batches, share):
        """Return the data set of an epoch's fused pairs; share: number of this process, and of all."""
        seed = self._config.seed * 1_000_003 + epoch
        return FusedStream(partial(stream_photographs, self._name, share=share), _fusion(self._config),
                           seed=seed, process=share[0], batches=batches, batch_size=self._config.batch_size)

    def examples(self, count):  # noqa: ARG002
        """Return none: what a stream begins with is not known before."""
        return []


def _fusion(config, function=layers_of_photographs):
    return partial(function, augmentation=make_augmentation(config), grid=config.grid,
                   unknown=config.unknown_cells, level=config.alpha_level)


def make_augmentation(config):
    """Return the augmentation of a configuration."""
    names = ("crop", "unknown", "degrees", "shear", "brightness", "contrast", "saturation", "hue")
    return Augmentation(sizes=(config.smallest, config.largest), **{name: getattr(config, name) for name in names})


def open_source(config, data, backgrounds, parts):
    """Return what to learn from; see `open_samples`, and for pre-training `hybridmatte.data.stream_photographs`.

    Returns
    -------
    source : SampleSource, PhotographSource or StreamSource
    """
    if config.paradigm == "disentangled" and backgrounds is not None:
        raise ValueError(f"backgrounds {backgrounds} came, expected none: pre-training fuses the photographs of data")
    augmentation = make_augmentation(config)
    if config.paradigm == "real":
        if backgrounds is None:
            raise ValueError("backgrounds are missing, expected photographs to put the objects over")
        finish = AsRealTask(_open_backgrounds(backgrounds), augmentation, config.mask_scale)
        return SampleSource(config, open_samples(config, data, None, parts), augmentation, finish)
    if config.paradigm != "disentangled":
        samples = open_samples(config, data, backgrounds, parts)
        if config.paradigm == "blending":
            return SampleSource(config, samples, without_colours(augmentation), AsTwoViews(augmentation))
        finish = {"trimap": AsTrimapTask(config.mask_scale), "segmentation": AsMaskTask()}.get(config.paradigm)
        return SampleSource(config, samples, augmentation, finish)
    if not isinstance(data, (str, Path)):
        return PhotographSource(config, data)
    if is_stream(str(data)):
        return StreamSource(config, str(data))
    return PhotographSource(config, Photographs(data, wanted=round(config.crop * config.smallest)))


def open_samples(config, data, backgrounds, parts):
    """Return the samples to learn from: those of a data set, or composites of its foregrounds over backgrounds.

    Parameters
    ----------
    config : TrainingConfig
        Of which dataset, split, trimap_band, per_foreground, combine and seed matter.
    data : str, path or sequence of Sample
        Samples are returned as they are, unless they are foregrounds for the backgrounds.
    backgrounds : str, path, sequence of Sample or None
    parts : sequence of str
        What is wanted of each sample.

    Returns
    -------
    samples : sequence of Sample
    """
    split = config.split or None
    if backgrounds is None:
        if not isinstance(data, (str, Path)):
            return data
        is_there = Path(data).is_dir()
        if is_there and "background" in parts and not offers(config.dataset, data, "background", split=split):
            raise ValueError(f"backgrounds are missing, expected photographs (--backgrounds) to put the foregrounds of "
                             f"{data} over: {config.paradigm} learns from composites of foreground and alpha")
        if config.trimap_band == 0 or "trimap" not in parts or offers(config.dataset, data, "trimap", split=split):
            return open_named(config.dataset, data, parts, split=split)
        label = "alpha" if "alpha" in parts or offers(config.dataset, data, "alpha", split=split) else "mask"
        samples = open_named(config.dataset, data, ("image", label), split=split)
        return WithTrimaps(samples, config.trimap_band, keep_alpha="alpha" in parts)
    if isinstance(data, (str, Path)):
        data = open_named(config.dataset, data, ("foreground", "alpha"), split=split)
    return Composites(data, _open_backgrounds(backgrounds), per_foreground=config.per_foreground,
                      combine=config.combine, seed=config.seed)


def open_scored(name, root, *, split=None, backgrounds=None):
    """Return the samples to score: image, alpha and, where the data set has them, trimap and mask.

    With backgrounds, the data set's foregrounds are composited over them in order, 20 times each. Composition-1k's
    composites have the trimaps of its own test set if those are there; else trimaps are made from the alphas.

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
        parts = ["image", "alpha", *(part for part in ("trimap", "mask") if offers(name, root, part, split=split))]
        return open_named(name, root, parts, split=split)
    foregrounds = open_named(name, root, ("foreground", "alpha"), split=split)
    trimaps = None
    if (name, split) == ("composition-1k", "test") and offers(name, root, "trimap", split="test-trimaps"):
        trimaps = open_named(name, root, ("trimap",), split="test-trimaps")
    return Composites(foregrounds, _open_backgrounds(backgrounds), per_foreground=PER_FOREGROUND, trimaps=trimaps)


def _open_backgrounds(backgrounds):
    if isinstance(backgrounds, (str, Path)):
        if not Path(backgrounds).is_dir():
            raise FileNotFoundError(f"backgrounds {backgrounds} do not exist, expected a folder of photographs")
        return MattingFolder(backgrounds, ["background"], folders={"background": "."})
    return backgrounds
