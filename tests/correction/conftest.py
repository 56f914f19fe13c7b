"""A scene that the tests of the correction share."""

import cv2
import numpy as np
import pytest

from hybridmatte.data import random_scene
from hybridmatte.foreground import composite
from hybridmatte.trimap import trimap_from_alpha
from tests.synthetic import Scene


@pytest.fixture(scope="module")
def fur():
    """Return a scene of 160 x 208 pixels: drawn fur over smooth noise."""
    generator = np.random.default_rng(5)
    sample = random_scene((160, 208), generator, kind="fur")
    behind = cv2.resize(generator.random((5, 7, 3), np.float32), (208, 160), interpolation=cv2.INTER_LINEAR)
    image = composite(sample.foreground, sample.alpha, behind)
    return Scene(image, trimap_from_alpha(sample.alpha, erode=8, dilate=8), sample.alpha)
