"""The same input gives the same bytes, in every run and on any number of threads."""

import hashlib

import numpy as np
import pytest

from hybridmatte.automatic.from_mask import matte_from_mask
from hybridmatte.automatic.refinement import refine
from hybridmatte.correction.matting import matte
from hybridmatte.foreground import estimate_foreground
from hybridmatte.linalg.threads import MIN_UNKNOWNS_PER_THREAD, _settings, thread_limit
from hybridmatte.methods.registry import METHODS
from hybridmatte.trimap import split_trimap
from tests.synthetic import soft_disk

SCENE, SMALL = (soft_disk(shape, noise=0.03, seed=2) for shape in ((180, 240), (90, 110)))
CALLS = {name: lambda solve=method.solve: solve(SCENE.image, SCENE.trimap) for name, method in METHODS.items()} | {
    "matte": lambda: matte(SCENE.image, SCENE.trimap),
    "refine": lambda: refine(SCENE.image, SCENE.alpha),
    "matte_from_mask": lambda: matte_from_mask(SMALL.image, SMALL.alpha > 0.5).alpha,
    "estimate_foreground": lambda: estimate_foreground(SCENE.image, SCENE.alpha),
}


def digests(call, n_threads, repeats):
    """Return the digests of the results of `repeats` calls on a number of threads."""
    before = _settings.limit
    _settings.limit = n_threads  # `thread_limit` cannot raise the number above that of the processor
    try:
        with thread_limit(n_threads):
            return {hashlib.sha256(np.ascontiguousarray(call()).tobytes()).hexdigest() for _ in range(repeats)}
    finally:
        _settings.limit = before


@pytest.mark.parametrize("name", CALLS)
def test_three_runs_on_one_two_and_four_threads(name):
    """Two runs of a folder of 16-bit pictures differed in 3 of 60 files."""
    assert len(set.union(*(digests(CALLS[name], n_threads, 3) for n_threads in (1, 2, 4)))) == 1


def test_the_scene_is_large_enough_for_three_threads():
    """Smaller systems are solved on fewer threads."""
    assert split_trimap(SCENE.trimap).is_unknown.sum() >= 3 * MIN_UNKNOWNS_PER_THREAD


@pytest.mark.slow
@pytest.mark.parametrize("n_threads", [1, 2, 4])
@pytest.mark.parametrize("name", CALLS)
def test_twenty_runs(name, n_threads):
    """As `test_three_runs_on_one_two_and_four_threads`: the faults were rare."""
    expected = digests(CALLS[name], 1, 1)
    assert digests(CALLS[name], n_threads, 20) == expected
