"""Alpha from an image and a rough mask."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, TypeAlias, runtime_checkable

import numpy as np
import numpy.typing as npt

from hybridmatte._validation import check_image
from hybridmatte.automatic.band import follow_correction, guessed_in, is_hard, trimap_of_soft_mask, widened
from hybridmatte.automatic.found import Findings, Found, MaskCorrection
from hybridmatte.automatic.half_size import halved_band, matte_band
from hybridmatte.automatic.mask_checks import check_outline, fit_mask, is_border_inside, warn_if_inverted
from hybridmatte.automatic.mask_correction import changed_share, corrected_mask
from hybridmatte.correction.matting import Quality, check_method_or_quality, matte_in_passes, weights_of
from hybridmatte.correction.weights import RESEARCH, WeightsKind, check_weights, research_only
from hybridmatte.errors import warn_caller
from hybridmatte.methods.closed_form import solve_cf
from hybridmatte.trimap import trimap_from_mask

__all__ = [
    "AutomaticResult",
    "Admit",
    "MaskNetwork",
    "check_outline",
    "describe_method",
    "fit_mask",
    "is_mask_corrected",
    "left_out_correction",
    "matte_from_mask",
    "matte_given",
    "refuse_solver_options",
    "solve_mask",
    "trimap_of_mask",
    "warn_if_doubtful",
    "warn_if_inverted",
]

Admit: TypeAlias = Callable[[int, bool], object]
WIDENINGS = 2  # of the band along a hard mask


class _Estimate(NamedTuple):
    """The three fields of an `AutomaticResult`."""

    alpha: npt.NDArray[np.float32]
    trimap: npt.NDArray[np.float32] | None
    description: str


class AutomaticResult(_Estimate):
    """An alpha that was estimated without a given trimap: a tuple of three, with two attributes more.

    Attributes
    ----------
    alpha : (H, W) float32 array
        In [0, 1].
    trimap : (H, W) float32 array or None
        The trimap that was found on the way, if there was one.
    description : str
        How trimap and alpha were estimated, and how the mask was corrected, in words.
    correction : MaskCorrection or None
        ``is_applied``: False if the bundled network's correction of the mask was dropped or left out; ``changed``: how
        many pixels it moved into the mask or out of it, as a share of the mask's; ``left_out``: with free weights, why
        the network did not run, else None. None if the mask was to be taken as it is.
    guessed : float or None
        If a wide region was left unknown and came out half transparent, the share of the image's pixels that are half
        transparent (alpha from 0.1 to 0.9) and farther than 2% of the diagonal from every known pixel; else 0. A region
        is wide if such pixels farther than 6%, and than 30 pixels, are more than 0.5% of the object. None without a
        solver, with `erode` or `dilate`, and for a given mask that is probably inverted.
    confidence : (H, W) float32 array or None
        Set for ``--confidence-map`` only; in Python, `matte_with_confidence` takes the trimap; it solves in two passes.
    """

    correction: MaskCorrection | None = None
    guessed: float | None = None
    confidence: npt.NDArray[np.float32] | None = None

    @property
    def how(self) -> str:
        """Old name of `description`."""
        warnings.warn(
            "AutomaticResult.how is deprecated, use AutomaticResult.description", DeprecationWarning, stacklevel=2
        )
        return self.description

    def _replace(self, /, **changes: Any) -> AutomaticResult:
        """Return a copy with other fields, as of every named tuple; the attributes stay."""
        replaced = super()._replace(**changes)
        replaced.correction, replaced.guessed, replaced.confidence = self.correction, self.guessed, self.confidence
        return replaced

    __replace__ = _replace  # for `copy.replace` of Python 3.13


@runtime_checkable
class MaskNetwork(Protocol):
    """A network that takes an image and a mask, such as `hybridmatte.networks.JointInference`."""

    def predict(
        self, image: npt.NDArray[np.float32], mask: npt.NDArray[np.float32]
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Return alpha and trimap (H, W) for an image (H, W, 3) and a mask (H, W)."""
        ...


