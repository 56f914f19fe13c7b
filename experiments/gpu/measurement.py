"""Time and memory of a call on the CUDA device, and the rows that record them."""

import time
from collections.abc import Callable, Sequence
from importlib import metadata
from importlib.util import find_spec
from typing import Any, NamedTuple

import torch

from experiments.results import Row, make_row
from experiments.timing import Timing, summarise

MAX_WORDS = 100  # characters of an error that are recorded


class Measured(NamedTuple):
    """What a call returned, its time after warm-up, and the MiB that it added to the device's peak memory."""

    result: Any
    timing: Timing
    added_mib: float


def measure_call(call: Callable[[], Any], rounds: int, warm_up: int = 2, max_seconds: float = 15.0) -> Measured:
    """Time a call on the device by a clock that is read after the device has finished; stop early after max_seconds.

    Memory is measured in the last untimed call.
    """
    for index in range(warm_up):
        torch.cuda.synchronize()
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        result = call()
        torch.cuda.synchronize()
        added = (torch.cuda.max_memory_allocated() - before) / 2**20
        if index + 1 < warm_up:
            del result
    seconds = []
    while len(seconds) < rounds and sum(seconds) < max_seconds:
        seconds.append(elapsed(call))
    return Measured(result, summarise(seconds), added)


def describe_failure(error: RuntimeError) -> str:
    """Return what a row records of a call that failed; libraries of the device do not name all lack of memory so."""
    if isinstance(error, torch.cuda.OutOfMemoryError):
        return "out of memory"
    return f"{type(error).__name__}: {str(error).splitlines()[0][:MAX_WORDS]}"


def elapsed(call: Callable[[], Any]) -> float:
    """Return the seconds of one call, the device idle before and after."""
    torch.cuda.synchronize()
    start = time.perf_counter()
    call()
    torch.cuda.synchronize()
    return time.perf_counter() - start


def device_row(bench: str, method: str, form: str, subject: str, size: Sequence[int], **more: Any) -> Row:
    """Return a row with the device's name and the versions of torch and Triton."""
    about = {
        "device": torch.cuda.get_device_name(),
        "torch": torch.__version__,
        "triton": metadata.version("triton") if find_spec("triton") else "not installed",
    }
    return {"bench": bench, **make_row(method, subject, size, **more), "form": form, **about}


def measured_row(
    bench: str, method: str, form: str, subject: str, size: Sequence[int], measured: Measured, **more: Any
) -> Row:
    """Return the row of a measured call; its peak memory is what the call added."""
    timing = measured.timing
    return device_row(
        bench,
        method,
        form,
        subject,
        size,
        median_s=timing.median_s,
        iqr_s=timing.iqr_s,
        peak_mib=measured.added_mib,
        count=timing.count,
        **more,
    )


def copy_rate() -> float:
    """Return the bytes read and written in a second by a copy of 1 GiB on the device."""
    source = torch.rand(2**28, device="cuda")
    target = torch.empty_like(source)
    return 2 * source.nbytes / measure_call(lambda: target.copy_(source), 20).timing.median_s
