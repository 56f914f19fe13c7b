"""Feature vectors of pixels: colour and weighted coordinates."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from hybridmatte._validation import check_choice, check_image, check_number
from hybridmatte.similarity._features_numba import features_at

__all__ = [
    "centered_features_at",
    "centered_places",
    "pixel_features",
    "pixel_features_at",
    "pixel_positions",
]


def pixel_features(
    image: npt.ArrayLike, *, spatial_weight: float = 1.0, color_space: Literal["rgb", "hsv"] = "rgb"
) -> npt.NDArray[np.float32]:
    """Return a feature vector of colour and position for each pixel.

    Parameters
    ----------
    image : (H, W, 3) array
        RGB in [0, 1]; uint8 and uint16 are scaled. Never modified.
    spatial_weight : float, default 1.0
        Range of the coordinates: x runs from 0 to this over the image's width, and y over its height. At least 0. With
        a larger weight, neighbours in feature space lie nearer in the image.
    color_space : {"rgb", "hsv"}, default "rgb"
        "hsv" gives the cosine and sine of the hue (each in [-1, 1]; grey has hue 0), saturation and value. In this
        space shades of one colour lie closer than in RGB, but the hue of nearly grey pixels is unreliable.

    Returns
    -------
    features : (D, H * W) float32 array
        One row for each feature: R, G, B, x, y (D = 5), or cos H, sin H, S, V, x, y (D = 6).

    Raises
    ------
    ValueError
        If the image is not (H, W, 3) in [0, 1], or an option is outside its range.

    References
    ----------
    .. [1] Q. Chen, D. Li, C.-K. Tang. KNN matting. TPAMI 2013. Section 3.3.

    Examples
    --------
    >>> import numpy as np
    >>> pixel_features(np.zeros((2, 3, 3)), spatial_weight=2.0)[3].tolist()
    [0.0, 1.0, 2.0, 0.0, 1.0, 2.0]
    """
    image = check_image(image)
    spatial_weight = check_number(spatial_weight, "spatial_weight", low=0)
    check_choice(color_space, "color_space", ("rgb", "hsv"))
    height, width = image.shape[:2]
    n_colors = 3 if color_space == "rgb" else 4
    features = np.empty((n_colors + 2, height, width), np.float32)
    features[:n_colors] = np.moveaxis(image, 2, 0) if color_space == "rgb" else _hsv_planes(image)
    features[n_colors:] = pixel_positions(height, width, spatial_weight)
    return features.reshape(n_colors + 2, height * width)


def centered_features_at(
    image: npt.NDArray[np.float32],
    pixels: npt.NDArray[np.integer],
    *,
    spatial_weight: float,
    color_space: Literal["rgb", "hsv"] = "rgb",
) -> npt.NDArray[np.float32]:
    """Return features of some pixels, given by their flat indices (n,), with positions counted from the centre.

    These are the `pixel_features` (5, n), or (6, n) for HSV, but for the positions. Distances are the same up to
    rounding. Those of a mirrored image are the same to the bit: a mirrored position is the negative one, and both are
    rounded alike.
    """
    colors = image.reshape(-1, 3)
    features = features_at(colors, pixels, *centered_places(image.shape, spatial_weight))
    if color_space == "rgb":
        return features
    return np.concatenate([np.stack(_hsv_planes(colors[pixels][None]))[:, 0].astype(np.float32), features[3:]])


def pixel_features_at(image: npt.NDArray[np.float32], pixels: npt.NDArray[np.integer]) -> npt.NDArray[np.float32]:
    """Return the `pixel_features` (5, n) of some pixels, given by their flat indices (n,)."""
    height, width = image.shape[:2]
    columns, rows = pixel_positions(1, width, 1.0)[0, 0], pixel_positions(height, 1, 1.0)[1, :, 0]
    return features_at(image.reshape(-1, 3), pixels, columns, rows)


def centered_places(shape: tuple[int, ...], spatial_weight: float) -> list[npt.NDArray[np.float32]]:
    """Return the positions of the columns (W,) and of the rows (H,), counted from the centre of the image."""
    return [
        (spatial_weight * ((2 * np.arange(side) - (side - 1)) / max(2 * (side - 1), 1))).astype(np.float32)
        for side in (shape[1], shape[0])
    ]


def pixel_positions(height: int, width: int, spatial_weight: float) -> npt.NDArray[np.float32]:
    """Return x and y of every pixel, each from 0 to `spatial_weight`, as (2, H, W) float32."""
    positions = np.empty((2, height, width), np.float32)
    positions[0] = spatial_weight * (np.arange(width) / max(width - 1, 1))
    positions[1] = spatial_weight * (np.arange(height) / max(height - 1, 1))[:, None]
    return positions


def _hsv_planes(image: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.floating], ...]:
    """Return the planes cos H, sin H, S and V of an (H, W, 3) image."""
    red, green, blue = np.moveaxis(image, 2, 0)
    value = image.max(axis=2)
    chroma = value - image.min(axis=2)
    divisor = np.where(chroma > 0, chroma, 1)
    sector = np.where(
        value == red,
        (green - blue) / divisor,
        np.where(value == green, 2 + (blue - red) / divisor, 4 + (red - green) / divisor),
    )
    hue = np.where(chroma > 0, sector, 0) * (np.pi / 3)
    return np.cos(hue), np.sin(hue), chroma / np.where(value > 0, value, 1), value
