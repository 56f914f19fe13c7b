"""What tells the object from its background in a frame: a trimap, a mask, or a segmenter."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hybridmatte._validation import check_plane
from hybridmatte.automatic.band import INSIDE_MIN
from hybridmatte.automatic.finding import Segmenter, found_in
from hybridmatte.automatic.from_image import matte_found
from hybridmatte.automatic.from_mask import fit_mask, matte_from_mask, trimap_of_mask, warn_if_doubtful
from hybridmatte.automatic.registry import find_mask
from hybridmatte.correction.estimates import BASE_SOLVER
from hybridmatte.correction.matting import Quality
from hybridmatte.correction.network import Perceptron
from hybridmatte.correction.passes import correct_at_size
from hybridmatte.correction.weights import WeightsKind, load_correction_network
from hybridmatte.errors import warn_caller
from hybridmatte.methods.registry import solve
from hybridmatte.systems.problem import check_plane_like_image, check_problem
from hybridmatte.trimap import split_trimap
from hybridmatte.video.flow import Frame, Plane
from hybridmatte.video.tracking import Matted, matted

__all__ = ["FoundMask", "GivenMask", "GivenTrimap", "Hint", "Settings", "hint_of_key", "is_trimap"]

SAME_GREY, GREY_SHARE = 0.05, 0.5  # a plane is a trimap if this share of its greys are within SAME_GREY of one grey


class Settings(NamedTuple):
    """The options of `matte` for all frames."""

    quality: Quality
    weights: WeightsKind

    @property
    def network(self) -> Perceptron | None:
        """The network that corrects alpha, or None."""
        return load_correction_network(self.weights) if self.quality == "best" else None


class Hint(ABC):
    """What was given for one frame."""

    def __init__(self, image: Frame, settings: Settings) -> None:
        self.image, self.settings = image, settings

    @abstractmethod
    def trimap(self) -> Plane:
        """Return the frame's trimap of 0, 0.5 and 1."""

    @abstractmethod
    def alone(self) -> Matted:
        """Return the frame's alpha without other frames, as the functions for single images estimate it.

        With a trimap, the frame is solved at its own size even if it is large and soft.
        """


class GivenTrimap(Hint):
    """A trimap (H, W)."""

    def __init__(self, image: Frame, plane: npt.ArrayLike, settings: Settings) -> None:
        super().__init__(image, settings)
        regions = split_trimap(check_plane_like_image(plane, "trimap", image))
        if regions.is_foreground.any() and regions.is_background.any() and not regions.is_unknown.any():
            warn_caller("trimap has no unknown pixel, so nothing is solved; give masks as masks (--masks)", UserWarning)
        self._trimap = np.where(regions.is_unknown, np.float32(0.5), regions.is_foreground.astype(np.float32))

    def trimap(self) -> Plane:
        """Return the trimap of 0, 0.5 and 1."""
        return self._trimap

    def alone(self) -> Matted:
        """Return what `matte` estimates at the frame's own size: sizes that change between frames would flicker."""
        if not (self._trimap == 0.5).any():
            return matted(self.image, self._trimap, self._trimap.copy())
        network = self.settings.network
        if network is None:
            return matted(self.image, self._trimap, solve(self.image, self._trimap, BASE_SOLVER))
        return matted(self.image, self._trimap, *correct_at_size(check_problem(self.image, self._trimap), network))


class GivenMask(Hint):
    """A mask (h, w) of the frame's aspect ratio; one without an outline is the alpha."""

    def __init__(self, image: Frame, plane: npt.ArrayLike, settings: Settings) -> None:
        super().__init__(image, settings)
        self._is_constant = _is_constant(plane)
        self._mask = check_plane(plane, "mask") if self._is_constant else plane

    def trimap(self) -> Plane:
        """Return the trimap along the mask's outline."""
        shape = self.image.shape[:2]
        if self._is_constant:
            return np.full(shape, np.rint(np.asarray(self._mask).flat[0]), np.float32)
        pitch = shape[0] / np.shape(self._mask)[0]
        return trimap_of_mask(self.image, fit_mask(self._mask, shape), pitch, weights=self.settings.weights)[0]

    def alone(self) -> Matted:
        """Return what `matte_from_mask` estimates."""
        if self._is_constant:
            trimap = self.trimap()
            return matted(self.image, trimap, trimap)
        result = matte_from_mask(self.image, self._mask, **self.settings._asdict())
        return matted(self.image, _trimap_of(result.trimap, result.alpha), result.alpha)


class FoundMask(Hint):
    """A segmenter."""

    def __init__(self, image: Frame, segmenter: Segmenter, settings: Settings) -> None:
        super().__init__(image, settings)
        self._segmenter = segmenter

    @property
    def segmenter(self) -> str:
        """The segmenter's name."""
        return self._segmenter.name

    @cached_property
    def mask(self) -> Plane:
        """The mask (H, W) that the segmenter finds."""
        return find_mask(self.image, self._segmenter)

    def trimap(self) -> Plane:
        """Return the trimap along the outline of the segmenter's mask."""
        is_inside = self.mask >= INSIDE_MIN
        if is_inside.all() or not is_inside.any():
            return is_inside.astype(np.float32)
        return trimap_of_mask(self.image, self.mask, weights=self.settings.weights)[0]

    def alone(self) -> Matted:
        """Return what `matte_from_image` estimates."""
        result = matte_found(self.image, self.mask, segmenter=self.segmenter, **self.settings._asdict())
        warn_if_doubtful(result, found_in(self.mask))
        return matted(self.image, _trimap_of(result.trimap, result.alpha), result.alpha)


def hint_of_key(image: Frame, plane: npt.ArrayLike, settings: Settings) -> Hint:
    """Return a key frame's plane as a trimap or a mask."""
    return (GivenTrimap if is_trimap(plane) else GivenMask)(image, plane, settings)


def is_trimap(plane: npt.ArrayLike) -> bool:
    """Return whether a plane is a trimap rather than a mask: most of its greys are one grey.

    Of a mask, the greys between 0.1 and 0.9 are edges of all greys.
    """
    values = check_plane(plane, "key")
    greys = values[(values > 0.1) & (values < 0.9)]
    return bool(greys.size) and bool(np.mean(np.abs(greys - np.median(greys)) <= SAME_GREY) >= GREY_SHARE)


def _is_constant(plane: npt.ArrayLike) -> bool:
    """Return whether all values of a plane are 0, or all are its full scale."""
    values = np.asarray(plane)
    first = values.flat[0] if values.ndim == 2 and values.size else None
    if first is None or not (values == first).all():
        return False
    return float(check_plane(values[:1, :1], "mask")[0, 0]) in (0.0, 1.0)


def _trimap_of(trimap: Plane | None, alpha: Plane) -> Plane:
    """Return a result's trimap; where there is none, its alpha is known."""
    return alpha if trimap is None else trimap
