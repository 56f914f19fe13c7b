"""Run several methods on one image, and show their results side by side."""

import time
import warnings
from typing import NamedTuple

import numpy as np

from hybridmatte._validation import check_choice, check_image, check_plane
from hybridmatte.foreground import composite, estimate_foreground
from hybridmatte.trimap import split_trimap

__all__ = ["Trial", "compare_methods", "contact_sheet"]

BEST = "best"  # of `hybridmatte.matte`
PANEL = 320  # longest side of a panel in pixels
LABEL = 26  # height of the strip with a card's name
GAP = 10
PAPER, INK = 0.94, (30, 30, 30)
UNKNOWN_TINT = (0.15, 0.55, 1.0)


class Trial(NamedTuple):
    """One method's result: alpha (H, W) or None, seconds taken, warnings, and the error as a sentence or None."""

    method: str
    alpha: np.ndarray | None
    seconds: float
    warnings: tuple
    error: str | None


def compare_methods(image, trimap, methods=None, *, on_start=None):
    """Solve one image with several methods, timing each.

    Every method first solves a small scene untimed, so that the times hold no compilation. A method that fails
    is recorded and stops no other.

    Parameters
    ----------
    image : (H, W, 3) array
        RGB in [0, 1]; uint8 and uint16 are scaled.
    trimap : (H, W) array
        Background at most 0.1, foreground at least 0.9, the rest unknown.
    methods : sequence of str, optional
        Names from `hybridmatte.METHODS`, or "best" for `hybridmatte.matte`; default all, "best" last.
    on_start : callable, optional
        Takes each method's name as its turn comes.

    Returns
    -------
    trials : list of Trial
        In the order of methods.

    Raises
    ------
    ValueError
        If image and trimap differ in height or width, or a method is unknown.
    """
    from hybridmatte.methods.registry import METHODS

    image = check_image(image)
    trimap = check_plane(trimap, "trimap", image.shape[:2])
    known = [*METHODS, BEST]
    names = known if methods is None else list(methods)
    for name in names:
        check_choice(name, "method", known)
    trials = []
    for name in names:
        if on_start is not None:
            on_start(name)
        trials.append(_trial(image, trimap, name))
    return trials


def contact_sheet(image, trimap, trials):
    """Draw a sheet: the input, then for every trial its alpha and an enlarged piece over a plain colour.

    The piece is where the results differ most (with one result, where it is most mixed), so the sheet shows
    what there is to choose between. The plain colour is light if the background known from the trimap is dark,
    and dark if it is light: left-over background shows as a fringe.

    Parameters
    ----------
    image : (H, W, 3) array
        RGB in [0, 1]; uint8 and uint16 are scaled.
    trimap : (H, W) array
        Background at most 0.1, foreground at least 0.9, the rest unknown.
    trials : sequence of Trial
        From `compare_methods`; those without alpha are left out.

    Returns
    -------
    sheet : (height, width, 3) float32 array
        In [0, 1].

    Raises
    ------
    ValueError
        If sizes differ, or no trial has an alpha.
    """
    image = check_image(image)
    trimap = check_plane(trimap, "trimap", image.shape[:2])
    trials = [trial for trial in trials if trial.alpha is not None]
    if not trials:
        raise ValueError("trials has no alpha, expected at least one")
    regions = split_trimap(trimap)
    known = image[regions.is_background] if regions.is_background.any() else image.reshape(-1, 3)
    plain = (0.95, 0.95, 0.95) if known.mean() < 0.5 else (0.12, 0.12, 0.12)
    piece = _piece(np.stack([trial.alpha for trial in trials]), regions.is_unknown)
    tinted = image.copy()
    tinted[regions.is_unknown] = 0.4 * image[regions.is_unknown] + 0.6 * np.float32(UNKNOWN_TINT)
    cards = [_card("image, unknown region tinted", _framed(tinted, piece), image[piece])]
    for trial in trials:
        cut = composite(estimate_foreground(image, trial.alpha), trial.alpha, plain)
        alpha = np.repeat(check_plane(trial.alpha, "alpha")[:, :, None], 3, axis=2)
        cards.append(_card(f"{trial.method}   {trial.seconds:.2f} s", alpha, cut[piece]))
    return _grid(cards)


