"""What is seen of a pixel when a matte is corrected: what solver and samples say there and around, how colours fit."""

from itertools import combinations, product
from typing import NamedTuple

import numpy as np

__all__ = ["CANDIDATES", "FEATURES", "GROUPS", "MARGIN", "PLANES", "TRUSTED", "Solved", "fusion_features",
           "known_distances"]

TRUSTED = "information_flow"  # the best single solver, whose alpha is corrected
CANDIDATES = (TRUSTED, "samples")  # the samples' alpha is that of `hybridmatte.sampling.sample_alpha`
OWN = (*CANDIDATES, "to_foreground", "to_background", "confidence", "contrast",
       *(f"residual_{name}" for name in CANDIDATES))  # planes that differ between unknown pixels
PLANES = (*OWN, "is_foreground", "is_background")
MARGIN = 17  # pixels around a pixel that are seen
REACH = 4.0  # distances to the known regions are log(1 + pixels) over this
RESIDUAL = 3.0  # a colour error of 1 / RESIDUAL fills its plane
EPSILON = 1e-4  # of regressions: added to variances
RADII = (1, 4, 12)  # of means; windows end at the image
SPREAD_RADII = (1, 2, 4, 8)  # of standard deviations
GREY_RADII, COLOUR_RADII, PAIR_RADII = (1, 2, 5, 10), (2, 5), (2, 6)  # of regressions and correlations
EXTREMES = {TRUSTED: (3, 5, 9, 13, 25), "samples": (3, 9, 25), "grey": (3, 9, 25)}
COLOURS = ("red", "green", "blue")
SUMMED = (*((name,) for name in (*PLANES, "apart", *COLOURS, "grey")),  # whose means in windows are sought
          *((name, name) for name in (*CANDIDATES, *COLOURS, "grey")), *combinations(COLOURS, 2), CANDIDATES,
          *product(CANDIDATES, (*COLOURS, "grey")))
SCALES = (1, 2, 4)  # standard deviations of Gaussians, pixels
DIFFERENCE = f"samples - {TRUSTED}"


def _names():
    """Return the features' names, a group of them a way of making them."""
    return {
        "planes": list(OWN),
        "means": [f"{name}, mean {r}" for r in RADII for name in PLANES],
        "difference": [DIFFERENCE],
        "mean differences": [f"|{DIFFERENCE}|, mean {r}" for r in RADII],
        "deviations": [f"{name}, deviation {r}" for r in SPREAD_RADII for name in (*CANDIDATES, "colours")],
        "extremes": [f"{name}, {kind} {k}" for name, sides in EXTREMES.items() for k in sides
                     for kind in ("least", "most")],
        "grey fits": [f"{name}, {kind} {r}" for r in GREY_RADII for name in CANDIDATES
                      for kind in ("correlation with grey", f"fitted to grey less {TRUSTED}")],
        "colour fits": [f"{name}, {kind} {r}" for r in COLOUR_RADII for name in CANDIDATES
                        for kind in (f"fitted to colours less {TRUSTED}", "misfit to colours")],
        "correlations": [f"samples, correlation with {TRUSTED} {r}" for r in PAIR_RADII],
        "slopes": [f"{name}, slope" for name in ("grey", *CANDIDATES)],
        "colours": ["to foreground colour", "to background colour", "grey", "grey of foreground",
                    "grey of background", "colourfulness"],
        "details": [f"{name} {scale}" for scale in SCALES
                    for name in ("grey, detail", f"{TRUSTED}, detail", "grey, slope")],
    }


GROUPS = _names()
FEATURES = tuple(name for names in GROUPS.values() for name in names)


class Solved(NamedTuple):
    """What is judged by, all of one height and width.

    image is (3, H, W) in [0, 1]; known is (H, W), 0, 0.5 and 1; alpha (H, W), the trusted solver's, and samples
    (8, H, W), the alpha, confidence, foreground and background of `sample_alpha`, are in [0, 1]; distances (2, H, W)
    are those to the known foreground and background as log(1 + pixels) / REACH. All are float32.
    """

    image: np.ndarray
    known: np.ndarray
    alpha: np.ndarray
    samples: np.ndarray
    distances: np.ndarray

    def part(self, rows, columns):
        """Return the same of a rectangle, without copies."""
        return Solved(*(plane[..., rows, columns] for plane in self))


def known_distances(known):
    """Return the distances (2, H, W) of `Solved` from a trimap of 0, 0.5 and 1 with both regions."""
    return np.log1p([_distance(known != value) for value in (1, 0)]) / np.float32(REACH)


