"""Samples for disentangled pre-training: two photographs composited with a random trimap and a random alpha."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal, cast

import numpy as np
import numpy.typing as npt

from hybridmatte._validation import check_choice, check_image, check_integer, check_number, to_float
from hybridmatte.data.augmentation import Augmentation
from hybridmatte.data.folders import Sample
from hybridmatte.data.tasks import without_colours
from hybridmatte.foreground import composite
from hybridmatte.io._codec import to_uint8
from hybridmatte.trimap import split_trimap

__all__ = ["fuse_photographs", "layers_of_photographs", "random_alpha", "random_patch_trimap"]

Level = Literal["pixel", "block"]
LEVELS = ("pixel", "block")


def random_patch_trimap(
    size: int | tuple[int, int],
    generator: np.random.Generator,
    *,
    grid: int = 7,
    unknown: float = 0.75,
    foreground: float = 0.125,
    background: float = 0.125,
) -> npt.NDArray[np.float32]:
    """Draw a trimap of square cells, each of which is unknown, foreground or background as a whole.

    The paper says "7 x 7" at 224 x 224 pixels. Here this means 7 x 7 cells of 32 pixels, not cells of 7 pixels.

    Parameters
    ----------
    size : int or (int, int)
        Height and width in pixels, at least `grid`. If `grid` does not divide them, the sides of cells differ by a
        pixel.
    generator : numpy.random.Generator
    grid : int, default 7
        Number of cells in each direction.
    unknown, foreground, background : float
        Shares of the cells, with sum 1. The number of cells of each kind is not random: with 49 cells and the default
        shares it is 37, 6 and 6. The numbers are the differences of the rounded cumulative shares.

    Returns
    -------
    trimap : (H, W) float32 array
        0, 0.5 and 1.

    Raises
    ------
    ValueError
        If the sum of the shares is not 1, or a side has fewer pixels than cells.

    References
    ----------
    .. [1] Disentangled pre-training for image matting. Section 3, trimap generation.

    Examples
    --------
    >>> trimap = random_patch_trimap(224, np.random.default_rng(0))
    >>> [int((trimap == value).sum()) // 32**2 for value in (0, 0.5, 1)]
    [6, 37, 6]
    """
    cell_indices = _cell_indices(size, grid)
    shares = [
        check_number(share, name, low=0, high=1)
        for name, share in (("unknown", unknown), ("foreground", foreground), ("background", background))
    ]
    if abs(sum(shares) - 1) > 1e-6:
        raise ValueError(f"unknown, foreground and background add up to {sum(shares):g}, expected 1")
    ends = np.round(np.cumsum(shares) * grid**2).astype(int)
    values = np.repeat(np.array([0.5, 1.0, 0.0], np.float32), np.diff(ends, prepend=0))
    return generator.permutation(values)[cell_indices]


def random_alpha(
    trimap: npt.ArrayLike, generator: np.random.Generator, *, level: Level = "pixel", grid: int = 7
) -> npt.NDArray[np.float32]:
    """Draw an alpha for a trimap: 0 and 1 on known pixels, a random multiple of 1/255 on unknown ones.

    Parameters
    ----------
    trimap : (H, W) array
    generator : numpy.random.Generator
    level : {"pixel", "block"}, default "pixel"
        Whether a value is drawn for each pixel or for each cell of the grid.
    grid : int, default 7
        Number of cells in each direction, for "block".

    Returns
    -------
    alpha : (H, W) float32 array

    Raises
    ------
    ValueError
        If level is another word, or the trimap is not valid; see `hybridmatte.trimap.split_trimap`.

    References
    ----------
    .. [1] Disentangled pre-training for image matting. Section 3, alpha matte generation, and Table 5.

    Examples
    --------
    >>> alpha = random_alpha(np.array([[0.0, 0.5, 1.0]]), np.random.default_rng(0))
    >>> alpha[0, [0, 2]].tolist()
    [0.0, 1.0]
    """
    return to_float(_random_alpha_uint8(trimap, generator, level, grid), "alpha")


def _random_alpha_uint8(
    trimap: npt.ArrayLike, generator: np.random.Generator, level: Level, grid: int
) -> npt.NDArray[np.uint8]:
    """Return `random_alpha` times 255."""
    check_choice(level, "level", LEVELS)
    regions = split_trimap(trimap)
    if level == "pixel":
        values = generator.integers(0, 256, regions.is_unknown.shape, np.uint8)
    else:
        values = generator.integers(0, 256, grid**2, np.uint8)[_cell_indices(regions.is_unknown.shape, grid)]
    return np.where(regions.is_unknown, values, np.uint8(255) * regions.is_foreground)


def fuse_photographs(
    front: npt.ArrayLike,
    behind: npt.ArrayLike,
    *,
    augmentation: Augmentation,
    generator: np.random.Generator,
    grid: int = 7,
    unknown: float = 0.75,
    level: Level = "pixel",
    asymmetric: bool = False,
) -> Sample:
    """Make a training sample from two photographs: crop both, and composite them with a random alpha.

    Parameters
    ----------
    front, behind : (h, w, 3) arrays
        uint8, or float32 in [0, 1], of any size. A photograph smaller than the crop is mirrored at its borders.
    augmentation : Augmentation
        Crops each photograph and changes its colours.
    generator : numpy.random.Generator
    grid, unknown
        See `random_patch_trimap`. Foreground and background have equal shares of the known cells.
    level : {"pixel", "block"}, default "pixel"
        See `random_alpha`.
    asymmetric : bool, default False
        Whether only the front photograph is rotated, sheared, flipped and recoloured, with black beyond its border, as
        in MatteFormer's code. Otherwise both are treated alike, so that nothing tells which of them is in front.

    Returns
    -------
    sample : Sample
        With image, alpha, trimap, foreground and background, float32.

    Raises
    ------
    ValueError
        If a photograph does not have the shape of an image, or is floating point and not in [0, 1], or an option is
        out of its range.

    Examples
    --------
    >>> from hybridmatte.data import Augmentation
    >>> generator = np.random.default_rng(0)
    >>> sample = fuse_photographs(generator.random((80, 90, 3), np.float32), np.zeros((99, 70, 3), np.uint8),
    ...                           augmentation=Augmentation(crop=56), generator=generator)
    >>> sample.image.shape, sample.alpha.shape
    ((56, 56, 3), (56, 56))
    """
    both = _augmentations(augmentation, asymmetric)
    layers = _draw_layers(front, behind, both, generator, grid=grid, unknown=unknown, level=level)
    foreground, background, alpha = (to_float(layer, "layer") for layer in layers[:3])
    return Sample(
        "fused",
        image=composite(foreground, alpha, background),
        alpha=alpha,
        foreground=foreground,
        background=background,
        trimap=np.float32(0.5) * layers[3],
    )


def layers_of_photographs(
    front: npt.ArrayLike,
    behind: npt.ArrayLike,
    *,
    augmentation: Augmentation,
    generator: np.random.Generator,
    grid: int = 7,
    unknown: float = 0.75,
    level: Level = "pixel",
    asymmetric: bool = False,
) -> Sample:
    """Return the layers that `fuse_photographs` composites, as uint8 and without the image.

    They take a quarter of the memory of the float32 layers and are exact. Parameters are those of `fuse_photographs`.

    Returns
    -------
    sample : Sample
        Alpha, foreground and background from 0 to 255, trimap 0, 1 and 2; all uint8.
    """
    foreground, background, alpha, trimap = _draw_layers(
        front, behind, _augmentations(augmentation, asymmetric), generator, grid=grid, unknown=unknown, level=level
    )
    return Sample("fused", alpha=alpha, trimap=trimap, foreground=foreground, background=background)


def _augmentations(augmentation: Augmentation, asymmetric: bool) -> tuple[Augmentation, Augmentation]:
    """Return the augmentations of the front photograph and of the one behind."""
    if not asymmetric:
        return augmentation, augmentation
    plain = dataclasses.replace(without_colours(augmentation), degrees=0.0, shear=0.0, flip=0.0)
    return dataclasses.replace(augmentation, border="black"), plain


def _draw_layers(
    front: npt.ArrayLike,
    behind: npt.ArrayLike,
    augmentations: tuple[Augmentation, Augmentation],
    generator: np.random.Generator,
    *,
    grid: int,
    unknown: float,
    level: Level,
) -> tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any]]:
    """Return foreground, background and alpha from 0 to 255, and a trimap of 0, 1 and 2, as uint8."""
    foreground, background = (
        _crop_uint8(photograph, augmentation, generator)
        for photograph, augmentation in zip((front, behind), augmentations, strict=True)
    )
    known = (1 - unknown) / 2
    trimap = random_patch_trimap(
        augmentations[0].crop, generator, grid=grid, unknown=unknown, foreground=known, background=known
    )
    alpha = _random_alpha_uint8(trimap, generator, level, grid)
    return foreground, background, alpha, (2 * trimap).astype(np.uint8)


def _crop_uint8(
    photograph: npt.ArrayLike, augmentation: Augmentation, generator: np.random.Generator
) -> npt.NDArray[Any]:
    """Return an augmented crop of a photograph as uint8."""
    crop = cast("npt.NDArray[Any]", augmentation(Sample("", image=_check_photograph(photograph)), generator).image)
    return crop if crop.dtype == np.uint8 else to_uint8(crop)


def _check_photograph(photograph: npt.ArrayLike) -> npt.NDArray[np.uint8] | npt.NDArray[np.float32]:
    """Return uint8 arrays (h, w, 3) as they are, and other images as float32."""
    if isinstance(photograph, np.ndarray) and photograph.dtype == np.uint8 and photograph.shape[2:] == (3,):
        return photograph
    return check_image(photograph, "photograph")


def _cell_indices(size: int | tuple[int, ...], grid: int) -> npt.NDArray[np.int_]:
    """Return for each pixel (H, W) the index of its cell, in row-major order."""
    grid = check_integer(grid, "grid", low=1)
    sides = [check_integer(side, "size", low=grid) for side in np.broadcast_to(size, 2).tolist()]
    rows, columns = (np.arange(side) * grid // side for side in sides)
    return rows[:, None] * grid + columns
