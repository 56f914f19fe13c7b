"""Composite foregrounds over backgrounds for training and testing."""

from collections.abc import Sequence

import numpy as np

from hybridmatte._validation import check_integer, check_number
from hybridmatte.data.augmentation import random_trimap
from hybridmatte.foreground import composite

__all__ = ["Composites", "combine_foregrounds", "composite_sample", "fit_background"]


class Composites(Sequence):
    """Every foreground over several backgrounds, as Composition-1k is made.

    Composite k has foreground ``k // per_foreground`` and background k, the backgrounds repeating if there are fewer;
    each is a function of its number and the seed.

    Parameters
    ----------
    foregrounds : sequence of Sample
        With foreground and alpha.
    backgrounds : sequence of Sample
        With background.
    per_foreground : int, default 20
        20 for the standard test set, 100 for the training set.
    trimaps : MattingFolder, optional
        Of the composites, by their names ``<foreground>_<number>``, as Composition-1k's test set has them. Else a
        foreground's own is kept, or a trimap made by `random_trimap`.
    combine : float, default 0
        Probability that another foreground lies behind the first, as is usual in training; its trimap is then new.
    seed : int, default 0

    References
    ----------
    .. [1] N. Xu, B. Price, S. Cohen, T. Huang. Deep image matting. CVPR 2017. Section 3.
    """

    def __init__(self, foregrounds, backgrounds, *, per_foreground=20, trimaps=None, combine=0.0, seed=0):
        if not len(foregrounds) or not len(backgrounds):
            raise ValueError(f"there are {len(foregrounds)} foregrounds and {len(backgrounds)} backgrounds, expected "
                             "at least one of each")
        self._foregrounds, self._backgrounds, self._trimaps, self._seed = foregrounds, backgrounds, trimaps, seed
        self._trimap_of = {} if trimaps is None else {name: index for index, name in enumerate(trimaps.names)}
        self._per_foreground = check_integer(per_foreground, "per_foreground", low=1)
        self._combine = check_number(combine, "combine", low=0, high=1)

    def __len__(self):
        """Return the number of composites."""
        return len(self._foregrounds) * self._per_foreground

    def __getitem__(self, index):
        """Make one composite: a Sample with image, alpha, trimap, foreground and background."""
        sample, generator = self.uncomposed(index)
        if sample.trimap is None:
            sample = sample._replace(trimap=random_trimap(sample.alpha, generator))
        return composite_sample(sample, sample.background)

    def uncomposed(self, index):
        """Return the layers of one composite, the background in its own size, and the generator it goes on with."""
        if not 0 <= index < len(self):
            raise IndexError(f"index is {index}, expected 0 to {len(self) - 1}")
        generator = np.random.default_rng([self._seed, index])
        sample = self._foregrounds[index // self._per_foreground]
        if generator.uniform() < self._combine:
            sample = combine_foregrounds(sample, self._foregrounds[int(generator.integers(len(self._foregrounds)))])
        sample = sample._replace(name=f"{sample.name}_{index % self._per_foreground}",
                                 background=self._backgrounds[index % len(self._backgrounds)].background)
        if self._trimaps is not None:
            sample = sample._replace(trimap=self._trimaps[self._trimap_of[sample.name]].trimap)
        return sample, generator

    def layers(self):
        """Return the same samples not yet composed, as sequence: `Augmentation` composes them after cutting."""
        return _Layers(self)


class _Layers(Sequence):
    """The samples of composites without image, and without trimap where one has to be made."""

    def __init__(self, composites):
        self._composites = composites

    def __len__(self):
        return len(self._composites)

    def __getitem__(self, index):
        return self._composites.uncomposed(index)[0]


def fit_background(background, shape):
    """Cut a background to a shape, enlarged first where it is too small, as Composition-1k's own script does.

    Parameters
    ----------
    background : (h, w, 3) float32 array
    shape : (int, int)
        Height and width wanted.

    Returns
    -------
    background : (H, W, 3) float32 array
        The upper left corner, after cubic enlargement by one factor for both sides if a side is short.

    Examples
    --------
    >>> fit_background(np.zeros((10, 40, 3), np.float32), (20, 30)).shape
    (20, 30, 3)
    """
    import cv2

    height, width = shape
    factor = max(height / background.shape[0], width / background.shape[1])
    if factor > 1.0:
        size = int(np.ceil(background.shape[1] * factor)), int(np.ceil(background.shape[0] * factor))
        background = cv2.resize(background, size, interpolation=cv2.INTER_CUBIC).clip(0.0, 1.0)
    return np.ascontiguousarray(background[:height, :width])


def composite_sample(sample, background):
    """Return a sample's foreground over a background: the sample with ``image`` and ``background`` set.

    Parameters
    ----------
    sample : Sample
        With foreground and alpha.
    background : (h, w, 3) float32 array
        Of any size, see `fit_background`.

    Returns
    -------
    sample : Sample
    """
    background = fit_background(background, sample.alpha.shape)
    image = composite(sample.foreground, sample.alpha, background)
    return sample._replace(image=image, background=background)


def combine_foregrounds(front, behind):
    """Put one foreground over another: alpha ``1 - (1 - a)(1 - b)``, and the colours that composite to the same.

    Parameters
    ----------
    front, behind : Sample
        With foreground and alpha; `behind` is resized to the size of `front`.

    Returns
    -------
    sample : Sample
        Of the name of `front`, with foreground and alpha only.

    References
    ----------
    .. [1] J. Tang, Y. Aksoy, C. Oztireli, M. Gross, T. Aydin. Learning-based sampling for natural image matting.
       CVPR 2019. Section 4.
    """
    import cv2

    height, width = front.alpha.shape
    other = [cv2.resize(plane, (width, height), interpolation=cv2.INTER_LINEAR)
             for plane in (behind.foreground, behind.alpha)]
    alpha = front.alpha + (1.0 - front.alpha) * other[1]
    shown = front.alpha[:, :, None] * front.foreground + ((1.0 - front.alpha) * other[1])[:, :, None] * other[0]
    foreground = np.where(alpha[:, :, None] > 0.0, shown / np.maximum(alpha, 1e-6)[:, :, None], front.foreground)
    return front._replace(foreground=foreground.clip(0.0, 1.0).astype(np.float32), alpha=alpha.astype(np.float32),
                          image=None, trimap=None, background=None)
