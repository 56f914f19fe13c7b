"""What is seen of a pixel when a matte is corrected: what solver and samples say there and around, how colours fit."""

from typing import NamedTuple

import numpy as np

__all__ = ["CANDIDATES", "FEATURES", "GROUPS", "MARGIN", "PLANES", "TRUSTED", "Solved", "fusion_features",
           "known_distances"]

TRUSTED = "information_flow"  # the best single solver, whose alpha is corrected
CANDIDATES = (TRUSTED, "samples")  # the samples' alpha is that of `hybridmatte.sampling.sample_alpha`
PLANES = (*CANDIDATES, "is_foreground", "is_background", "to_foreground", "to_background", "confidence", "contrast",
          *(f"residual_{name}" for name in CANDIDATES))
MARGIN = 32  # pixels around a pixel that are seen; nearest pixels are sought as far
REACH = 4.0  # distances to the known regions are log(1 + pixels) over this
RESIDUAL = 3.0  # a colour error of 1 / RESIDUAL fills its plane
NOISE = 1e-6  # variance that rounding may leave where nothing varies
EPSILON = 1e-4  # of regressions: added to variances
RADII = (1, 4, 12)  # of means
SPREAD_RADII = (1, 2, 4, 8)  # of standard deviations
GREY_RADII, COLOUR_RADII, PAIR_RADII = (1, 2, 5, 10), (2, 5), (2, 6)  # of regressions and correlations
EXTREMES = {TRUSTED: (3, 5, 9, 13, 25), "samples": (3, 9, 25), "grey": (3, 9, 25)}
SURE = {TRUSTED: (0.99, 0.95, 0.5, 0.05, 0.01), "samples": (0.95, 0.5, 0.05)}
COLOURS = ("red", "green", "blue")
SCALES = (1, 2, 4)  # standard deviations of Gaussians, pixels
DIFFERENCE = f"samples - {TRUSTED}"


def _names():
    """Return the features' names, a group of them a way of making them."""
    levels = [(name, level) for name, own in SURE.items() for level in own]
    return {
        "planes": list(PLANES),
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
        "nearest": [f"{name}, to {kind} {level}" for name, level in levels for kind in _sides(level)],
        "slopes": [f"{name}, slope" for name in ("grey", *CANDIDATES)],
        "colours": ["to foreground colour", "to background colour", "grey", "grey of foreground",
                    "grey of background", "colourfulness"],
        "details": [f"{name} {scale}" for scale in SCALES
                    for name in ("grey, detail", f"{TRUSTED}, detail", "grey, slope")],
    }


def _sides(level):
    """Return whether what is above a level, below it, or both is sought."""
    return ("above",) if level > 0.5 else ("below",) if level < 0.5 else ("above", "below")


GROUPS = _names()
FEATURES = tuple(name for names in GROUPS.values() for name in names)


class Solved(NamedTuple):
    """What is judged by, all of one height and width.

    image is (H, W, 3) in [0, 1]; known is (H, W), 0, 0.5 and 1; alpha (H, W), the trusted solver's, and samples
    (H, W, 8), the alpha, confidence, foreground and background of `sample_alpha`, are in [0, 1]; distances (H, W, 2)
    are those to the known foreground and background as log(1 + pixels) / REACH. All are float32.
    """

    image: np.ndarray
    known: np.ndarray
    alpha: np.ndarray
    samples: np.ndarray
    distances: np.ndarray

    def part(self, rows, columns):
        """Return the same of a rectangle, without copies."""
        return Solved(*(plane[rows, columns] for plane in self))


def known_distances(known):
    """Return the distances (H, W, 2) of `Solved` from a trimap of 0, 0.5 and 1 with both regions."""
    return np.log1p(np.dstack([_distance(known != value) for value in (1, 0)])) / np.float32(REACH)


