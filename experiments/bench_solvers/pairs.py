"""Which of our solvers is compared with which peer, and the goals of the comparison."""

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from time import perf_counter
from typing import NamedTuple

import hybridmatte


class Pair(NamedTuple):
    """A method of ours, the package compared with, its function in `baselines.peers`, and the goals.

    `speed` is the least ratio of the peer's time to ours. `accuracy` is the largest ratio of our mean SAD and MSE to
    the peer's; `sad` the largest mean SAD / 1000 on trimap1 and trimap2.
    """

    method: str
    peer: str | None
    module: str | None = None
    function: str | None = None
    speed: float | None = None
    accuracy: float | None = None
    sad: tuple[float, float] | None = None


PAIRS = (
    Pair("cf", "PyMatting", "pymatting", "closed_form", 5.0, 1.01),
    Pair("knn", "PyMatting", "pymatting", "knn", 10.0, 1.0),
    Pair("learning_based", "PyMatting", "pymatting", "learning_based", 5.0, 1.0),
    Pair("random_walk", "PyMatting", "pymatting", "random_walk", 5.0, 1.0),
    Pair("random_walk", "scikit-image", "skimage", "random_walk"),
    Pair("large_kernel", "PyMatting", "pymatting", "large_kernel", 5.0, 1.0),
    Pair("sampling", "PyMatting", "pymatting", "sampling", 1.0, 1.0),
    Pair("information_flow", "OpenCV", "opencv", "timed_information_flow", 10.0, sad=(4.5, 6.4)),
    Pair("nonlocal", None),
)


def is_available(pair: Pair) -> bool:
    """Tell whether the peer of a pair can be called here."""
    if pair.peer == "OpenCV":
        return import_module("baselines.peers.opencv").is_available()
    return pair.peer is None or find_spec(pair.module) is not None


def ours(method: str) -> Callable:
    """Return f(image, trimap) -> (alpha, seconds) of a method of ours at its default settings."""
    return _timed(lambda image, trimap: hybridmatte.solve(image, trimap, method=method))


def theirs(pair: Pair) -> Callable:
    """Return f(image, trimap) -> (alpha, seconds) of a peer."""
    function = getattr(import_module(f"baselines.peers.{pair.module}"), pair.function)
    if pair.function.startswith("timed_"):
        return lambda image, trimap: function(image, trimap)[:2]
    return _timed(function)


def _timed(function: Callable) -> Callable:
    """Return a function that returns the seconds of the call beside its result."""

    def run(image, trimap):
        start = perf_counter()
        alpha = function(image, trimap)
        return alpha, perf_counter() - start

    return run
