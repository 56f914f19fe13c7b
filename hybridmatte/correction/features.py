"""Per-pixel features for correcting the solver's alpha."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hybridmatte.correction.estimates import BASE_SOLVER, SolverEstimates
from hybridmatte.correction.window_statistics import Plane, Radii, Values, WindowStatistics

__all__ = ["CANDIDATES", "FEATURES", "FEATURE_TABLE", "MARGIN", "Feature", "colour_regression", "correction_features"]

CANDIDATES = (BASE_SOLVER, "samples")  # the two estimates of alpha
PIXEL_PLANES = (
    *CANDIDATES,
    "to_foreground",
    "to_background",
    "confidence",
    "contrast",
    *(f"residual_{name}" for name in CANDIDATES),
)  # planes whose value at the pixel is a feature
WINDOW_PLANES = (*PIXEL_PLANES, "is_foreground", "is_background")  # planes whose means are features
COLOURS = ("red", "green", "blue")
MARGIN = 17  # pixels: no feature, except the distances, depends on a pixel further away
RESIDUAL_SCALE = 3.0  # multiplies colour residuals, so that most of [0, 1] is used
EPSILON = 1e-4  # regularises regressions: added to variances
MEAN_RADII, DEVIATION_RADII = (1, 4, 12), (1, 2, 4, 8)  # pixels
GREY_RADII, COLOUR_RADII, CORRELATION_RADII = (1, 2, 5, 10), (2, 5), (2, 6)  # pixels
EXTREME_SIDES = {BASE_SOLVER: (3, 5, 9, 13, 25), "samples": (3, 9, 25), "grey": (3, 9, 25)}  # pixels, by plane
BLUR_SCALES = (1, 2, 4)  # pixels


class Feature(NamedTuple):
    """One input of the correction network: `function(statistics, *arguments)` returns its values (n,)."""

    group: str
    name: str
    function: Callable[..., Values]
    arguments: tuple = ()


def correction_features(estimates: SolverEstimates, is_chosen: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
    """Compute the features of chosen pixels.

    Parameters
    ----------
    estimates : SolverEstimates
    is_chosen : (H, W) bool array
        n chosen pixels.

    Returns
    -------
    features : (n, len(FEATURES)) float32 array
        In the order of `FEATURES`, Fortran-contiguous. They depend on pixels at most `MARGIN` away; the distances of
        `SolverEstimates` are the exception.
    """
    statistics = WindowStatistics(_named_planes(estimates), is_chosen, _radii())
    columns = np.empty((len(FEATURE_TABLE), len(statistics.pixels)), np.float32)
    for column, feature in zip(columns, FEATURE_TABLE, strict=True):
        column[:] = feature.function(statistics, *feature.arguments)
    return columns.T


@cache
def _radii() -> Radii:
    """Return the radii of windows that the features need, of each plane and product of planes."""
    pixel = SolverEstimates(*(np.zeros((*channels, 1, 1), np.float32) for channels in ((3,), (), (), (8,), (2,))))
    statistics = WindowStatistics(_named_planes(pixel), np.ones((1, 1), bool))
    for feature in FEATURE_TABLE:
        feature.function(statistics, *feature.arguments)
    return statistics.radii()


def _named_planes(estimates: SolverEstimates) -> dict[str, Plane]:
    """Return the planes (H, W) float32 that the features are computed from, by name.

    "contrast" is the distance between the sampled foreground and background colours. The residual of a candidate is the
    distance between the image's colour and the candidate's mixture of the sampled colours. "disagreement" is the
    absolute difference of the two candidates.
    """
    image, foreground, background = layers = estimates.image, estimates.samples[2:5], estimates.samples[5:8]
    planes = dict(zip((*CANDIDATES, "confidence"), (estimates.alpha, *estimates.samples[:2]), strict=True))
    planes |= dict(zip(("to_foreground", "to_background"), estimates.distances, strict=True))
    planes |= {
        name: (estimates.known == value).astype(np.float32)
        for name, value in (("is_foreground", 1), ("is_background", 0))
    }
    contrast, over_background = foreground - background, image - background
    planes["contrast"] = _length(contrast)
    for name in CANDIDATES:
        planes[f"residual_{name}"] = np.float32(RESIDUAL_SCALE) * _length(over_background - planes[name] * contrast)
    for prefix, layer in zip(("", "foreground ", "background "), layers, strict=True):
        planes |= {f"{prefix}{colour}": plane for colour, plane in zip(COLOURS, layer, strict=True)}
    return planes | {"disagreement": np.abs(estimates.samples[0] - estimates.alpha), "grey": image.mean(axis=0)}


def _difference(statistics: WindowStatistics) -> Values:
    """Return the sampled alpha minus the solver's alpha."""
    return statistics.value("samples") - statistics.value(BASE_SOLVER)


