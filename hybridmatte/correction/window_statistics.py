"""Means, covariances and other local statistics of named planes at chosen pixels."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Any, TypeVar

import cv2
import numpy as np
import numpy.typing as npt

from hybridmatte.correction import _window_statistics_numba as kernels

__all__ = ["WindowStatistics"]

Plane = npt.NDArray[Any]  # (H, W) float32
Values = npt.NDArray[Any]  # (n,) float32, one for each chosen pixel
T = TypeVar("T")

BLOCK = 40  # integral images allocated at once; the features need 33, and one large array gets faster (huge) pages


class WindowStatistics:
    """Values of named planes at chosen pixels, and their statistics in windows around these pixels.

    A window of radius r has a side of 2 r + 1 pixels and is cut at the image's border. Each statistic is computed when
    it is first asked for, and then kept.

    Parameters
    ----------
    planes : mapping of str to (H, W) float32 array
    is_chosen : (H, W) bool array
        n chosen pixels.
    """

    def __init__(self, planes: Mapping[str, Plane], is_chosen: npt.NDArray[np.bool_]) -> None:
        self.planes, self.shape, self.pixels = planes, is_chosen.shape, np.flatnonzero(is_chosen)
        self._results: dict[Hashable, object] = {}
        self._product = np.empty(self.shape)  # buffer
        self._free_integrals: list[npt.NDArray[np.float64]] = []

    def cached(self, key: Hashable, compute: Callable[[], T]) -> T:
        """Return the result kept under a key; compute it if there is none."""
        if key not in self._results:
            self._results[key] = compute()
        return self._results[key]  # type: ignore[return-value]

    def at_pixels(self, plane: Plane) -> Values:
        """Return the values of any plane (H, W) at the chosen pixels."""
        return plane.ravel().take(self.pixels)

    def value(self, name: str) -> Values:
        """Return the values of a named plane."""
        return self.cached(("value", name), lambda: self.at_pixels(self.planes[name]))

    def mean(self, name: str, r: int) -> Values:
        """Return the mean of a plane in each window of radius r."""
        return self.cached(("mean", name, r), lambda: self._exact_mean(name, r).astype(np.float32))

    def covariance(self, one: str, other: str, r: int) -> Values:
        """Return the covariance of two planes in each window of radius r."""
        one, other = sorted((one, other))
        return self.cached(
            ("covariance", one, other, r),
            lambda: kernels.window_covariances(
                self._integral(one, other), self._exact_mean(one, r), self._exact_mean(other, r), *self._corners(r)
            ),
        )

    def variance(self, name: str, r: int) -> Values:
        """Return the variance of a plane in each window of radius r."""
        return np.maximum(self.covariance(name, name, r), 0)

    def deviation(self, name: str, r: int) -> Values:
        """Return the standard deviation of a plane in each window of radius r."""
        return np.sqrt(self.variance(name, r))

    def minimum(self, name: str, side: int) -> Values:
        """Return the smallest value of a plane in each window with a side of `side` pixels."""
        return self.at_pixels(cv2.erode(self.planes[name], np.ones((side, side), np.uint8)))

    def maximum(self, name: str, side: int) -> Values:
        """Return the largest value of a plane in each window with a side of `side` pixels."""
        return self.at_pixels(cv2.dilate(self.planes[name], np.ones((side, side), np.uint8)))

    def blurred(self, name: str, scale: float) -> Plane:
        """Return a plane (H, W) after a Gaussian filter with a standard deviation of `scale` pixels."""
        return self.cached(("blurred", name, scale), lambda: cv2.GaussianBlur(self.planes[name], (0, 0), scale))

    def _exact_mean(self, name: str, r: int) -> npt.NDArray[np.float64]:
        """Return the mean without rounding: a covariance is a small difference of large products."""
        return self.cached(
            ("exact mean", name, r), lambda: kernels.window_means(self._integral(name), *self._corners(r))
        )

    def _integral(self, *names: str) -> npt.NDArray[Any]:
        """Return the flat float64 integral image of a plane, or of the product of two planes."""
        return self.cached(("integral", *names), lambda: self._compute_integral([self.planes[name] for name in names]))

    def _compute_integral(self, factors: list[Plane]) -> npt.NDArray[Any]:
        """Return the flat integral image of one plane or of the product of two."""
        if not self._free_integrals:
            self._free_integrals.extend(np.empty((BLOCK, self.shape[0] + 1, self.shape[1] + 1)))
        plane = factors[0] if len(factors) == 1 else np.multiply(*factors, out=self._product, dtype=np.float64)
        return cv2.integral(plane, self._free_integrals.pop()).ravel()

    def _corners(self, r: int) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float64]]:
        """Return the corners of the windows in an integral image, and the inverse of the windows' areas."""
        height, width = self.shape
        return self.cached(("corners", r), lambda: kernels.window_corners(self.pixels, height, width, r))
