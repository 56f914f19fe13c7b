"""Run several methods on one image, and draw their results side by side."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import uniform_filter

from hybridmatte._validation import check_choice, check_image, check_plane
from hybridmatte.correction.confidence import matte_with_confidence
from hybridmatte.correction.matting import matte_by
from hybridmatte.correction.weights import RESEARCH, WeightsKind, check_weights
from hybridmatte.foreground import composite, estimate_foreground
from hybridmatte.linalg.compilation import notice_compilation
from hybridmatte.methods.registry import METHODS
from hybridmatte.trimap import split_trimap

__all__ = ["BEST", "Trial", "compare_methods", "contact_sheet"]

BEST: Final = "best"  # a quality of `hybridmatte.matte`
PANEL = 320  # longest side of a panel in pixels
LABEL = 26  # height in pixels of the strip with a card's label
FONT_SIZE = 16
GAP = 10  # pixels
PAPER, INK = 0.94, (30, 30, 30)
LIGHT, DARK = (0.95, 0.95, 0.95), (0.12, 0.12, 0.12)
UNKNOWN_TINT = np.array([0.15, 0.55, 1.0], np.float32)
MIN_CROP = 24  # pixels

FloatArray = npt.NDArray[np.float32]
Crop = tuple[slice, slice]


class _Trial(NamedTuple):
    """The five fields of a `Trial`."""

    method: str
    alpha: FloatArray | None
    seconds: float
    warnings: tuple[str, ...]
    error: str | None


class Trial(_Trial):
    """The result of one method: a tuple of five, with two attributes more.

    Attributes
    ----------
    method : str
        A key of `hybridmatte.METHODS`, or "best".
    alpha : (H, W) float32 array or None
        None if the method failed.
    seconds : float
        Time of the solve, without compilation.
    warnings : tuple of str
        Messages of the warnings that the method gave.
    error : str or None
        The error as one sentence.
    confidence : (H, W) float32 array or None
        Of "best": how likely alpha is right, see `matte_with_confidence`.
    weights : str or None
        Of "best": the weights that it used, "research" or "free".
    """

    confidence: FloatArray | None = None
    weights: WeightsKind | None = None

    def _replace(self, /, **changes: Any) -> Trial:
        """Return a copy with other fields, as of every named tuple; the attributes stay."""
        replaced = super()._replace(**changes)
        replaced.confidence, replaced.weights = self.confidence, self.weights
        return replaced


def compare_methods(
    image: npt.ArrayLike,
    trimap: npt.ArrayLike,
    methods: Sequence[str] | None = None,
    *,
    on_start: Callable[[str], object] | None = None,
    weights: WeightsKind = RESEARCH,
) -> list[Trial]:
    """Solve one image with several methods, and time each.

    Every method first solves a small scene untimed, and a solve in which kernels were compiled is repeated, so that the
    times contain no compilation. An error of one method is recorded in its trial and does not stop the others.

    Parameters
    ----------
    image : (H, W, 3) array
        RGB in [0, 1]; uint8 and uint16 are scaled. Never modified.
    trimap : (H, W) array
        Background at most 0.1, foreground at least 0.9, the rest unknown.
    methods : sequence of str, optional
        Names from `hybridmatte.METHODS`, or "best" for `hybridmatte.matte`. Default: all, "best" last.
    on_start : callable, optional
        Called with the name of each method before it starts.
    weights : {"research", "free"}, default "research"
        Weights of "best", see `hybridmatte.matte`; the other methods use none.

    Returns
    -------
    trials : list of Trial
        In the order of methods.

    Raises
    ------
    ValueError
        If image and trimap differ in height or width, a method is unknown, or weights is another word.
    """
    image, weights = check_image(image), check_weights(weights)
    trimap = check_plane(trimap, "trimap", image.shape[:2])
    choices = [*METHODS, BEST]
    names = choices if methods is None else list(methods)
    for name in names:
        check_choice(name, "method", choices)
    trials = []
    for name in names:
        if on_start is not None:
            on_start(name)
        trials.append(_run_trial(image, trimap, name, weights))
    return trials


def contact_sheet(image: npt.ArrayLike, trimap: npt.ArrayLike, trials: Sequence[Trial]) -> FloatArray:
    """Draw a sheet: the input, then for every trial its alpha and an enlarged crop of its cut-out over a plain colour.

    A trial with a confidence has another card with its confidence, white where alpha is certain, and the crop of it.
    All crops show the same place: where the alphas of the trials differ most or, with a single trial, where alpha is
    most mixed. The plain colour is light if the known background is dark, and dark if it is light, so that remains of
    the old background are visible as a fringe.

    Parameters
    ----------
    image : (H, W, 3) array
        RGB in [0, 1]; uint8 and uint16 are scaled. Never modified.
    trimap : (H, W) array
        Background at most 0.1, foreground at least 0.9, the rest unknown.
    trials : sequence of Trial
        From `compare_methods`; trials without alpha are left out.

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
    regions = split_trimap(check_plane(trimap, "trimap", image.shape[:2]))
    solved = [
        (trial, check_plane(trial.alpha, "alpha", image.shape[:2])) for trial in trials if trial.alpha is not None
    ]
    if not solved:
        raise ValueError("trials has no alpha, expected at least one")
    background = image[regions.is_background] if regions.is_background.any() else image.reshape(-1, 3)
    plain = LIGHT if background.mean() < 0.5 else DARK
    crop = _most_interesting_crop(np.stack([alpha for _, alpha in solved]), regions.is_unknown)
    tinted = image.copy()
    tinted[regions.is_unknown] = np.float32(0.4) * image[regions.is_unknown] + np.float32(0.6) * UNKNOWN_TINT
    cards = [_draw_card("image, unknown region tinted", _draw_frame(tinted, crop), image[crop])]
    for trial, alpha in solved:
        cut = composite(estimate_foreground(image, alpha), alpha, plain)
        name = trial.method if trial.weights in (None, RESEARCH) else f"{trial.method}, weights {trial.weights}"
        label = f"{name}   {trial.seconds:.2f} s"
        cards.append(_draw_card(label, _as_grey(alpha), cut[crop]))
        if trial.confidence is not None:
            confidence = _as_grey(check_plane(trial.confidence, "confidence", image.shape[:2]))
            cards.append(_draw_card(f"{name}: confidence", confidence, confidence[crop]))
    return _lay_out(cards)


