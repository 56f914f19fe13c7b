"""Scenes that are blurred or enlarged, with noise."""

import cv2
import numpy as np

from tests.synthetic import Scene

NOISE = 0.005


def repeated(scene, times=3):
    """Return a scene repeated, each time mirrored, so that there are no seams."""
    height, width = scene.trimap.shape
    sides = (0, (times - 1) * height), (0, (times - 1) * width)
    return Scene(*(np.pad(plane, [*sides, (0, 0)][: plane.ndim], mode="symmetric") for plane in scene))


def blurred(scene, sigma, *, noise=NOISE, photons=0.0):
    """Return a scene blurred by a Gaussian, with noise whose variance grows with brightness by `photons`."""
    image, alpha = (cv2.GaussianBlur(np.float32(plane), (0, 0), sigma) for plane in (scene.image, scene.alpha))
    return Scene(noisy(image, np.sqrt(noise**2 + photons * image)), scene.trimap, alpha)


def enlarged(scene, factor, *, noise=NOISE, odd=0):
    """Return a scene enlarged, with noise, and sides that are longer by `odd` pixels."""
    size = tuple(round(factor * side) + odd for side in scene.trimap.shape[::-1])
    image, alpha = (
        cv2.resize(np.float32(plane), size, interpolation=cv2.INTER_CUBIC).clip(0, 1)
        for plane in (scene.image, scene.alpha)
    )
    return Scene(noisy(image, noise), cv2.resize(scene.trimap, size, interpolation=cv2.INTER_NEAREST), alpha)


def noisy(image, deviation):
    """Return an image with noise."""
    noise = np.random.default_rng(0).standard_normal(image.shape, np.float32)
    return (image + deviation * noise).clip(0, 1).astype(np.float32)
