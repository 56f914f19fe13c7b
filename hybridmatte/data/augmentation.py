"""Random crops, affine maps, colour changes and trimaps for training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np
import numpy.typing as npt

from hybridmatte._validation import check_choice, check_integer, check_number, check_plane
from hybridmatte.data.folders import Sample
from hybridmatte.foreground import composite
from hybridmatte.trimap import depth_inside, split_trimap

__all__ = ["Augmentation", "random_trimap"]

Array = npt.NDArray[Any]

INTERPOLATIONS = (cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4)  # one is drawn for each crop of float32
MARGIN = 4  # pixels of the crop around the part of an image that is interpolated
BORDERS = {"mirror": cv2.BORDER_REFLECT_101, "black": cv2.BORDER_CONSTANT}
COLOURS = ("image", "foreground", "background")
LABELS = ("trimap", "mask")


def random_trimap(
    alpha: npt.ArrayLike, generator: np.random.Generator, *, widths: tuple[int, int] = (1, 29)
) -> npt.NDArray[np.float32]:
    """Make a trimap from alpha: erode its opaque and its transparent region, each by a random width.

    Parameters
    ----------
    alpha : (H, W) array
        In [0, 1].
    generator : numpy.random.Generator
        Source of randomness.
    widths : (int, int), default (1, 29)
        Smallest and largest erosion in pixels; the default is usual for Composition-1k. Thin parts may vanish.

    Returns
    -------
    trimap : (H, W) float32 array
        0, 0.5 and 1.

    Examples
    --------
    >>> alpha = np.zeros((64, 64))
    >>> alpha[:, 32:] = 1
    >>> random_trimap(alpha, np.random.default_rng(0), widths=(3, 3))[0, 27:37].tolist()
    [0.0, 0.0, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 1.0, 1.0]
    """
    alpha = check_plane(alpha, "alpha")
    low, high = (check_integer(width, "widths", low=0) for width in widths)
    trimap = np.full(alpha.shape, 0.5, np.float32)
    for value, region in ((0.0, alpha <= 1 / 255), (1.0, alpha >= 254 / 255)):
        trimap[depth_inside(region) > generator.integers(low, high + 1)] = value
    return trimap


@dataclass(frozen=True)
class Augmentation:
    """Random changes of a sample for training; each has a probability or a range.

    Parameters
    ----------
    crop : int
        Side in pixels of the square crop.
    sizes : (float, float)
        Range of the crop's side in the image, in units of `crop`; values below 1 enlarge. Drawn log-uniformly.
    unknown : float
        Probability that the crop is centred on an unknown pixel, or, without a trimap, on a pixel with 0 < alpha < 1.
    flip : float
        Probability of a horizontal flip.
    degrees : float
        Largest rotation in degrees, in either direction.
    shear : float
        Largest angle in degrees by which columns are sheared, in either direction.
    brightness, contrast, saturation : float
        Largest relative change, in either direction.
    hue : float
        Largest rotation of the hue in degrees, in either direction.
    border : {"mirror", "black"}
        What a crop shows beyond the image's border.
    """

    crop: int = 512
    sizes: tuple[float, float] = (1.0, 1.5)
    unknown: float = 0.9
    flip: float = 0.5
    degrees: float = 0.0
    shear: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    hue: float = 0.0
    border: Literal["mirror", "black"] = "mirror"

    def __post_init__(self) -> None:
        """Check all values."""
        check_choice(self.border, "border", tuple(BORDERS))
        check_integer(self.crop, "crop", low=16)
        low, high = (check_number(size, "sizes", above=0) for size in self.sizes)
        if low > high:
            raise ValueError(f"sizes are {self.sizes}, expected the smaller first")
        for name in ("unknown", "flip"):
            check_number(getattr(self, name), name, low=0, high=1)
        for name in ("brightness", "contrast", "saturation"):
            check_number(getattr(self, name), name, low=0, high=0.99)
        check_number(self.degrees, "degrees", low=0, high=180)
        check_number(self.shear, "shear", low=0, high=60)
        check_number(self.hue, "hue", low=0, high=180)

    def __call__(self, sample: Sample, generator: np.random.Generator) -> Sample:
        """Return the sample with all parts cropped and warped alike, and its colours changed.

        Trimaps keep the values 0, 0.5 and 1. If the sample has a foreground and a background but no image, these two
        are cropped and recoloured independently and composited afterwards.

        uint8 colours stay uint8, for speed. They are interpolated linearly, averaged first only where they shrink to
        half or less, and their hue changes in steps of 2 degrees.
        """
        if sample.image is None and sample.foreground is not None and sample.background is not None:
            return self._crop_layers(sample, generator)
        matrix, interpolation = self._draw_crop(sample, generator)
        parts = {
            name: self._warp(name, array, matrix, interpolation)
            for name, array in sample._asdict().items()
            if name != "name" and array is not None
        }
        change = self.draw_colours(generator)
        for name in COLOURS:
            if name in parts:
                parts[name] = recolour(parts[name], *change)
        if {"image", "alpha", "foreground", "background"} <= parts.keys():
            # Contrast changes around the mean of each part, so that the recoloured image is no longer the composite.
            parts["image"] = composite(parts["foreground"], parts["alpha"], parts["background"])
        return sample._replace(**parts)

    def _crop_layers(self, sample: Sample, generator: np.random.Generator) -> Sample:
        """Return the crop of a sample without image: crop foreground and background, and composite them.

        A sample without a trimap gets one from `random_trimap`.
        """
        front = self(sample._replace(background=None), generator)
        background = self(Sample(sample.name, background=sample.background), generator).require("background")
        alpha = front.require("alpha")
        trimap = random_trimap(alpha, generator) if front.trimap is None else front.trimap
        image = composite(front.require("foreground"), alpha, background)
        return front._replace(image=image, background=background, trimap=trimap)

    def _draw_crop(self, sample: Sample, generator: np.random.Generator) -> tuple[npt.NDArray[np.float64], int]:
        """Draw the affine map (2, 3) from pixels of the crop to pixels of the image, and the interpolation."""
        height, width = next(array for array in sample[1:] if isinstance(array, np.ndarray)).shape[:2]
        side = self.crop * float(np.exp(generator.uniform(*np.log(self.sizes))))
        if min(height, width) >= self.crop * self.sizes[0]:
            side = min(side, height, width)
        center = self._draw_center(sample, (height, width), side, generator)
        linear = self._draw_linear_map(side / self.crop, generator)
        shift = np.array([center[1], center[0]]) - linear @ np.full(2, (self.crop - 1) / 2)
        return np.column_stack([linear, shift]), INTERPOLATIONS[generator.integers(len(INTERPOLATIONS))]

    def _draw_center(
        self, sample: Sample, shape: tuple[int, int], side: float, generator: np.random.Generator
    ) -> list[float]:
        """Draw the row and column of the crop's centre; move it so that an unrotated crop lies inside the image."""
        center = generator.uniform(size=2) * (shape[0] - 1, shape[1] - 1)
        draw, pick = generator.uniform(size=2)
        candidates = mixed_pixels(sample) if draw < self.unknown else ()
        if len(candidates):
            center = np.array(divmod(candidates[int(pick * len(candidates))], shape[1]), float)
        half = (side - 1) / 2
        return [
            float(np.clip(c, min(half, (n - 1) / 2), max(n - 1 - half, (n - 1) / 2)))
            for c, n in zip(center, shape, strict=True)
        ]

    def _draw_linear_map(self, scale: float, generator: np.random.Generator) -> npt.NDArray[np.float64]:
        """Draw the linear part (2, 2) of the affine map: scale, rotation, flip and shear."""
        angle = np.radians(generator.uniform(-self.degrees, self.degrees))
        mirror = -1.0 if generator.uniform() < self.flip else 1.0
        linear = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        linear[:, 0] *= mirror
        if self.shear:
            linear[:, 1] += np.tan(np.radians(generator.uniform(-self.shear, self.shear))) * linear[:, 0]
        return linear

    def _warp(self, name: str, array: Array, matrix: npt.NDArray[np.float64], interpolation: int) -> Array:
        """Return the crop of one part. A part that shrinks is averaged first, to avoid aliasing."""
        is_label = name in LABELS
        if array.dtype == np.uint8:
            interpolation = cv2.INTER_LINEAR
        source, matrix = self._shrink(array, matrix, cv2.INTER_NEAREST if is_label else cv2.INTER_AREA)
        flags = (cv2.INTER_NEAREST if is_label else interpolation) | cv2.WARP_INVERSE_MAP
        crop = cv2.warpAffine(source, matrix, (self.crop, self.crop), flags=flags, borderMode=BORDERS[self.border])
        return crop if crop.dtype == np.uint8 else crop.clip(0.0, 1.0)

    def _shrink(
        self, array: Array, matrix: npt.NDArray[np.float64], interpolation: int
    ) -> tuple[Array, npt.NDArray[np.float64]]:
        """Return the part of an array that the crop shows, at no finer resolution than the crop's.

        The second result is the affine map from pixels of the crop to pixels of that part.
        """
        scale = max(float(np.hypot(*matrix[:, 0])), 1.0)
        ends = (self.crop - 1) * np.array([[0, 1, 0, 1], [0, 0, 1, 1]])
        corners = matrix[:, :2] @ ends + matrix[:, 2:]
        low = np.maximum(np.floor(corners.min(axis=1) - MARGIN * scale), 0).astype(int)
        high = np.ceil(corners.max(axis=1) + MARGIN * scale).astype(int) + 1
        shown, matrix = array[low[1] : high[1], low[0] : high[0]], matrix - np.column_stack([np.zeros((2, 2)), low])
        if scale == 1.0 or (array.dtype == np.uint8 and scale < 2.0):
            return np.ascontiguousarray(shown), matrix
        before = np.array(shown.shape[1::-1])
        after = np.maximum(np.round(before / scale), 1).astype(int)
        ratio = (after / before)[:, None]
        matrix = ratio * (matrix + [0.0, 0.0, 0.5]) - [0.0, 0.0, 0.5]
        return cv2.resize(shown, (int(after[0]), int(after[1])), interpolation=interpolation), matrix

    def draw_colours(self, generator: np.random.Generator) -> tuple[float, float, float, float]:
        """Draw factors of brightness, contrast and saturation, and the rotation of the hue in degrees."""
        relative = generator.uniform(-1.0, 1.0, 4)
        brightness, contrast, saturation = 1.0 + relative[:3] * (self.brightness, self.contrast, self.saturation)
        return brightness, contrast, saturation, relative[3] * self.hue