def _trial(image, trimap, method):
    """Solve with one method, catching what it says; any error but a wrong input of ours is the method's result."""
    from hybridmatte.correction.matting import matte_by

    way = (None, BEST) if method == BEST else (method, None)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            matte_by(*_warm_up_scene(), *way)
            caught.clear()
            start = time.perf_counter()
            alpha, error = matte_by(image, trimap, *way), None
        except (ValueError, RuntimeError, MemoryError) as problem:
            start, alpha, error = time.perf_counter(), None, " ".join(str(problem).split())
    return Trial(method, alpha, time.perf_counter() - start, tuple(str(item.message) for item in caught), error)


def _warm_up_scene():
    """Return a noisy ramp and its trimap, small, but large enough for a multigrid solver to take every path."""
    image = np.tile(np.linspace(0.1, 0.9, 96, dtype=np.float32)[:, None], (64, 1, 3))
    image += 0.01 * np.random.default_rng(0).standard_normal(image.shape, dtype=np.float32)
    trimap = np.full((64, 96), 0.5, dtype=np.float32)
    trimap[:, :8], trimap[:, -8:] = 0.0, 1.0
    return image, trimap


def _piece(alphas, is_unknown):
    """Return the window, a quarter of each side, in which alphas differ most, as a pair of slices."""
    from scipy.ndimage import uniform_filter

    interest = alphas.std(axis=0) if len(alphas) > 1 else alphas[0] * (1 - alphas[0])
    size = [max(side // 4, min(side, 24)) for side in is_unknown.shape]
    score = uniform_filter((interest + 1e-6 * is_unknown).astype(np.float64), size, mode="constant")
    centre = np.unravel_index(np.argmax(score), score.shape)
    starts = [int(np.clip(c - s // 2, 0, side - s)) for c, s, side in zip(centre, size, is_unknown.shape, strict=True)]
    return tuple(slice(start, start + s) for start, s in zip(starts, size, strict=True))


def _framed(image, piece):
    """Draw a frame round the piece, thick enough to be seen when the image is shrunk to a panel."""
    image = image.copy()
    thick = max(1, round(max(image.shape[:2]) / PANEL * 1.5))
    inside = image[piece].copy()
    image[piece] = 1.0
    frame = np.s_[thick:-thick, thick:-thick]
    image[piece][frame] = inside[frame]
    return image


def _card(label, left, right):
    """Return a card: a label over two panels of equal size."""
    from PIL import Image, ImageDraw, ImageFont

    height, width = _panel_size(left.shape)
    card = np.full((LABEL + height, 2 * width + GAP // 2, 3), PAPER, dtype=np.float32)
    card[LABEL:, :width] = _resized(left, width, height)
    card[LABEL:, -width:] = _resized(right, width, height)
    strip = Image.fromarray(np.full((LABEL, card.shape[1], 3), round(PAPER * 255), dtype=np.uint8))
    ImageDraw.Draw(strip).text((2, 3), label, fill=INK, font=ImageFont.load_default(size=16))
    card[:LABEL] = np.asarray(strip, dtype=np.float32) / 255
    return card


def _panel_size(shape):
    scale = PANEL / max(shape[:2])
    return max(1, round(shape[0] * scale)), max(1, round(shape[1] * scale))


def _resized(image, width, height):
    """Shrink by area means, enlarge by cubics."""
    import cv2

    how = cv2.INTER_AREA if image.shape[1] > width else cv2.INTER_CUBIC
    result = cv2.resize(np.ascontiguousarray(image, dtype=np.float32), (width, height), interpolation=how)
    return np.clip(result, 0.0, 1.0)


def _grid(cards):
    """Lay cards of one size out in rows, about twice as wide as high."""
    height, width = cards[0].shape[:2]
    columns = max(1, min(len(cards), round((len(cards) * 2 * height / width) ** 0.5)))
    rows = -(-len(cards) // columns)
    shape = (rows * (height + GAP) + GAP, columns * (width + GAP) + GAP, 3)
    sheet = np.full(shape, PAPER, dtype=np.float32)
    for index, card in enumerate(cards):
        y, x = (GAP + k * (side + GAP) for k, side in zip(divmod(index, columns), (height, width), strict=True))
        sheet[y: y + height, x: x + width] = card
    return sheet
