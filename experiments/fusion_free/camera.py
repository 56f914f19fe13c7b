"""What a camera does to a picture: lens, mosaic of colour filters, noise of light, sharpening, JPEG."""

import cv2
import numpy as np

from experiments.fusion.disturbances import as_jpeg


def photographed(image: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Return an image (H, W, 3) float32 in [0, 1] as a camera records it, by a random choice of these steps."""
    if generator.uniform() < 0.5:
        image = cv2.GaussianBlur(image, (0, 0), generator.uniform(0.3, 1.0))
    if generator.uniform() < 0.7:
        image = with_light_noise(image, np.exp(generator.uniform(np.log(0.004), np.log(0.035))), generator)
    if generator.uniform() < 0.35:
        image = through_mosaic(image)
    if generator.uniform() < 0.5:
        image = sharpened(image, generator.uniform(0.5, 1.5), generator.uniform(0.2, 1.0))
    if generator.uniform() < 0.5:
        image = as_jpeg(image, int(generator.integers(60, 97)))
    return np.float32(image.clip(0, 1))


def with_light_noise(image: np.ndarray, deviation: float, generator: np.random.Generator) -> np.ndarray:
    """Return an image with noise that grows with the square root of the light, and a quarter of it everywhere."""
    scale = deviation * np.sqrt(0.06 + image.clip(0, 1))
    return np.float32(image + scale * generator.normal(size=image.shape))


def through_mosaic(image: np.ndarray) -> np.ndarray:
    """Return an image of which each pixel had one colour alone, the others interpolated."""
    levels = np.uint16((65535 * image.clip(0, 1)).round())
    mosaic = levels[:, :, 1].copy()
    mosaic[::2, ::2], mosaic[1::2, 1::2] = levels[::2, ::2, 0], levels[1::2, 1::2, 2]
    return np.float32(cv2.demosaicing(mosaic, cv2.COLOR_BayerRGGB2RGB)) / 65535


def sharpened(image: np.ndarray, reach: float, strength: float) -> np.ndarray:
    """Return an image with halos at its edges."""
    return image + strength * (image - cv2.GaussianBlur(image, (0, 0), reach))