def mixed_pixels(sample: Sample) -> Sequence[int] | npt.NDArray[np.intp]:
    """Return the flat indices of a sample's unknown pixels, or, without a trimap, of its pixels with 0 < alpha < 1."""
    if sample.trimap is not None:
        return np.flatnonzero(split_trimap(sample.trimap).is_unknown)
    return () if sample.alpha is None else np.flatnonzero((sample.alpha > 0) & (sample.alpha < 1))


def recolour(image: Array, brightness: float, contrast: float, saturation: float, hue: float) -> Array:
    """Return an image (H, W, 3), float32 or uint8, with changed colours.

    brightness, contrast and saturation are factors; hue is a rotation in degrees. Contrast changes around the mean of
    the whole image.
    """
    if (brightness, contrast, saturation, hue) == (1.0, 1.0, 1.0, 0.0):
        return image
    is_bytes = image.dtype == np.uint8
    if hue != 0.0 or saturation != 1.0:
        hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)
        hsv = _change_hsv_bytes(hsv, saturation, hue) if is_bytes else _change_hsv(hsv, saturation, hue)
        image = cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)
    if brightness == contrast == 1.0:
        return image
    mean = image.mean()
    if is_bytes:
        values = (np.arange(256) - mean) * contrast + mean * brightness
        return cv2.LUT(image, np.rint(values.clip(0, 255)).astype(np.uint8))
    return ((image - mean) * contrast + mean * brightness).clip(0.0, 1.0).astype(np.float32)


def _change_hsv(hsv: Array, saturation: float, hue: float) -> Array:
    """Change hue, from 0 to 360, and saturation, from 0 to 1, in place."""
    hsv[:, :, 0] = (hsv[:, :, 0] + hue) % 360.0
    hsv[:, :, 1] = (hsv[:, :, 1] * saturation).clip(0.0, 1.0)
    return hsv


def _change_hsv_bytes(hsv: Array, saturation: float, hue: float) -> Array:
    """Change hue, from 0 to 179 in steps of 2 degrees, and saturation, from 0 to 255, by a look-up table."""
    values = np.arange(256)
    table = [(values + round(hue / 2)) % 180, np.rint(values * saturation).clip(0, 255), values]
    return cv2.LUT(hsv, np.stack(table, axis=-1).astype(np.uint8)[None])