def fusion_features(solved, chosen):
    """Return the features of some pixels.

    Parameters
    ----------
    solved : Solved
    chosen : (H, W) bool array

    Returns
    -------
    rows : (n, len(FEATURES)) float32 array
        Of the chosen pixels, in the order of `FEATURES`. They depend on pixels at most `MARGIN` away, but for the
        distances of `Solved`.
    """
    pixels = np.flatnonzero(chosen)
    rows = np.empty((len(pixels), len(FEATURES)), np.float32)
    for column, plane in zip(rows.T, _feature_planes(solved), strict=True):
        column[:] = plane.take(pixels)
    return rows


def _feature_planes(solved):
    """Return a feature (H, W) after the other."""
    image, *_ = layers = _layers(solved)
    planes = _planes(solved, layers)
    named = dict(zip((*PLANES, *COLOURS, "grey"), (*planes, *image, image.mean(axis=0)), strict=True))
    seen, difference = _Windows(named), named["samples"] - named[TRUSTED]
    apart = np.abs(difference)
    yield from planes
    yield from (seen.mean(name, r) for r in RADII for name in PLANES)
    yield difference
    yield from (_mean(apart, r) for r in RADII)
    yield from _deviations(seen)
    yield from _extremes(named)
    yield from _grey_fits(seen)
    yield from _colour_fits(seen)
    yield from (seen.correlation("samples", TRUSTED, r) for r in PAIR_RADII)
    yield from _nearest(named)
    yield from (_slope(named[name]) for name in ("grey", *CANDIDATES))
    yield from _colour_features(named["grey"], *layers)
    yield from _details(named)


def _planes(solved, layers):
    """Return the planes (len(PLANES), H, W) float32 of `Solved`, features of the pixel alone.

    layers are the image and the samples' foreground and background, each (3, H, W). Contrast is the distance between
    the latter, and the residual of a candidate the distance of the image's colour from what its alpha makes of them.
    """
    image, foreground, background = layers
    candidates, confidence = (solved.alpha, solved.samples[:, :, 0]), solved.samples[:, :, 1]
    difference, shown = foreground - background, image - background
    residuals = [np.float32(RESIDUAL) * _length(shown - candidate * difference) for candidate in candidates]
    return np.stack([*candidates, solved.known == 1, solved.known == 0, *np.moveaxis(solved.distances, 2, 0),
                     confidence, _length(difference), *residuals], dtype=np.float32, casting="same_kind")


class _Windows:
    """Means and variances of named planes in windows, made once."""

    def __init__(self, named):
        self.named, self._found = named, {}

    def mean(self, name, r):
        return self._once(("mean", name, r), lambda: _mean(self.named[name], r))

    def variance(self, name, r):
        """Return the variances of a plane in windows, 0 where only rounding varies."""
        key = "variance", name, r
        return self._once(key, lambda: np.maximum(self._product(name, name, r) - np.float32(NOISE), 0))

    def covariance(self, one, other, r):
        return self._once((one, other, r), lambda: self._product(one, other, r))

    def correlation(self, one, other, r):
        softened = [self.variance(name, r) + np.float32(EPSILON) for name in (one, other)]
        return self.covariance(one, other, r) / np.sqrt(softened[0] * softened[1])

    def _product(self, one, other, r):
        return _mean(self.named[one] * self.named[other], r) - self.mean(one, r) * self.mean(other, r)

    def _once(self, key, make):
        if key not in self._found:
            self._found[key] = make()
        return self._found[key]


def _deviations(seen):
    """Return standard deviations of the candidates, and the colours' mean one, of every radius."""
    for r in SPREAD_RADII:
        varied = [np.sqrt(seen.variance(name, r)) for name in (*CANDIDATES, *COLOURS)]
        yield from (*varied[:-3], sum(varied[-3:]) / 3)


def _extremes(named):
    """Return the least and largest values of planes in squares."""
    import cv2

    return [change(named[name], np.ones((k, k), np.uint8)) for name, sides in EXTREMES.items() for k in sides
            for change in (cv2.erode, cv2.dilate)]


def _grey_fits(seen):
    """Return candidates' correlations with grey, and how far the lines fitted to grey are from the trusted one."""
    for r in GREY_RADII:
        away = (seen.named["grey"] - seen.mean("grey", r)) / (seen.variance("grey", r) + np.float32(EPSILON))
        for name in CANDIDATES:
            yield seen.correlation(name, "grey", r)
            yield seen.mean(name, r) + seen.covariance(name, "grey", r) * away - seen.named[TRUSTED]


