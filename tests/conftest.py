"""Fixtures shared by all tests."""

import os
import sys

import numpy as np
import pytest
from hypothesis import settings

from hybridmatte.automatic import segmenters
from hybridmatte.correction.weights import WEIGHTS, load_correction_network
from hybridmatte.methods.registry import METHODS
from tests.correction.doubts import opposite, write_weights
from tests.synthetic import soft_disk

# The workers of pytest-xdist already use every core: more threads of torch wait for each other, three times as long.
HAS_WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")) > 1
if HAS_WORKERS:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

settings.register_profile("any machine", deadline=None)  # how long an example takes depends on what else runs
settings.load_profile("any machine")


@pytest.fixture
def scene():
    """The small soft disk: image, trimap, alpha."""
    return soft_disk()


@pytest.fixture
def rng():
    """A seeded generator of the test's own."""
    return np.random.default_rng(20)


@pytest.fixture
def replace_weights(tmp_path, monkeypatch):
    """Return a function that changes the network of `matte` for one test, see `tests.correction.doubts`.

    The changed weights stand in the folder of that name.
    """

    def replace(change, folder="fusion"):
        write_weights(tmp_path / change.__name__, change)
        monkeypatch.setitem(WEIGHTS, folder, tmp_path / change.__name__)
        load_correction_network.cache_clear()

    yield replace
    load_correction_network.cache_clear()


@pytest.fixture
def free_weights(replace_weights):
    """Set the free weights of `matte` to ones that correct alpha the other way than those for research."""
    replace_weights(opposite, "fusion_free")


@pytest.fixture
def no_research_weights(free_weights, tmp_path, monkeypatch):  # noqa: ARG001 - made from those for research
    """Set the folders of the weights for research to ones that do not exist."""
    for name in ("fusion", "finder", "refiner"):
        monkeypatch.setitem(WEIGHTS, name, tmp_path / "removed" / name)
    for load in (load_correction_network, segmenters._load_network):
        load.cache_clear()
    yield
    segmenters._load_network.cache_clear()


@pytest.fixture
def replace_methods():
    """Return a function that replaces all methods by others; afterwards the registry has its own, in their order."""
    before = dict(METHODS)

    def replace(methods):
        METHODS.clear()
        METHODS.update({method.name: method for method in methods})

    yield replace
    METHODS.clear()
    METHODS.update(before)


def pytest_collection_finish():
    """Give torch one thread in each of several workers.

    The environment does not suffice: Numba's first parallel kernel sets OpenMP's threads for torch, too.
    """
    if HAS_WORKERS and "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)


def pytest_collection_modifyitems(items):
    """Skip the tests of the GPU where there is none."""
    marked = [item for item in items if item.get_closest_marker("gpu")]
    if marked:
        import torch

        if not torch.cuda.is_available():
            for item in marked:
                item.add_marker(pytest.mark.skip(reason="needs a CUDA device, there is none"))