def _as_grey(plane: FloatArray) -> FloatArray:
    """Return a plane (H, W) as a grey picture (H, W, 3)."""
    return np.repeat(plane[:, :, None], 3, axis=2)


def _run_trial(image: FloatArray, trimap: FloatArray, method: str, weights: WeightsKind) -> Trial:
    """Solve with one method, first the warm-up scene; record its warnings, its error and its time.

    If the timed solve compiled kernels, which the scene does not use, it is repeated once.
    """
    confidence = None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            _estimate(*_warm_up_scene(), method, weights)
            for _ in range(2):
                caught.clear()
                compiled: list[bool] = []
                start = time.perf_counter()
                with notice_compilation(partial(compiled.append, True)):
                    (alpha, confidence), error = _estimate(image, trimap, method, weights), None
                if not compiled:
                    break
        except (ValueError, RuntimeError, MemoryError) as problem:
            start, alpha, error = time.perf_counter(), None, " ".join(str(problem).split())
    messages = tuple(str(warning.message) for warning in caught)
    trial = Trial(method, alpha, time.perf_counter() - start, messages, error)
    trial.confidence, trial.weights = confidence, weights if method == BEST else None
    return trial


def _estimate(
    image: FloatArray, trimap: FloatArray, method: str, weights: WeightsKind
) -> tuple[FloatArray, FloatArray | None]:
    """Return alpha by one method, and its confidence if the method has one."""
    if method != BEST:
        return matte_by(image, trimap, method), None
    return matte_with_confidence(image, trimap, weights=weights)