def _colour_fits(seen):
    """Return how far the planes fitted to the colours are from the trusted candidate, and how badly they fit."""
    for r in COLOUR_RADII:
        away = [seen.named[colour] - seen.mean(colour, r) for colour in COLOURS]
        solve = _colour_solver(seen, r)
        for name in CANDIDATES:
            common = [seen.covariance(name, colour, r) for colour in COLOURS]
            slopes = solve(common)
            yield seen.mean(name, r) + _dot(slopes, away) - seen.named[TRUSTED]
            yield np.sqrt(np.maximum(seen.variance(name, r) - _dot(slopes, common), 0))


def _dot(ones, others):
    return sum(one * other for one, other in zip(ones, others, strict=True))


def _colour_solver(seen, r):
    """Return a function that solves for slopes (three planes) by LDL factors of the colours' covariances in windows."""
    c = {(a, b): seen.covariance(COLOURS[a], COLOURS[b], r) + np.float32(EPSILON * (a == b))
         for a in range(3) for b in range(a + 1)}
    d0 = np.maximum(c[0, 0], np.float32(EPSILON))
    l10, l20 = c[1, 0] / d0, c[2, 0] / d0
    d1 = np.maximum(c[1, 1] - l10 * c[1, 0], np.float32(EPSILON))
    l21 = (c[2, 1] - l20 * c[1, 0]) / d1
    d2 = np.maximum(c[2, 2] - l20 * c[2, 0] - l21 * l21 * d1, np.float32(EPSILON))

    def solve(right):
        y1 = right[1] - l10 * right[0]
        x2 = (right[2] - l20 * right[0] - l21 * y1) / d2
        x1 = y1 / d1 - l21 * x2
        return right[0] / d0 - l10 * x1 - l20 * x2, x1, x2

    return solve


def _nearest(named):
    """Return the logarithms of 1 + the distances to what is above or below levels, at most MARGIN - 1 pixels."""
    found = []
    for name, levels in SURE.items():
        for level in levels:
            ways = {"above": named[name] < level, "below": named[name] > level}
            found += [np.log1p(np.minimum(_distance(ways[kind]), MARGIN - 1)) for kind in _sides(level)]
    return found


def _colour_features(grey, image, foreground, background):
    """Return how far the colours are from the samples' and how bright they are."""
    return [_length(image - foreground), _length(image - background), grey, foreground.mean(axis=0),
            background.mean(axis=0), image.max(axis=0) - image.min(axis=0)]


def _details(named):
    """Return what Gaussians take away from grey and the trusted candidate, and the slopes that they leave."""
    import cv2

    found = []
    for scale in SCALES:
        grey, alpha = (cv2.GaussianBlur(named[name], (0, 0), scale) for name in ("grey", TRUSTED))
        found += [named["grey"] - grey, named[TRUSTED] - alpha, _slope(grey)]
    return found


def _layers(solved):
    """Return image, and foreground and background of the samples, as planes (3, H, W)."""
    return [np.ascontiguousarray(colours.transpose(2, 0, 1))
            for colours in (solved.image, solved.samples[:, :, 2:5], solved.samples[:, :, 5:8])]


def _mean(plane, r):
    import cv2

    return cv2.blur(plane, (2 * r + 1, 2 * r + 1))


def _slope(plane):
    """Return the length of a plane's gradient by Sobel's filters."""
    import cv2

    return np.hypot(cv2.Sobel(plane, cv2.CV_32F, 1, 0), cv2.Sobel(plane, cv2.CV_32F, 0, 1))


def _distance(is_outside):
    """Return the distances to the pixels that are not outside."""
    import cv2

    return cv2.distanceTransform(np.uint8(is_outside), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)


def _length(colours):
    """Return the lengths (H, W) of colours (3, H, W)."""
    return np.sqrt((colours**2).sum(axis=0))
