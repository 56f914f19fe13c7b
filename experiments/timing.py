"""Timing of calls: median and interquartile range in seconds."""

import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np


class Timing(NamedTuple):
    """The last result of a call, and the median and interquartile range in seconds of its `count` repeats."""

    result: Any
    median_s: float
    iqr_s: float
    count: int


def summarise(seconds: Sequence[float], result: Any = None) -> Timing:
    """Return the `Timing` of some durations in seconds."""
    low, high = np.percentile(seconds, [25, 75])
    return Timing(result, statistics.median(seconds), float(high - low), len(seconds))


def time_call(function: Callable[[], Any], *, warm_up: int = 1, repeats: int = 3) -> Timing:
    """Time `function()`: call it `warm_up` times untimed, then `repeats` times."""
    for _ in range(warm_up):
        function()
    seconds, result = [], None
    for _ in range(repeats):
        start = time.perf_counter()
        result = function()
        seconds.append(time.perf_counter() - start)
    return summarise(seconds, result)