def fusion_features(solved, chosen):
    """Return the features of some pixels.

    Parameters
    ----------
    solved : Solved
    chosen : (H, W) bool array

    Returns
    -------
    rows : (n, len(FEATURES)) float32 array
        Of the chosen pixels, in the order of `FEATURES`; each feature lies together in memory. They depend on pixels
        at most `MARGIN` away, but for the distances of `Solved`.
    """
    seen = _Seen(_named_planes(solved), chosen)
    columns = np.empty((len(FEATURES), len(seen.pixels)), np.float32)
    for column, values in zip(columns, _features(seen), strict=True):
        column[:] = values
    return columns.T


def _features(seen):
    """Return a feature (n,) after the other."""
    yield from (seen.own(name) for name in OWN)
    yield from (seen.mean(name, r) for r in RADII for name in PLANES)
    yield seen.own("samples") - seen.own(TRUSTED)
    yield from (seen.mean("apart", r) for r in RADII)
    yield from _deviations(seen)
    yield from _extremes(seen)
    yield from _grey_fits(seen)
    yield from _colour_fits(seen)
    yield from (seen.correlation("samples", TRUSTED, r) for r in PAIR_RADII)
    yield from (seen.take(_slope(seen.named[name])) for name in ("grey", *CANDIDATES))
    yield from _colour_features(seen)
    yield from _details(seen)


def _named_planes(solved):
    """Return the planes (H, W) float32 that features are made of, by name.

    Contrast is the distance between the samples' colours, the residual of a candidate the distance of the image's
    colour from what its alpha makes of them.
    """
    image, foreground, background = layers = solved.image, solved.samples[2:5], solved.samples[5:8]
    named = dict(zip((*CANDIDATES, "confidence"), (solved.alpha, *solved.samples[:2]), strict=True))
    named |= dict(zip(("to_foreground", "to_background"), solved.distances, strict=True))
    named |= {name: np.float32(solved.known == value) for name, value in (("is_foreground", 1), ("is_background", 0))}
    contrast, shown = foreground - background, image - background
    named["contrast"] = _length(contrast)
    for name in CANDIDATES:
        named[f"residual_{name}"] = np.float32(RESIDUAL) * _length(shown - named[name] * contrast)
    for kind, layer in zip(("", "foreground ", "background "), layers, strict=True):
        named |= {f"{kind}{colour}": plane for colour, plane in zip(COLOURS, layer, strict=True)}
    return named | {"apart": np.abs(solved.samples[0] - solved.alpha), "grey": image.mean(axis=0)}


class _Seen:
    """Named planes as some pixels see them: their own values, and means and covariances in windows around them."""

    def __init__(self, named, chosen):
        self.named, self.shape, self.pixels = named, chosen.shape, np.flatnonzero(chosen)
        self._sums = dict(zip(SUMMED, _sums(named, chosen.shape), strict=True))
        self._found = {}

    def take(self, plane):
        return plane.ravel().take(self.pixels)

    def own(self, name):
        """Return the pixels' own values (n,) of a plane."""
        return self._once(("own", name), lambda: self.take(self.named[name]))

    def colours(self, kind=""):
        """Return the pixels' colours (3, n): the image's, or with "foreground " or "background " the samples'."""
        return np.stack([self.own(f"{kind}{colour}") for colour in COLOURS])

    def mean(self, name, r):
        """Return the means (n,) of a plane in windows, as far as the plane reaches."""
        return self._once(("rounded", name, r), lambda: np.float32(self._mean(name, r)))

    def covariance(self, one, other, r):
        from hybridmatte.correction._features_numba import window_covariances

        names = (one, other) if (one, other) in self._sums else (other, one)
        return self._once((names, r), lambda: window_covariances(
            self._sums[names], self._mean(one, r), self._mean(other, r), *self._windows(r)))

    def variance(self, name, r):
        return np.maximum(self.covariance(name, name, r), 0)

    def correlation(self, one, other, r):
        softened = [self.variance(name, r) + EPSILON for name in (one, other)]
        return self.covariance(one, other, r) / np.sqrt(softened[0] * softened[1])

    def _mean(self, name, r):
        from hybridmatte.correction._features_numba import window_means

        return self._once(("mean", name, r), lambda: window_means(self._sums[name,], *self._windows(r)))

    def _windows(self, r):
        from hybridmatte.correction._features_numba import windows

        return self._once(("windows", r), lambda: windows(self.pixels, *self.shape, r))

    def _once(self, key, make):
        if key not in self._found:
            self._found[key] = make()
        return self._found[key]


