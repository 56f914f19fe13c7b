"""The samples to learn from and to score, out of a data set's name and folder."""

from pathlib import Path

from hybridmatte.data import Composites, MattingFolder, WithTrimaps, offers, open_named

__all__ = ["open_samples", "open_scored"]

PER_FOREGROUND = 20  # composites of a test foreground, as Composition-1k has them


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
        if config.trimap_band == 0 or offers(config.dataset, data, "trimap", split=split):
            return open_named(config.dataset, data, parts, split=split)
        label = "alpha" if "alpha" in parts or offers(config.dataset, data, "alpha", split=split) else "mask"
        samples = open_named(config.dataset, data, ("image", label), split=split)
        return WithTrimaps(samples, config.trimap_band, keep_alpha="alpha" in parts)
    if isinstance(data, (str, Path)):
        data = open_named(config.dataset, data, ("foreground", "alpha"), split=split)
    return Composites(data, _open_backgrounds(backgrounds), per_foreground=config.per_foreground,
                      combine=config.combine, seed=config.seed)


def open_scored(name, root, *, split=None, backgrounds=None):
    """Return the samples to score: image, alpha and, where the data set has them, trimap.

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
        parts = ["image", "alpha", *["trimap"] * offers(name, root, "trimap", split=split)]
        return open_named(name, root, parts, split=split)
    foregrounds = open_named(name, root, ("foreground", "alpha"), split=split)
    trimaps = None
    if (name, split) == ("composition-1k", "test") and offers(name, root, "trimap", split="test-trimaps"):
        trimaps = open_named(name, root, ("trimap",), split="test-trimaps")
    return Composites(foregrounds, _open_backgrounds(backgrounds), per_foreground=PER_FOREGROUND, trimaps=trimaps)


def _open_backgrounds(backgrounds):
    if isinstance(backgrounds, (str, Path)):
        return MattingFolder(backgrounds, ["background"], folders={"background": "."})
    return backgrounds
