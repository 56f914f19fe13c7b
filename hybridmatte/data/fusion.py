"""Samples for disentangled pre-training: two photographs fused by a random trimap and a random alpha."""

import numpy as np

from hybridmatte._validation import check_choice, check_image, check_integer, check_number, to_float
from hybridmatte.data.folders import Sample
from hybridmatte.foreground import composite
from hybridmatte.io._codec import to_uint8
from hybridmatte.trimap import split_trimap

__all__ = ["fuse_photographs", "layers_of_photographs", "random_alpha", "random_patch_trimap"]

LEVELS = ("pixel", "block")


def random_patch_trimap(size, generator, *, grid=7, unknown=0.75, foreground=0.125, background=0.125):
    """Draw a trimap of square cells, each unknown, foreground or background as a whole.

    The paper says "7 x 7" at 224 x 224; it is read as 7 x 7 cells of 32 pixels, not as cells of 7 pixels.

    Parameters
    ----------
    size : int or (int, int)
        Height and width in pixels, at least `grid`; where the grid does not divide them, cells differ by a pixel.
    generator : numpy.random.Generator
    grid : int, default 7
        Cells on a side.
    unknown, foreground, background : float
        Shares of the cells, of sum 1. The numbers of cells are always the same: the shares' running sums, times the
        number of cells, rounded; of 49 cells 37, 6 and 6.

    Returns
    -------
    trimap : (H, W) float32 array
        0, 0.5 and 1.

    Raises
    ------
    ValueError
        If the shares do not add up to 1, or a side has fewer pixels than cells.

    References
    ----------
    .. [1] Disentangled pre-training for image matting. Section 3, trimap generation.

    Examples
    --------
    >>> trimap = random_patch_trimap(224, np.random.default_rng(0))
    >>> [int((trimap == value).sum()) // 32**2 for value in (0, 0.5, 1)]
    [6, 37, 6]
    """
    cell_of = _cells(size, grid)
    shares = [check_number(share, name, low=0, high=1) for name, share in
              (("unknown", unknown), ("foreground", foreground), ("background", background))]
    if abs(sum(shares) - 1) > 1e-6:
        raise ValueError(f"unknown, foreground and background add up to {sum(shares):g}, expected 1")
    ends = np.round(np.cumsum(shares) * grid**2).astype(int)
    kinds = np.repeat(np.array([0.5, 1.0, 0.0], np.float32), np.diff(ends, prepend=0))
    return generator.permutation(kinds)[cell_of]


def random_alpha(trimap, generator, *, level="pixel", grid=7):
    """Draw an alpha for a trimap: 0 and 1 where it says so, an integer from 0 to 255 over 255 where it is unknown.

    Parameters
    ----------
    trimap : (H, W) array
    generator : numpy.random.Generator
    level : {"pixel", "block"}, default "pixel"
        Whether every pixel has a value of its own, or every cell of the grid.
    grid : int, default 7
        Cells on a side, for "block".

    Returns
    -------
    alpha : (H, W) float32 array

    Raises
    ------
    ValueError
        If there is no such level, or the trimap is none, see `hybridmatte.trimap.split_trimap`.

    References
    ----------
    .. [1] Disentangled pre-training for image matting. Section 3, alpha matte generation, and Table 5.

    Examples
    --------
    >>> alpha = random_alpha(np.array([[0.0, 0.5, 1.0]]), np.random.default_rng(0))
    >>> alpha[0, [0, 2]].tolist()
    [0.0, 1.0]
    """
    return to_float(_draw_bytes(trimap, generator, level, grid), "alpha")


def _draw_bytes(trimap, generator, level, grid):
    """Return `random_alpha` times 255, uint8."""
    check_choice(level, "level", LEVELS)
    split = split_trimap(trimap)
    if level == "pixel":
        values = generator.integers(0, 256, split.is_unknown.shape, np.uint8)
    else:
        values = generator.integers(0, 256, grid**2, np.uint8)[_cells(split.is_unknown.shape, grid)]
    return np.where(split.is_unknown, values, np.uint8(255) * split.is_foreground)


def fuse_photographs(front, behind, *, augmentation, generator, grid=7, unknown=0.75, level="pixel"):
    """Make a sample to learn from out of two photographs: both cut out, and fused by a random alpha.

    Parameters
    ----------
    front, behind : (h, w, 3) arrays
        uint8, or float32 in [0, 1]; of any size: one that is smaller than what is cut out is mirrored at its borders.
    augmentation : Augmentation
        Cuts and recolours each of them.
    generator : numpy.random.Generator
    grid, unknown
        See `random_patch_trimap`; foreground and background share what is known.
    level : {"pixel", "block"}, default "pixel"
        See `random_alpha`.

    Returns
    -------
    sample : Sample
        With image, alpha, trimap, foreground and background, float32.

    Raises
    ------
    ValueError
        If a photograph has not an image's shape, or is float and not in [0, 1], or an option is out of its range.

    Examples
    --------
    >>> from hybridmatte.data import Augmentation
    >>> generator = np.random.default_rng(0)
    >>> sample = fuse_photographs(generator.random((80, 90, 3), np.float32), np.zeros((99, 70, 3), np.uint8),
    ...                           augmentation=Augmentation(crop=56), generator=generator)
    >>> sample.image.shape, sample.alpha.shape
    ((56, 56, 3), (56, 56))
    """
    sample = layers_of_photographs(front, behind, augmentation=augmentation, generator=generator, grid=grid,
                                   unknown=unknown, level=level)
    foreground, background, alpha = (to_float(part, "layer") for part in
                                     (sample.foreground, sample.background, sample.alpha))
    return sample._replace(image=composite(foreground, alpha, background), alpha=alpha, foreground=foreground,
                           background=background, trimap=np.float32(0.5) * sample.trimap)


def layers_of_photographs(front, behind, *, augmentation, generator, grid=7, unknown=0.75, level="pixel"):
    """Return what `fuse_photographs` composes, in bytes and without image: a quarter of the memory, and exact.

    Returns
    -------
    sample : Sample
        Alpha, foreground and background from 0 to 255, trimap 0, 1 and 2, uint8.
    """
    layers = [augmentation(Sample("", image=_checked(photograph)), generator).image for photograph in (front, behind)]
    known = (1 - unknown) / 2
    trimap = random_patch_trimap(augmentation.crop, generator, grid=grid, unknown=unknown, foreground=known,
                                 background=known)
    front, behind = (layer if layer.dtype == np.uint8 else to_uint8(layer) for layer in layers)
    return Sample("fused", alpha=_draw_bytes(trimap, generator, level, grid), trimap=(2 * trimap).astype(np.uint8),
                  foreground=front, background=behind)


def _checked(photograph):
    """Return a photograph; bytes are only asked for their shape."""
    if getattr(photograph, "dtype", None) == np.uint8 and photograph.ndim == 3 and photograph.shape[2] == 3:
        return photograph
    return check_image(photograph, "photograph")


def _cells(size, grid):
    """Return the number of its cell for every pixel, (H, W)."""
    grid = check_integer(grid, "grid", low=1)
    height, width = (size, size) if np.ndim(size) == 0 else size
    rows, columns = (np.arange(check_integer(side, "size", low=grid)) * grid // side for side in (height, width))
    return rows[:, None] * grid + columns
