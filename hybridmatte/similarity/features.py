"""Feature vectors of pixels: colour and weighted coordinates."""

import numpy as np

from hybridmatte._validation import check_choice, check_image, check_number

__all__ = ["pixel_features", "pixel_positions"]


def pixel_features(image, *, spatial_weight=1.0, color_space="rgb"):
    """Return a feature vector of colour and position for each pixel.

    Parameters
    ----------
    image : (H, W, 3) array
        RGB in [0, 1]; uint8 and uint16 are scaled. Never modified.
    spatial_weight : float, default 1.0
        Length of the image's width, and of its height, in units of colour; at least 0. Larger keeps neighbours near.
    color_space : {"rgb", "hsv"}, default "rgb"
        "hsv" gives cosine and sine of the hue (each in [-1, 1]; hue 0 for greys), saturation and value: shades of one
        colour are closer, and pixels of little colour have no reliable hue.

    Returns
    -------
    features : (D, H * W) float32 array
        One row a feature: R, G, B, x, y (D = 5), or cos H, sin H, S, V, x, y (D = 6); x and y run from 0 to
        `spatial_weight`.

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
    features[:n_colors] = np.moveaxis(image, 2, 0) if color_space == "rgb" else _hue_circle(image)
    features[n_colors:] = pixel_positions(height, width, spatial_weight)
    return features.reshape(n_colors + 2, height * width)


def pixel_positions(height, width, spatial_weight):
    """Return x and y of every pixel from 0 to `spatial_weight`, (2, H, W) float32."""
    positions = np.empty((2, height, width), np.float32)
    positions[0] = spatial_weight * (np.arange(width) / max(width - 1, 1))
    positions[1] = spatial_weight * (np.arange(height) / max(height - 1, 1))[:, None]
    return positions


def _hue_circle(image):
    """Return cos H, sin H, S, V of an (H, W, 3) image as four planes."""
    red, green, blue = np.moveaxis(image, 2, 0)
    value = image.max(axis=2)
    chroma = value - image.min(axis=2)
    divisor = np.where(chroma > 0, chroma, 1)
    sector = np.where(value == red, (green - blue) / divisor,
                      np.where(value == green, 2 + (blue - red) / divisor, 4 + (red - green) / divisor))
    hue = np.where(chroma > 0, sector, 0) * (np.pi / 3)
    return np.cos(hue), np.sin(hue), chroma / np.where(value > 0, value, 1), value
