"""Cut-outs and composites in linear light, whose numbers may be above 1."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hybridmatte.foreground import Fit, estimate_foreground, fitted

__all__ = ["fitted_light", "foreground_light", "over_light"]

FloatArray = npt.NDArray[np.float32]


def foreground_light(light: FloatArray, alpha: FloatArray) -> FloatArray:
    """Return the foreground's colours (H, W, 3) of a picture in linear light, given its alpha (H, W).

    The colours are those of `hybridmatte.estimate_foreground` for the picture scaled to [0, 1]: its equation is linear,
    so that the scale does not change the result. Where alpha is 1 they are the picture's own, also below 0.
    """
    peak = max(float(light.max()), 1.0)
    if not np.isfinite(peak):
        light = np.minimum(light, np.finfo(np.float16).max)
        peak = float(light.max())
    colours = estimate_foreground((light / np.float32(peak)).clip(0, 1), alpha)
    colours *= np.float32(peak)
    np.copyto(colours, light, where=(alpha == 1)[:, :, None])
    return colours


def over_light(foreground: FloatArray, alpha: FloatArray, background: FloatArray) -> FloatArray:
    """Return ``alpha * foreground + (1 - alpha) * background`` of linear light of any size.

    The background is (H, W, 3), or one colour (3,).
    """
    weight = alpha[:, :, None]
    return weight * foreground + (np.float32(1) - weight) * background


def fitted_light(picture: FloatArray, shape: tuple[int, ...], fit: Fit) -> FloatArray:
    """Return a picture (h, w, 3) at a height and width, see `hybridmatte.composite`; one colour (3,) as it is."""
    if picture.ndim == 1:
        return picture
    peak = np.float32(max(float(picture.max()), 1.0))
    return fitted((picture / peak).clip(0, 1), shape, fit) * peak
