"""Composites of foregrounds over backgrounds, for training and testing."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from hybridmatte._validation import check_integer, check_number
from hybridmatte.data.augmentation import random_trimap
from hybridmatte.data.folders import MattingFolder, Sample
from hybridmatte.data.lazy_sequence import LazySequence
from hybridmatte.foreground import composite

__all__ = ["Composites", "combine_foregrounds", "composite_sample", "fit_background"]


class Composites(LazySequence[Sample]):
    """Every foreground over several backgrounds, in the order of Composition-1k.

    Composite k has foreground ``k // per_foreground`` and background k; if there are fewer backgrounds, they repeat.
    Each composite depends on its number and the seed alone.

    Parameters
    ----------
    foregrounds : sequence of Sample
        With foreground and alpha.
    backgrounds : sequence of Sample
        With background.
    per_foreground : int, default 20
        Number of composites of each foreground: 20 in the standard test set, 100 in the training set.
    trimaps : MattingFolder, optional
        Trimaps of the composites, named ``<foreground>_<number>`` as in Composition-1k's test set. By default a
        foreground's own trimap is kept; without one, `random_trimap` makes it.
    combine : float, default 0
        Probability that another foreground is placed behind the first, as is usual in training. The combination gets a
        new trimap.
    seed : int, default 0
        Seed of all random choices.

    References
    ----------
    .. [1] N. Xu, B. Price, S. Cohen, T. Huang. Deep image matting. CVPR 2017. Section 3.
    """

    def __init__(
        self,
        foregrounds: Sequence[Sample],
        backgrounds: Sequence[Sample],
        *,
        per_foreground: int = 20,
        trimaps: MattingFolder | None = None,
        combine: float = 0.0,
        seed: int = 0,
    ) -> None:
        if not len(foregrounds) or not len(backgrounds):
            raise ValueError(
                f"there are {len(foregrounds)} foregrounds and {len(backgrounds)} backgrounds, expected "
                "at least one of each"
            )
        self._foregrounds, self._backgrounds, self._trimaps, self._seed = foregrounds, backgrounds, trimaps, seed
        self._trimap_of = {} if trimaps is None else {name: index for index, name in enumerate(trimaps.names)}
        self._per_foreground = check_integer(per_foreground, "per_foreground", low=1)
        self._combine = check_number(combine, "combine", low=0, high=1)

    def __len__(self) -> int:
        """Return the number of composites."""
        return len(self._foregrounds) * self._per_foreground

    def _item(self, index: int) -> Sample:
        """Return one composite: a Sample with image, alpha, trimap, foreground and background."""
        sample, generator = self.layers_of(index)
        if sample.trimap is None:
            sample = sample._replace(trimap=random_trimap(sample.require("alpha"), generator))
        return composite_sample(sample, sample.require("background"))

    def layers_of(self, index: int) -> tuple[Sample, np.random.Generator]:
        """Return the layers of one composite, and the generator for its further random choices.

        The background has its own size.
        """
        if not 0 <= index < len(self):
            raise IndexError(f"index is {index}, expected 0 to {len(self) - 1}")
        generator = np.random.default_rng([self._seed, index])
        sample = self._foregrounds[index // self._per_foreground]
        if generator.uniform() < self._combine:
            sample = combine_foregrounds(sample, self._foregrounds[int(generator.integers(len(self._foregrounds)))])
        sample = sample._replace(
            name=f"{sample.name}_{index % self._per_foreground}",
            background=self._backgrounds[index % len(self._backgrounds)].background,
        )
        if self._trimaps is not None:
            sample = sample._replace(trimap=self._trimaps[self._trimap_of[sample.name]].trimap)
        return sample, generator

    def layers(self) -> Sequence[Sample]:
        """Return the samples as layers that are not yet composited; `Augmentation` composites them after cropping."""
        return _Layers(self)


class _Layers(LazySequence[Sample]):
    """The layers of composites: samples without an image, and without a trimap where it has to be made."""

    def __init__(self, composites: Composites) -> None:
        self._composites = composites

    def __len__(self) -> int:
        return len(self._composites)

    def _item(self, index: int) -> Sample:
        return self._composites.layers_of(index)[0]


def fit_background(background: npt.NDArray[np.float32], shape: tuple[int, int]) -> npt.NDArray[np.float32]:
    """Crop a background to a shape; enlarge it first if it is too small. Composition-1k's own script does the same.

    Parameters
    ----------
    background : (h, w, 3) float32 array
        RGB in [0, 1].
    shape : (int, int)
        Height and width of the result.

    Returns
    -------
    background : (H, W, 3) float32 array
        The upper left corner. If a side is too short, both sides are first enlarged by one factor, with cubic
        interpolation.

    Examples
    --------
    >>> fit_background(np.zeros((10, 40, 3), np.float32), (20, 30)).shape
    (20, 30, 3)
    """
    height, width = shape
    factor = max(height / background.shape[0], width / background.shape[1])
    if factor > 1.0:
        size = int(np.ceil(background.shape[1] * factor)), int(np.ceil(background.shape[0] * factor))
        background = np.asarray(cv2.resize(background, size, interpolation=cv2.INTER_CUBIC), np.float32).clip(0.0, 1.0)
    return np.ascontiguousarray(background[:height, :width])


def composite_sample(sample: Sample, background: npt.NDArray[np.float32]) -> Sample:
    """Composite a sample's foreground over a background.

    Parameters
    ----------
    sample : Sample
        With foreground and alpha.
    background : (h, w, 3) float32 array
        Of any size; see `fit_background`.

    Returns
    -------
    sample : Sample
        The sample with `image` and `background` set.
    """
    alpha = sample.require("alpha")
    background = fit_background(background, alpha.shape)
    image = composite(sample.require("foreground"), alpha, background)
    return sample._replace(image=image, background=background)


def combine_foregrounds(front: Sample, behind: Sample) -> Sample:
    """Place one foreground over another, as one foreground.

    With the alphas a and b, the result has alpha ``1 - (1 - a)(1 - b)``, and the colours that give the same composite
    over any background.

    Parameters
    ----------
    front, behind : Sample
        With foreground and alpha; `behind` is resized to the size of `front`.

    Returns
    -------
    sample : Sample
        With the name of `front`, a foreground and an alpha only.

    References
    ----------
    .. [1] J. Tang, Y. Aksoy, C. Oztireli, M. Gross, T. Aydin. Learning-based sampling for natural image matting.
       CVPR 2019. Section 4.
    """
    front_alpha, front_colours = front.require("alpha"), front.require("foreground")
    height, width = front_alpha.shape
    behind_colours, behind_alpha = (
        np.asarray(cv2.resize(plane, (width, height), interpolation=cv2.INTER_LINEAR))
        for plane in (behind.require("foreground"), behind.require("alpha"))
    )
    visible_alpha = (1.0 - front_alpha) * behind_alpha
    alpha = front_alpha + visible_alpha
    colours = front_alpha[:, :, None] * front_colours + visible_alpha[:, :, None] * behind_colours
    foreground = np.where(alpha[:, :, None] > 0.0, colours / np.maximum(alpha, 1e-6)[:, :, None], front_colours)
    return front._replace(
        foreground=foreground.clip(0.0, 1.0).astype(np.float32),
        alpha=alpha.astype(np.float32),
        image=None,
        trimap=None,
        background=None,
    )