def _colour_deviation(statistics: WindowStatistics, r: int) -> Values:
    """Return the mean over R, G and B of the standard deviations in windows."""
    red, green, blue = (statistics.deviation(colour, r) for colour in COLOURS)
    return (red + green + blue) / 3


def _correlation(statistics: WindowStatistics, one: str, other: str, r: int) -> Values:
    """Return the correlation of two planes in windows; it fades to 0 where a plane is flat."""
    variances = [statistics.variance(name, r) + EPSILON for name in (one, other)]
    return statistics.covariance(one, other, r) / np.sqrt(variances[0] * variances[1])


def _grey_fit(statistics: WindowStatistics, name: str, r: int) -> Values:
    """Return the linear regression of a plane on grey in windows, minus the solver's alpha."""
    grey, variance = statistics.value("grey"), statistics.variance("grey", r) + EPSILON
    scaled_grey = (grey - statistics.mean("grey", r)) / variance
    fit = statistics.mean(name, r) + statistics.covariance(name, "grey", r) * scaled_grey
    return fit - statistics.value(BASE_SOLVER)


def _colour_fit(statistics: WindowStatistics, name: str, r: int) -> Values:
    """Return the linear regression of a plane on R, G and B in windows, minus the solver's alpha."""
    slopes, _ = colour_regression(statistics, name, r)
    centred = [statistics.value(colour) - statistics.mean(colour, r) for colour in COLOURS]
    return statistics.mean(name, r) + _dot(slopes, centred) - statistics.value(BASE_SOLVER)


def _colour_misfit(statistics: WindowStatistics, name: str, r: int) -> Values:
    """Return the standard deviation of what the regression on R, G and B leaves unexplained."""
    slopes, covariances = colour_regression(statistics, name, r)
    return np.sqrt(np.maximum(statistics.variance(name, r) - _dot(slopes, covariances), 0))


def colour_regression(statistics: WindowStatistics, name: str, r: int) -> tuple[list[Values], list[Values]]:
    """Return the slopes of a plane's regression on R, G and B, and its covariances with them: three arrays each."""

    def compute():
        covariances = [statistics.covariance(name, colour, r) for colour in COLOURS]
        return _colour_solver(statistics, r)(covariances), covariances

    return statistics.cached(("colour regression", name, r), compute)


def _colour_solver(statistics: WindowStatistics, r: int) -> Callable[[list[Values]], list[Values]]:
    """Return a function that solves with the colours' 3 x 3 covariance matrices, by their LDL' factors."""
    return statistics.cached(
        ("colour solver", r),
        lambda: _factorised(
            {
                (a, b): statistics.covariance(COLOURS[a], COLOURS[b], r) + EPSILON * (a == b)
                for a in range(3)
                for b in range(a + 1)
            }
        ),
    )


def _factorised(c: dict[tuple[int, int], Values]) -> Callable[[list[Values]], list[Values]]:
    """Return a function that solves with n symmetric 3 x 3 matrices; c holds their lower triangles."""
    d0 = np.maximum(c[0, 0], EPSILON)
    l10, l20 = c[1, 0] / d0, c[2, 0] / d0
    d1 = np.maximum(c[1, 1] - l10 * c[1, 0], EPSILON)
    l21 = (c[2, 1] - l20 * c[1, 0]) / d1
    d2 = np.maximum(c[2, 2] - l20 * c[2, 0] - l21 * l21 * d1, EPSILON)

    def solve(right):
        y1 = right[1] - l10 * right[0]
        x2 = (right[2] - l20 * right[0] - l21 * y1) / d2
        x1 = y1 / d1 - l21 * x2
        return [right[0] / d0 - l10 * x1 - l20 * x2, x1, x2]

    return solve


def _slope(statistics: WindowStatistics, name: str) -> Values:
    """Return the length of a plane's gradient."""
    return statistics.slope(statistics.planes[name])


def _detail(statistics: WindowStatistics, name: str, scale: float) -> Values:
    """Return a plane minus its blurred form."""
    return statistics.value(name) - statistics.at_pixels(statistics.blurred(name, scale))


def _blurred_slope(statistics: WindowStatistics, name: str, scale: float) -> Values:
    """Return the length of the gradient of a blurred plane."""
    return statistics.slope(statistics.blurred(name, scale))