def _warm_up_scene() -> tuple[FloatArray, FloatArray]:
    """Return a noisy ramp and its trimap: small, but with unknown pixels for the coarse levels of all solvers."""
    image = np.tile(np.linspace(0.1, 0.9, 144, dtype=np.float32)[:, None], (96, 1, 3))
    image += 0.01 * np.random.default_rng(0).standard_normal(image.shape, dtype=np.float32)
    trimap = np.full(image.shape[:2], 0.5, dtype=np.float32)
    trimap[:, :8], trimap[:, -8:] = 0.0, 1.0
    return image, trimap


def _most_interesting_crop(alphas: FloatArray, is_unknown: npt.NDArray[np.bool_]) -> Crop:
    """Return the crop, a quarter of each side, in which alphas (n, H, W) differ most; if n is 1, are most mixed."""
    interest = alphas.std(axis=0) if len(alphas) > 1 else alphas[0] * (1 - alphas[0])
    size: Any = tuple(max(side // 4, min(side, MIN_CROP)) for side in is_unknown.shape)
    score = uniform_filter((interest + 1e-6 * is_unknown).astype(np.float64), size=size, mode="constant")
    centre = np.unravel_index(np.argmax(score), score.shape)
    top, left = (
        int(np.clip(middle - length // 2, 0, side - length))
        for middle, length, side in zip(centre, size, is_unknown.shape, strict=True)
    )
    return slice(top, top + size[0]), slice(left, left + size[1])


def _draw_frame(image: FloatArray, crop: Crop) -> FloatArray:
    """Return the image with a white frame round the crop, wide enough to be visible after shrinking to a panel."""
    image = image.copy()
    width = max(1, round(max(image.shape[:2]) / PANEL * 1.5))
    inner = image[crop].copy()
    image[crop] = 1.0
    inside = np.s_[width:-width, width:-width]
    image[crop][inside] = inner[inside]
    return image


def _draw_card(label: str, left: FloatArray, right: FloatArray) -> FloatArray:
    """Return a card: a label above two panels of equal size."""
    scale = PANEL / max(left.shape[:2])
    height, width = (max(1, round(side * scale)) for side in left.shape[:2])
    card = np.full((LABEL + height, 2 * width + GAP // 2, 3), PAPER, dtype=np.float32)
    card[LABEL:, :width] = _resized(left, width, height)
    card[LABEL:, -width:] = _resized(right, width, height)
    strip = Image.fromarray(np.full((LABEL, card.shape[1], 3), round(PAPER * 255), dtype=np.uint8))
    ImageDraw.Draw(strip).text((2, 3), label, fill=INK, font=ImageFont.load_default(size=FONT_SIZE))
    card[:LABEL] = np.asarray(strip, dtype=np.float32) / 255
    return card


def _resized(image: FloatArray, width: int, height: int) -> FloatArray:
    """Shrink by area means, or enlarge by cubic interpolation."""
    how = cv2.INTER_AREA if image.shape[1] > width else cv2.INTER_CUBIC
    result = cv2.resize(np.ascontiguousarray(image, dtype=np.float32), (width, height), interpolation=how)
    return np.clip(result, 0.0, 1.0, dtype=np.float32)


def _lay_out(cards: list[FloatArray]) -> FloatArray:
    """Return a sheet of cards of one size in rows, about twice as wide as high."""
    height, width = cards[0].shape[:2]
    columns = max(1, min(len(cards), round((len(cards) * 2 * height / width) ** 0.5)))
    rows = -(-len(cards) // columns)
    shape = (rows * (height + GAP) + GAP, columns * (width + GAP) + GAP, 3)
    sheet = np.full(shape, PAPER, dtype=np.float32)
    for index, card in enumerate(cards):
        y, x = (GAP + k * (side + GAP) for k, side in zip(divmod(index, columns), (height, width), strict=True))
        sheet[y : y + height, x : x + width] = card
    return sheet
