"""Observe the kernels of a call: how often each stage runs, how long, and how many bytes it reads and writes.

The kernels of a solver are run by `run_pieces` or `run_alone`, or prepared by `prepare_pieces`. While a call is
observed, these are replaced in every module that uses them. The bytes of a kernel's call are those of its different
array arguments, each counted once: what it moves at least if it touches all of them and nothing is in a cache. A
photograph's system is in a cache more often than not, so that a stage may move its bytes faster than a copy of large
arrays does.
"""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from hybridmatte.linalg import threads
from hybridmatte.linalg.threads import kernel, prepare_pieces, run_alone, run_pieces
from hybridmatte.systems import solve

COPY_FLOATS = 2**26  # of each of two arrays, which no cache holds
COPY_PIECES, COPY_ROUNDS = 64, 7


@dataclass
class Stage:
    """What the calls of the kernels of a stage took together."""

    calls: int = 0
    seconds: float = 0.0
    n_bytes: int = 0


@dataclass
class Observation:
    """The stages of a call by name, its seconds, and the iterations of each of its linear systems."""

    stages: dict[str, Stage]
    seconds: float
    iterations: list[int]


Label = Callable[[str, bool, Sequence[Any]], str]
"""Names the stage of a kernel's call: its module and name, whether the iteration runs, and its arguments."""


def observe(call: Callable[[], Any], label: Label, clock: Callable[[], float] = time.perf_counter) -> Observation:
    """Call `call()` and return what its stages took, in seconds of `clock`."""
    recorder = _Recorder(label, clock)
    with (
        _replaced("run_pieces", run_pieces, recorder.run_pieces),
        _replaced("run_alone", run_alone, recorder.run_alone),
        _replaced("prepare_pieces", prepare_pieces, partial(partial, recorder.run_pieces)),
        _replaced("solve_system", solve.solve_system, partial(recorder.solve_system, solve.solve_system)),
    ):
        start = clock()
        call()
        recorder.found.seconds += clock() - start
    return recorder.found


class _Recorder:
    """Stands in for the functions that run kernels and solve systems, and writes down what these take."""

    def __init__(self, label: Label, clock: Callable[[], float]) -> None:
        self.found = Observation({}, 0.0, [])
        self._label, self._clock, self._is_iterating = label, clock, False

    def run_pieces(self, function: Any, n_pieces: int, *arguments: Any, **options: Any) -> None:
        self._observe(function, arguments, partial(run_pieces, function, n_pieces, *arguments, **options))

    def run_alone(self, function: Any, *arguments: Any) -> None:
        self._observe(function, arguments, partial(run_alone, function, *arguments))

    def solve_system(self, original: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        self._is_iterating = True
        try:
            result = original(*arguments, **options)
        finally:
            self._is_iterating = False
        self.found.iterations.append(result.iterations)
        return result

    def _observe(self, function: Any, arguments: Sequence[Any], run: Callable[[], None]) -> None:
        start = self._clock()
        run()
        end = self._clock()
        stage = self.found.stages.setdefault(self._label(_name(function), self._is_iterating, arguments), Stage())
        stage.calls += 1
        stage.seconds += end - start
        stage.n_bytes += _bytes(arguments)
        self.found.seconds -= self._clock() - end  # the observation itself


def copy_bandwidth(clock: Callable[[], float] = time.perf_counter) -> float:
    """Return the bytes a second, read and written, at which this process copies a large array on its threads."""
    source, target = np.ones(COPY_FLOATS, np.float32), np.zeros(COPY_FLOATS, np.float32)
    best = 0.0
    for _ in range(COPY_ROUNDS):
        start = clock()
        run_pieces(_copy, COPY_PIECES, source, target)
        best = max(best, 2 * source.nbytes / (clock() - start))
    return best


@kernel
def _copy(first, last, source, target):
    """Copy the pieces first to last - 1."""
    n = source.shape[0]
    for i in range(np.uint64(first * n // COPY_PIECES), np.uint64(last * n // COPY_PIECES)):
        target[i] = source[i]


@contextmanager
def _replaced(name: str, original: Any, other: Any) -> Iterator[None]:
    """Replace a function in all modules of the library that use it; restore it afterwards."""
    places = [
        module
        for key, module in list(sys.modules.items())
        if key.startswith("hybridmatte.") and module is not threads and vars(module).get(name) is original
    ]
    for module in places:
        setattr(module, name, other)
    try:
        yield
    finally:
        for module in places:
            setattr(module, name, original)


def _name(function: Any) -> str:
    """Return the module, without its packages, and the name of a kernel."""
    name = function.name if isinstance(function, threads.ShortKernel) else f"{function.__module__}.{function.__name__}"
    return ".".join(name.split(".")[-2:])


def _bytes(arguments: Sequence[Any]) -> int:
    """Return the bytes of the different arrays among the arguments; buffers, which come in tuples, do not count."""
    arrays = {
        value.__array_interface__["data"][0]: value.nbytes for value in arguments if isinstance(value, np.ndarray)
    }
    return sum(arrays.values())