def matte_from_mask(
    image: npt.ArrayLike,
    mask: npt.ArrayLike,
    *,
    method: str | None = None,
    quality: Quality | None = None,
    network: MaskNetwork | None = None,
    erode: float | None = None,
    dilate: float | None = None,
    label: int | None = None,
    square: bool = False,
    trust_mask: bool = False,
    weights: WeightsKind = RESEARCH,
) -> AutomaticResult:
    """Estimate alpha from an image and a rough mask: drawn by hand, or from a segmentation network at any size.

    Without a network, the pixels that the mask leaves open and a band along its outline are unknown, and `matte`
    estimates their alpha. The band is narrow where the mask is sure of itself. Each connected part of the object and of
    the background that is at least 3 pixels thick keeps known pixels, so that strokes, birds in a flock and holes stay.

    A mask of 0 and 1 alone says nothing of its own errors: there the band grows by up to 2% of the image's diagonal
    where an alpha, solved by `solve_cf`, has not come to an end in it.

    First, a small network that comes with the package corrects the mask by the image: parts that are missing, that do
    not belong to the object, or of which the mask is in doubt. Its model card says how often it is wrong. With
    `trust_mask` the mask is taken as it is, and so it is where mask and correction have less than half in common.

    With a network, Net-T estimates the trimap and Net-M the alpha.

    Parameters
    ----------
    image : (H, W, 3) array
        RGB in [0, 1]; uint8 and uint16 are scaled. Never modified.
    mask : (h, w) array
        White where the object is, soft or hard, in [0, 1], or bool, uint8, uint16; or labels, whole numbers with 0 for
        the background. Any size of the image's aspect ratio. The mask may contain several objects.
    method : str, optional
        One of `hybridmatte.METHODS`, in place of `matte`. Only without a network.
    quality : {"best", "fast"}, optional
        Of `matte`, default "best". Not with a method or a network. "fast" solves at half the size if the shorter side
        has 512 pixels or more and neither erode nor dilate is given; at a quarter if that half is large and soft, see
        `matte`.
    network : JointInference, optional
    erode, dilate : float, optional
        Widths of the unknown band inside and outside the outline, in pixels. If one is given, `trimap_from_mask` makes
        the trimap of the mask as it is. Only without a network.
    label : int, optional
        Of a mask of several labels, the one whose pixels are the object.
    square : bool, default False
        Whether the mask is the square output of a network for the image stretched to a square; it is stretched back.
    trust_mask : bool, default False
        Whether the mask is right but for its edges, so that the bundled network does not correct it. Erode and dilate
        imply it. Only without a network.
    weights : {"research", "free"}, default "research"
        Weights of `matte`. With "free", nothing learned from research data runs: the mask is not corrected, as the
        network for that has research weights only; the description says so. A given network is
        yours and runs with either.

    Returns
    -------
    result : AutomaticResult
        alpha and trimap, (H, W) float32, and a description of how they were estimated and the mask corrected.

    Raises
    ------
    ValueError
        If the aspect ratios of mask and image differ, the mask is not square although `square` says so, it holds
        several labels and none is given (the message lists them), no pixel or every pixel is inside the mask, weights
        is another word, or an option has no effect.

    Warns
    -----
    UserWarning
        If at least 65% of the image's border is inside the mask: the object fills the picture, or the mask is
        inverted. `matte_from_image`, whose mask comes from a segmenter, does not warn.
    UserWarning
        If the correction of the mask was dropped, as where the mask belongs to another photograph; or if a wide region
        is left unknown and comes out half transparent, see `AutomaticResult.guessed`: the solver
        guesses there.

    Examples
    --------
    >>> image = np.linspace(0, 1, 64)[None, :, None] * np.ones((32, 1, 3))
    >>> matte_from_mask(image, np.arange(16) >= np.full((8, 1), 8), trust_mask=True).alpha.shape
    (32, 64)
    """
    image, weights = check_image(image), check_weights(weights)
    if network is None:
        options = {"method": method, "quality": quality, "erode": erode, "dilate": dilate, "trust_mask": trust_mask}
        result = matte_given(image, mask, label=label, square=square, weights=weights, **options)
        warn_if_doubtful(result)
        return result
    mask = fit_mask(mask, image.shape[:2], label=label, square=square)
    refuse_solver_options(method, quality, erode, dilate, trust_mask)
    if not isinstance(network, MaskNetwork):
        raise ValueError(f"network is a {type(network).__name__}, expected a JointInference")
    alpha, trimap = network.predict(image, mask)
    return AutomaticResult(alpha, trimap, describe_method(None, has_network=True))