def _sums(named, shape):
    """Return the sums (len(SUMMED), (H + 1) (W + 1)) float64 of planes and products, above and to the left."""
    import cv2

    sums = np.empty((len(SUMMED), shape[0] + 1, shape[1] + 1))
    for plane_sums, names in zip(sums, SUMMED, strict=True):
        planes = [named[name] for name in names]
        cv2.integral(planes[0] if len(planes) == 1 else np.multiply(*planes, dtype=np.float64), plane_sums)
    return sums.reshape(len(SUMMED), -1)


def _deviations(seen):
    """Return standard deviations of the candidates, and the colours' mean one, of every radius."""
    for r in SPREAD_RADII:
        varied = [np.sqrt(seen.variance(name, r)) for name in (*CANDIDATES, *COLOURS)]
        yield from (*varied[:-3], sum(varied[-3:]) / 3)


def _extremes(seen):
    """Return the least and largest values of planes in squares."""
    import cv2

    return (seen.take(change(seen.named[name], np.ones((k, k), np.uint8))) for name, sides in EXTREMES.items()
            for k in sides for change in (cv2.erode, cv2.dilate))


def _grey_fits(seen):
    """Return candidates' correlations with grey, and how far the lines fitted to grey are from the trusted one."""
    for r in GREY_RADII:
        away = (seen.own("grey") - seen.mean("grey", r)) / (seen.variance("grey", r) + EPSILON)
        for name in CANDIDATES:
            yield seen.correlation(name, "grey", r)
            yield seen.mean(name, r) + seen.covariance(name, "grey", r) * away - seen.own(TRUSTED)


def _colour_fits(seen):
    """Return how far the planes fitted to the colours are from the trusted candidate, and how badly they fit."""
    for r in COLOUR_RADII:
        away = [seen.own(colour) - seen.mean(colour, r) for colour in COLOURS]
        solve = _colour_solver(seen, r)
        for name in CANDIDATES:
            common = [seen.covariance(name, colour, r) for colour in COLOURS]
            slopes = solve(common)
            yield seen.mean(name, r) + _dot(slopes, away) - seen.own(TRUSTED)
            yield np.sqrt(np.maximum(seen.variance(name, r) - _dot(slopes, common), 0))


def _dot(ones, others):
    return sum(one * other for one, other in zip(ones, others, strict=True))


def _colour_solver(seen, r):
    """Return a function that solves for slopes (three arrays) by LDL factors of the colours' covariances in windows."""
    c = {(a, b): seen.covariance(COLOURS[a], COLOURS[b], r) + EPSILON * (a == b)
         for a in range(3) for b in range(a + 1)}
    d0 = np.maximum(c[0, 0], EPSILON)
    l10, l20 = c[1, 0] / d0, c[2, 0] / d0
    d1 = np.maximum(c[1, 1] - l10 * c[1, 0], EPSILON)
    l21 = (c[2, 1] - l20 * c[1, 0]) / d1
    d2 = np.maximum(c[2, 2] - l20 * c[2, 0] - l21 * l21 * d1, EPSILON)

    def solve(right):
        y1 = right[1] - l10 * right[0]
        x2 = (right[2] - l20 * right[0] - l21 * y1) / d2
        x1 = y1 / d1 - l21 * x2
        return right[0] / d0 - l10 * x1 - l20 * x2, x1, x2

    return solve


def _colour_features(seen):
    """Return how far the colours are from the samples' and how bright they are."""
    image, foreground, background = (seen.colours(kind) for kind in ("", "foreground ", "background "))
    return [_length(image - foreground), _length(image - background), seen.own("grey"), foreground.mean(axis=0),
            background.mean(axis=0), image.max(axis=0) - image.min(axis=0)]


def _details(seen):
    """Return what Gaussians take away from grey and the trusted candidate, and the slopes that they leave."""
    import cv2

    for scale in SCALES:
        grey, alpha = (cv2.GaussianBlur(seen.named[name], (0, 0), scale) for name in ("grey", TRUSTED))
        yield from (seen.own("grey") - seen.take(grey), seen.own(TRUSTED) - seen.take(alpha), seen.take(_slope(grey)))


def _slope(plane):
    """Return the length of a plane's gradient by Sobel's filters."""
    import cv2

    return np.hypot(cv2.Sobel(plane, cv2.CV_32F, 1, 0), cv2.Sobel(plane, cv2.CV_32F, 0, 1))


def _distance(is_outside):
    """Return the distances to the pixels that are not outside."""
    import cv2

    return cv2.distanceTransform(np.uint8(is_outside), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)


def _length(colours):
    """Return the lengths (...) of colours (3, ...)."""
    return np.sqrt((colours**2).sum(axis=0))
