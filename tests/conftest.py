"""Fixtures shared by all tests."""

import numpy as np
import pytest

from tests.synthetic import soft_disk


@pytest.fixture
def scene():
    """The small soft disk: image, trimap, alpha."""
    return soft_disk()


@pytest.fixture
def rng():
    """A seeded generator of the test's own."""
    return np.random.default_rng(20)