def matte_given(
    image: npt.NDArray[np.float32],
    mask: npt.ArrayLike,
    *,
    method: str | None = None,
    quality: Quality | None = None,
    erode: float | None = None,
    dilate: float | None = None,
    label: int | None = None,
    square: bool = False,
    trust_mask: bool = False,
    weights: WeightsKind = RESEARCH,
    is_inverted: bool = False,
    with_confidence: bool = False,
    admit: Admit | None = None,
) -> AutomaticResult:
    """Estimate alpha from a checked image and a mask that a user gave; parameters are those of `matte_from_mask`.

    is_inverted is as for `fit_mask`, with_confidence and admit are as for `solve_mask`.
    """
    own_height = np.shape(mask)[0] if np.ndim(mask) else 1
    mask = fit_mask(mask, image.shape[:2], label=label, square=square, is_inverted=is_inverted)
    pitch = image.shape[0] / own_height
    options = {"method": method, "quality": quality, "erode": erode, "dilate": dilate, "trust_mask": trust_mask}
    options["weights"] = weights
    result = solve_mask(image, mask, pitch, with_confidence=with_confidence, admit=admit, **options)
    if is_border_inside(mask):
        result.guessed = None  # the warning that the mask may be inverted is enough
    return result


def solve_mask(
    image: npt.NDArray[np.float32],
    mask: npt.NDArray[np.float32],
    pitch: float = 1.0,
    *,
    method: str | None = None,
    quality: Quality | None = None,
    erode: float | None = None,
    dilate: float | None = None,
    trust_mask: bool = False,
    weights: WeightsKind = RESEARCH,
    with_confidence: bool = False,
    admit: Admit | None = None,
) -> AutomaticResult:
    """Estimate alpha in a band along the outline of a checked mask (H, W); parameters are those of `matte_from_mask`.

    pitch is the size of the mask's pixels in pixels of the image; with_confidence needs the quality "best". admit is
    called before each solve with the number of unknown pixels and whether the trimap is final; it may raise an error.
    """
    method, quality = check_method_or_quality(method, quality)
    has_widths, correction = erode is not None or dilate is not None, None
    if has_widths:
        trimap = trimap_from_mask(mask, erode=erode, dilate=dilate)
    else:
        trimap, correction = trimap_of_mask(image, mask, pitch, trust_mask, weights, admit)
    if admit is not None:
        admit(np.count_nonzero(trimap == 0.5), True)
    half = None if has_widths else halved_band(trimap, quality)
    if with_confidence:
        alpha, confidence = matte_in_passes(image, trimap, weights=weights, passes=1)
    else:
        alpha, confidence = matte_band(image, trimap, half, method, quality, weights), None
    said = quality if half is None else f"{quality}, at half the size"
    result = AutomaticResult(
        alpha, trimap, _describe_solved(method, said, correction, weights_of(method, quality, weights))
    )
    result.correction, result.guessed = correction, None if has_widths else guessed_in(trimap, alpha)
    result.confidence = confidence
    return result


