"""Means, covariances and other local statistics of named planes at chosen pixels."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import cv2
import numpy as np
import numpy.typing as npt

from hybridmatte.correction import _window_statistics_numba as kernels

__all__ = ["WindowStatistics"]

Plane = npt.NDArray[Any]  # (H, W) float32
Values = npt.NDArray[Any]  # (n,) float32, one for each chosen pixel
T = TypeVar("T")

BORDER = kernels.BORDER  # around an integral image
Radii = Mapping[tuple[str, ...], Iterable[int]]  # of windows, for each plane (one name) or product of two


class WindowStatistics:
    """Values of named planes at chosen pixels, and their statistics in windows around these pixels.

    A window of radius r, at most BORDER, has a side of 2 r + 1 pixels and is cut at the image's border. Each statistic
    is computed when it is first asked for, and then kept.

    Parameters
    ----------
    planes : mapping of str to (H, W) float32 array
    is_chosen : (H, W) bool array
        n chosen pixels.
    radii : mapping, optional
        The radii that will be asked for, from `radii()` of another object. All radii of a plane, or of a product of
        two, are then computed from one integral image; without this, the image is made again for each radius.
    """

    def __init__(
        self, planes: Mapping[str, Plane], is_chosen: npt.NDArray[np.bool_], radii: Radii | None = None
    ) -> None:
        self.planes = {name: np.ascontiguousarray(plane) for name, plane in planes.items()}
        self.shape, self.pixels = is_chosen.shape, np.flatnonzero(is_chosen)
        self._results: dict[tuple[Any, ...], Any] = {}
        self._ones = np.ones(self.shape, np.float32)
        self._width = self.shape[1] + 1 + 2 * BORDER  # of an integral image
        self._integral = np.empty((self.shape[0] + 1 + 2 * BORDER, self._width))  # buffer
        self._runs, self._radii = self._find_runs(), radii or {}

    def cached(self, key: tuple[Any, ...], compute: Callable[[], T]) -> T:
        """Return the result kept under a key; compute it if there is none."""
        if key not in self._results:
            self._results[key] = compute()
        return self._results[key]

    def at_pixels(self, plane: Plane) -> Values:
        """Return the values of any plane (H, W) at the chosen pixels."""
        values = np.empty(len(self.pixels), plane.dtype)
        kernels.take(plane.ravel(), self.pixels, self._runs, values)
        return values

    def value(self, name: str) -> Values:
        """Return the values of a named plane."""
        return self.cached(("value", name), lambda: self.at_pixels(self.planes[name]))

    def mean(self, name: str, r: int) -> Values:
        """Return the mean of a plane in each window of radius r."""
        return self.cached(("mean", name, r), lambda: self._exact_mean(name, r).astype(np.float32))

    def covariance(self, one: str, other: str, r: int) -> Values:
        """Return the covariance of two planes in each window of radius r."""
        one, other = sorted((one, other))
        key = "covariance", one, other, r
        if key not in self._results:
            radii = {r, *self._radii.get((one, other), ())}
            means = {radius: [self._exact_mean(name, radius) for name in (one, other)] for radius in radii}
            windows = self._integrate(self.planes[one], self.planes[other])
            for radius in radii:
                values = np.empty(len(self.pixels), np.float32)
                kernels.window_covariances(*windows, radius, self._inverse_areas(radius), *means[radius], values)
                self._results["covariance", one, other, radius] = values
        return self._results[key]

    def variance(self, name: str, r: int) -> Values:
        """Return the variance of a plane in each window of radius r."""
        return self.cached(("variance", name, r), lambda: np.maximum(self.covariance(name, name, r), 0))

    def deviation(self, name: str, r: int) -> Values:
        """Return the standard deviation of a plane in each window of radius r."""
        return np.sqrt(self.variance(name, r))

    def minimum(self, name: str, side: int) -> Values:
        """Return the smallest value of a plane in each window with a side of `side` pixels."""
        return self.at_pixels(cv2.erode(self.planes[name], np.ones((side, side), np.uint8)))

    def maximum(self, name: str, side: int) -> Values:
        """Return the largest value of a plane in each window with a side of `side` pixels."""
        return self.at_pixels(cv2.dilate(self.planes[name], np.ones((side, side), np.uint8)))

    def slope(self, plane: Plane) -> Values:
        """Return the length of the gradient of any plane (H, W), by Sobel filters."""
        values = np.empty(len(self.pixels), np.float32)
        kernels.slopes(plane, self.pixels, values)
        return values

    def blurred(self, name: str, scale: float) -> Plane:
        """Return a plane (H, W) after a Gaussian filter with a standard deviation of `scale` pixels."""
        return self.cached(("blurred", name, scale), lambda: cv2.GaussianBlur(self.planes[name], (0, 0), scale))

    def radii(self) -> Radii:
        """Return the radii of the windows that have been asked for, of each plane and product of planes."""
        radii: dict[tuple[str, ...], list[int]] = {}
        for _, *names, r in (key for key in self._results if key[0] in ("exact mean", "covariance")):
            radii.setdefault(tuple(names), []).append(r)
        return radii

    def _exact_mean(self, name: str, r: int) -> npt.NDArray[np.float64]:
        """Return the mean without rounding: a covariance is a small difference of large products."""
        key = "exact mean", name, r
        if key not in self._results:
            windows = self._integrate(self.planes[name], self._ones)
            for radius in {r, *self._radii.get((name,), ())}:
                values = np.empty(len(self.pixels))
                kernels.window_means(*windows, radius, self._inverse_areas(radius), values)
                self._results["exact mean", name, radius] = values
        return self._results[key]

    def _integrate(self, one: Plane, other: Plane) -> tuple[npt.NDArray[np.float64], int, npt.NDArray[np.int64]]:
        """Return the integral image of a product of planes, flat; the length of its rows; and the runs.

        The next call overwrites the image.
        """
        kernels.integrate_product(one, other, self._integral)
        return self._integral.ravel(), self._width, self._runs

    def _inverse_areas(self, r: int) -> npt.NDArray[np.float64]:
        """Return the inverse (n,) of the areas of the windows of radius r."""
        if r > BORDER:
            raise ValueError(f"r is {r}, expected at most {BORDER}")

        def compute():
            areas = np.empty(len(self.pixels))
            kernels.inverse_areas(self.pixels, self._runs, *self.shape, r, areas)
            return areas

        return self.cached(("inverse areas", r), compute)

    def _find_runs(self) -> npt.NDArray[np.int64]:
        """Return the runs (k, 3) of adjacent chosen pixels of a row, as the kernels need them."""
        is_first = np.diff(self.pixels, prepend=-2) != 1
        is_first |= self.pixels % self.shape[1] == 0
        numbers = np.flatnonzero(is_first)
        y, x = np.divmod(self.pixels[numbers], self.shape[1])
        places = (y + BORDER) * self._width + x + BORDER
        return np.stack([places, numbers, np.diff(numbers, append=len(self.pixels))], axis=1)