def _sampled_colour_distance(statistics: WindowStatistics, layer: str) -> Values:
    """Return the distance between the image's colour and the sampled colour of a layer."""
    return _length(_colours(statistics) - _colours(statistics, layer))


def _sampled_grey(statistics: WindowStatistics, layer: str) -> Values:
    """Return the mean of R, G and B of the sampled colour of a layer."""
    return _colours(statistics, layer).mean(axis=0)


def _colourfulness(statistics: WindowStatistics) -> Values:
    """Return the largest minus the smallest of the image's R, G and B."""
    image = _colours(statistics)
    return image.max(axis=0) - image.min(axis=0)


def _colours(statistics: WindowStatistics, layer: str = "") -> npt.NDArray[np.float32]:
    """Return the colours (3, n) of the image, or the sampled ones of layer "foreground" or "background"."""
    return np.stack([statistics.value(f"{layer} {colour}".lstrip()) for colour in COLOURS])


def _length(colours: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the lengths (...) of vectors (3, ...)."""
    return np.sqrt((colours**2).sum(axis=0))


def _dot(ones: list[Values], others: list[Values]) -> Values:
    """Return the dot products (n,) of vectors (3,), given as one array (n,) for each component."""
    products = [one * other for one, other in zip(ones, others, strict=True)]
    return products[0] + products[1] + products[2]


FEATURE_TABLE: tuple[Feature, ...] = (  # the trained weights depend on the order of the rows
    *(Feature("planes", name, WindowStatistics.value, (name,)) for name in PIXEL_PLANES),
    *(
        Feature("means", f"{name}, mean {r}", WindowStatistics.mean, (name, r))
        for r in MEAN_RADII
        for name in WINDOW_PLANES
    ),
    Feature("difference", f"samples - {BASE_SOLVER}", _difference),
    *(
        Feature("mean differences", f"|samples - {BASE_SOLVER}|, mean {r}", WindowStatistics.mean, ("disagreement", r))
        for r in MEAN_RADII
    ),
    *(
        feature
        for r in DEVIATION_RADII
        for feature in (
            *(
                Feature("deviations", f"{name}, deviation {r}", WindowStatistics.deviation, (name, r))
                for name in CANDIDATES
            ),
            Feature("deviations", f"colours, deviation {r}", _colour_deviation, (r,)),
        )
    ),
    *(
        Feature("extremes", f"{name}, {kind} {side}", function, (name, side))
        for name, sides in EXTREME_SIDES.items()
        for side in sides
        for kind, function in (("least", WindowStatistics.minimum), ("most", WindowStatistics.maximum))
    ),
    *(
        feature
        for r in GREY_RADII
        for name in CANDIDATES
        for feature in (
            Feature("grey fits", f"{name}, correlation with grey {r}", _correlation, (name, "grey", r)),
            Feature("grey fits", f"{name}, fitted to grey less {BASE_SOLVER} {r}", _grey_fit, (name, r)),
        )
    ),
    *(
        feature
        for r in COLOUR_RADII
        for name in CANDIDATES
        for feature in (
            Feature("colour fits", f"{name}, fitted to colours less {BASE_SOLVER} {r}", _colour_fit, (name, r)),
            Feature("colour fits", f"{name}, misfit to colours {r}", _colour_misfit, (name, r)),
        )
    ),
    *(
        Feature(
            "correlations", f"samples, correlation with {BASE_SOLVER} {r}", _correlation, ("samples", BASE_SOLVER, r)
        )
        for r in CORRELATION_RADII
    ),
    *(Feature("slopes", f"{name}, slope", _slope, (name,)) for name in ("grey", *CANDIDATES)),
    Feature("colours", "to foreground colour", _sampled_colour_distance, ("foreground",)),
    Feature("colours", "to background colour", _sampled_colour_distance, ("background",)),
    Feature("colours", "grey", WindowStatistics.value, ("grey",)),
    Feature("colours", "grey of foreground", _sampled_grey, ("foreground",)),
    Feature("colours", "grey of background", _sampled_grey, ("background",)),
    Feature("colours", "colourfulness", _colourfulness),
    *(
        feature
        for scale in BLUR_SCALES
        for feature in (
            Feature("details", f"grey, detail {scale}", _detail, ("grey", scale)),
            Feature("details", f"{BASE_SOLVER}, detail {scale}", _detail, (BASE_SOLVER, scale)),
            Feature("details", f"grey, slope {scale}", _blurred_slope, ("grey", scale)),
        )
    ),
)
FEATURES: tuple[str, ...] = tuple(feature.name for feature in FEATURE_TABLE)