def trimap_of_mask(
    image: npt.NDArray[np.float32],
    mask: npt.NDArray[np.float32],
    pitch: float = 1.0,
    trust_mask: bool = False,
    weights: WeightsKind = RESEARCH,
    admit: Admit | None = None,
) -> tuple[npt.NDArray[np.float32], MaskCorrection | None]:
    """Return the trimap along a mask's outline, and what became of the mask's correction; see `solve_mask`."""
    trimap, correction = trimap_of_soft_mask(mask, pitch), None
    if not trust_mask:
        trimap, correction = _corrected_trimap(image, mask, trimap, weights)
    for _ in range(WIDENINGS if is_hard(mask) else 0):
        if admit is not None:
            admit(np.count_nonzero(trimap == 0.5), False)
        before, trimap = trimap, widened(trimap, solve_cf(image, trimap))
        if np.array_equal(before, trimap):
            break
    return trimap, correction


def warn_if_doubtful(result: AutomaticResult, found: Found | None = None) -> None:
    """Warn if the correction of the mask was dropped, or a wide region was left unknown and came out half transparent.

    found is given where a segmenter found the mask.
    """
    for warning in Findings(found, result.correction, result.guessed).warnings:
        warn_caller(warning, UserWarning)


def _corrected_trimap(
    image: npt.NDArray[np.float32],
    mask: npt.NDArray[np.float32],
    trimap: npt.NDArray[np.float32],
    weights: WeightsKind,
) -> tuple[npt.NDArray[np.float32], MaskCorrection]:
    """Return the trimap of a mask after the correction of the mask, and what became of that.

    With free weights the correction is left out.
    """
    if weights != RESEARCH:
        return trimap, left_out_correction()
    corrected = corrected_mask(image, mask)
    followed = None if corrected is None else follow_correction(trimap, mask, corrected)
    if corrected is None or followed is None:
        return trimap, MaskCorrection(is_applied=False, changed=0.0)
    return followed, MaskCorrection(is_applied=True, changed=changed_share(mask, corrected))


def left_out_correction() -> MaskCorrection:
    """Return what became of a correction that free weights leave out."""
    correction = MaskCorrection(is_applied=False, changed=0.0)
    correction.left_out = research_only("refiner")
    return correction


def _describe_solved(
    method: str | None, quality: str | None, correction: MaskCorrection | None, weights: WeightsKind | None
) -> str:
    """Describe how trimap and alpha were estimated, and what became of the correction of the mask."""
    if correction is None:
        return describe_method(method, quality, weights=weights)
    return f"{describe_method(method, quality, is_corrected=correction.is_applied, weights=weights)}; {correction}"


def refuse_solver_options(
    method: str | None, quality: str | None, erode: float | None, dilate: float | None, trust_mask: bool = False
) -> None:
    """Refuse options of the solver that were given together with a network."""
    options = {"method": method, "quality": quality, "erode": erode, "dilate": dilate, "trust_mask": trust_mask or None}
    for name, value in options.items():
        if value is not None:
            raise ValueError(f"{name} is {value!r}, expected none with a network")


def describe_method(
    method: str | None,
    quality: str | None = None,
    *,
    has_network: bool = False,
    has_mask: bool = True,
    is_corrected: bool = False,
    may_be_corrected: bool = False,
    weights: WeightsKind | None = RESEARCH,
) -> str:
    """Describe how trimap and alpha are estimated; method or quality is the solver's, unless a network was given.

    weights are those that the solver uses, see `weights_of`; free ones are named. is_corrected tells that the bundled
    network has corrected the mask; may_be_corrected that it will try to, see `is_mask_corrected`.
    """
    if has_network:
        return "trimap and alpha by the network" if has_mask else "alpha by the network, from the image alone"
    solver = f"matte, quality {quality}" if method is None else method
    if weights not in (None, RESEARCH):
        solver += f", weights {weights}"
    where = f"the {'corrected ' if is_corrected else ''}mask's outline"
    if may_be_corrected:
        where += ", corrected by the bundled network where that fits the mask"
    return f"trimap along {where}, alpha by {solver}"


def is_mask_corrected(
    erode: float | None, dilate: float | None, trust_mask: bool, weights: WeightsKind = RESEARCH
) -> bool:
    """Return whether the bundled network corrects a mask; it has research weights only."""
    return not trust_mask and erode is None and dilate is None and weights == RESEARCH
