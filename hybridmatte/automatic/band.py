"""From a mask to a trimap: where alpha is left open for a solver."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from hybridmatte.trimap import box_around, depth_inside

__all__ = [
    "follow_correction",
    "guessed_in",
    "is_hard",
    "lacks",
    "trimap_of_corrected_mask",
    "trimap_of_soft_mask",
    "widened",
]

INSIDE_MIN = 0.5  # pixels of at least this value are inside a mask
SURE_MIN = 0.95  # of 1 inside and of 0 outside: values beyond are certain
HARD_SHARE = (
    0.25  # a mask whose soft pixels are fewer than this share of its outline's pixels says nothing of its edges
)
SOFT_BAND, HARD_BAND = 0.005, 0.01  # margins around uncertain pixels, as shares of the image's diagonal
CORRECTED_BAND, CORRECTED_SURE_MIN = 0.005, 0.98  # the same for a corrected mask
AGREED_MIN = 0.9  # of 1 inside and of 0 outside: a correction below contradicts the mask
FAR = 10  # margins: certain pixels farther than this from every known pixel are a part of their own
THIN = 2.0  # pixels: half of the thickness from which on a part keeps a core; thinner ones are hair, open to the solver
OPEN_MIN = 0.1  # a solved alpha that differs by more than this from the known pixels beside it has not ended there
BLOCKS = 8  # blocks to a reach, for distances that need not be exact
RIM = 2  # pixels: width of a band's rim
WIDE_REACH = 0.06  # of the diagonal, from known pixels: an edge that is blurred over 8% of it has known pixels nearer
WIDE_PIXELS = 30  # least reach in pixels: in small pictures, edges are wide for their size
WIDE_SHARE = 0.005  # of the object: more half transparent pixels so far from known ones are worth a warning
GUESSED_REACH = 2 * HARD_BAND  # of the diagonal, from known pixels: as far as the band along a hard mask grows
GUESSED_MIN, GUESSED_MAX = 0.1, 0.9  # alpha between them is half transparent
STEP = 1.3  # ratio of the radii by which thickness is measured

Plane = npt.NDArray[np.float32]
Region = npt.NDArray[np.bool_]


def trimap_of_soft_mask(mask: Plane, pitch: float = 1.0) -> Plane:
    """Make a trimap from a soft or hard mask, for the solver's band.

    Unknown are the pixels that the mask leaves open (values from 0.05 to 0.95) and a margin around them: 0.5% of the
    diagonal, 1% for a mask of 0 and 1 alone, and never less than a pixel of the mask. Each connected part of the object
    and of the background that is 3 pixels thick or more keeps known pixels: where the margin would leave none, the
    margin is half of the local thickness.

    Parameters
    ----------
    mask : (H, W) float32 array
        In [0, 1], with pixels inside and outside.
    pitch : float, default 1
        Size of the mask's own pixels in pixels of the image, if it was enlarged.

    Returns
    -------
    trimap : (H, W) float32 array
        0 background, 0.5 unknown, 1 foreground.
    """
    margin = max((HARD_BAND if is_hard(mask) else SOFT_BAND) * float(np.hypot(*mask.shape)), pitch)
    trimap = np.full(mask.shape, 0.5, np.float32)
    trimap[_known_inside(1 - mask, margin, connectivity=4)] = 0.0
    trimap[_known_inside(mask, margin, connectivity=8)] = 1.0
    return trimap


def trimap_of_corrected_mask(mask: Plane, corrected: Plane, pitch: float = 1.0) -> Plane:
    """Make a trimap from a mask and its correction, see `hybridmatte.automatic.mask_correction.corrected_mask`.

    Known are the pixels that `trimap_of_soft_mask` finds certain in the mask and that the correction confirms (at least
    0.9 inside, at most 0.1 outside), and those that are certain in the correction (0.98 and 0.02) and deeper than 0.5%
    of the diagonal. A connected part of the mask that keeps no known pixel in this way keeps those of the mask, unless
    the correction is certain of the contrary. If no pixel of the object or none of the background remains known, the
    mask alone decides.

    Parameters
    ----------
    mask, corrected : (H, W) float32 arrays
        In [0, 1].
    pitch : float, default 1
        As for `trimap_of_soft_mask`.

    Returns
    -------
    trimap : (H, W) float32 array
        0 background, 0.5 unknown, 1 foreground.
    """
    before = trimap_of_soft_mask(mask, pitch)
    trimap = follow_correction(before, mask, corrected)
    return before if trimap is None else trimap


def follow_correction(before: Plane, mask: Plane, corrected: Plane) -> Plane | None:
    """Change the trimap of a mask by the mask's correction; the rule stands at `trimap_of_corrected_mask`.

    `before` is what `trimap_of_soft_mask` makes of the mask; it is not modified. The result is None if no pixel of the
    object or none of the background would remain known.
    """
    trimap = before.copy()
    margin = max(CORRECTED_BAND * float(np.hypot(*mask.shape)), 1.0)
    for value, inside, certainty, connectivity in ((0.0, 1 - mask, 1 - corrected, 4), (1.0, mask, corrected, 8)):
        is_denied = (trimap == value) & (certainty < AGREED_MIN)
        trimap[is_denied] = 0.5
        trimap[depth_inside(certainty >= CORRECTED_SURE_MIN) > margin] = value
        is_denied &= certainty > 1 - CORRECTED_SURE_MIN
        trimap[is_denied & lacks(trimap == value, inside >= INSIDE_MIN, connectivity)] = value
    return trimap if (trimap == 0).any() and (trimap == 1).any() else None


def guessed_in(trimap: Plane, alpha: Plane) -> float:
    """Return the share of the image that came out half transparent in a wide unknown region; 0 without such a region.

    The share counts the half transparent pixels farther than 2% of the diagonal from every known pixel. A region is
    wide if more than 0.5% of the object (the sum of alpha) is even farther than 6%, and than 30 pixels.
    """
    diagonal, is_known = float(np.hypot(*trimap.shape)), trimap != 0.5
    is_mixed = ~is_known & (alpha > GUESSED_MIN) & (alpha < GUESSED_MAX)
    core = _farther(is_mixed, is_known, max(WIDE_REACH * diagonal, WIDE_PIXELS))
    if np.count_nonzero(core) <= WIDE_SHARE * float(alpha.sum()):
        return 0.0
    return float(_farther(is_mixed, is_known, GUESSED_REACH * diagonal).mean())


def is_hard(mask: Plane) -> bool:
    """Return whether a mask has next to no soft pixels along its outline."""
    is_inside = (mask >= INSIDE_MIN).astype(np.uint8)
    outline = np.count_nonzero(cv2.morphologyEx(is_inside, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)))
    soft = np.count_nonzero((mask > 1 - SURE_MIN) & (mask < SURE_MIN))
    return soft < HARD_SHARE * outline


def widened(trimap: Plane, alpha: Plane) -> Plane:
    """Return a trimap with a wider band where a solved alpha has not come to an end at the band's rim.

    There the object's edge lies outside the band, as where a hard mask is a little too small, too large or shifted. The
    band grows by 1% of the diagonal at pixels of its rim whose alpha differs by more than 0.1 from the known pixels
    beside them, but never over the whole of a connected known region.
    """
    is_unknown = trimap == 0.5
    is_rim = is_unknown & (depth_inside(is_unknown) <= RIM)
    result, reach = trimap.copy(), HARD_BAND * float(np.hypot(*trimap.shape))
    window = np.ones((2 * RIM + 1, 2 * RIM + 1), np.uint8)
    for value in (0.0, 1.0):
        is_known = trimap == value
        is_beside = cv2.dilate(is_known.astype(np.uint8), window) > 0
        is_open = is_rim & is_beside & (np.abs(alpha - value) > OPEN_MIN)
        if is_open.any():
            box, is_left = box_around(is_open, reach), is_known.copy()
            is_left[box] &= depth_inside(~is_open[box]) > reach
            result[is_known & ~is_left & ~lacks(is_left, is_known, connectivity=8)] = 0.5
    return result


def _known_inside(mask: Plane, margin: float, connectivity: int) -> Region:
    """Return the pixels inside a mask that are certain and deeper than a margin, and the cores of thinner parts."""
    is_inside = mask >= INSIDE_MIN
    is_sure = is_inside & (mask >= min(SURE_MIN, SURE_MIN * float(mask.max())))
    depth = depth_inside(is_sure)
    is_known = depth > margin
    is_thin = is_sure & _lies_apart(is_inside, is_known, FAR * margin, connectivity)
    if is_thin.any():
        box = box_around(is_thin, 2 * margin)  # discs that cover a thin pixel have their centers in it
        thickness = _thickness(depth[box], margin)
        is_known[box] |= is_thin[box] & (thickness > 0) & (depth[box] > thickness / 2)
    if not is_known.any():  # an object of a few pixels, or one that the mask is nowhere sure of
        is_known = depth >= depth.max() if is_sure.any() else mask >= mask.max()
    return is_known


def _lies_apart(is_inside: Region, is_known: Region, reach: float, connectivity: int) -> Region:
    """Return the pixels of parts without a known pixel, and those farther than a reach from all known pixels."""
    is_apart = lacks(is_known, is_inside, connectivity)
    return is_apart | _farther(is_inside & ~is_known, is_known, reach) if is_known.any() else is_apart


def _farther(region: Region, is_known: Region, reach: float) -> Region:
    """Return the pixels of a region that are farther than a reach from every known pixel; there is a known pixel.

    The distances are exact, but computed only around pixels that are not near a known pixel for certain: two pixels are
    nearer than the distance of their square blocks plus the diagonal of a block.
    """
    side = max(int(reach / BLOCKS), 1)
    starts = [np.arange(0, length, side) for length in region.shape]
    is_block_known = np.logical_or.reduceat(np.logical_or.reduceat(is_known, starts[0], axis=0), starts[1], axis=1)
    is_block_far = (depth_inside(~is_block_known) + np.sqrt(2)) * side > reach
    is_far = region & np.repeat(np.repeat(is_block_far, side, axis=0), side, axis=1)[: len(region), : region.shape[1]]
    if is_far.any():
        box = box_around(is_far, reach)
        is_far[box] &= depth_inside(~is_known[box]) > reach
    return is_far


def lacks(is_known: Region, is_inside: Region, connectivity: int) -> Region:
    """Return the pixels of connected parts without a known pixel."""
    count, labels = cv2.connectedComponents(is_inside.astype(np.uint8), connectivity=connectivity)
    has_known = np.zeros(count, np.bool_)
    has_known[labels[is_known]] = True
    return is_inside & ~has_known[labels]


def _thickness(depth: Plane, largest: float) -> Plane:
    """Return half of the local thickness in pixels, up to twice `largest`; 0 where it is below `THIN`.

    At a pixel this is the largest radius of a disc that lies inside and covers the pixel.

    References
    ----------
    .. [1] T. Hildebrand, P. Ruegsegger. A new method for the model-independent assessment of thickness in
       three-dimensional images. Journal of Microscopy, 1997.
    """
    thickness, radius = np.zeros_like(depth), THIN
    while radius <= 2 * largest and (depth >= radius).any():
        is_covered = depth_inside(depth < radius) < radius
        thickness[is_covered & (depth > 0)] = radius
        radius *= STEP
    return thickness
