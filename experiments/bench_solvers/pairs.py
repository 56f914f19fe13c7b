"""Which of our solvers is compared with which peer, and what the comparison must reach."""

from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter
from typing import NamedTuple


@dataclass(frozen=True)
class Config:
    """config.toml, key for key."""

    threads: int
    rounds: int
    max_seconds: float
    direct: list
    import_repeats: int
    mosaic_peer_limit_mp: float


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
    sad: tuple | None = None


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
FOLDER = Path(__file__).parent


def is_available(pair):
    """Tell whether the peer of a pair can be called here."""
    if pair.peer == "OpenCV":
        return import_module("baselines.peers.opencv").is_available()
    return pair.peer is None or find_spec(pair.module) is not None


def ours(method):
    """Return f(image, trimap) -> (alpha, seconds) of a method of ours at its default settings."""
    import hybridmatte

    return _timed(lambda image, trimap: hybridmatte.solve(image, trimap, method=method))


def theirs(pair):
    """Return f(image, trimap) -> (alpha, seconds) of a peer."""
    function = getattr(import_module(f"baselines.peers.{pair.module}"), pair.function)
    if pair.function.startswith("timed_"):
        return lambda image, trimap: function(image, trimap)[:2]
    return _timed(function)


def _timed(function):
    """Return a function that also tells its seconds."""

    def run(image, trimap):
        start = perf_counter()
        alpha = function(image, trimap)
        return alpha, perf_counter() - start

    return run
