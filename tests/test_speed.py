"""Solvers are kept fast: counts of work that must not grow, and times against a reference loop in the same process.

Counts are the same on every machine: iterations, calls of kernels, and bytes of the arrays that kernels are given. They
grow if a solver converges more slowly, makes more passes, or stores more or wider numbers. They say nothing of how fast
a kernel works on its bytes: a loop that the compiler no longer vectorises shows in the time alone.

Times are the least of several calls on one thread, divided by the time of a loop in this file that adds and multiplies
float32 numbers in turn with the calls, in seconds of the thread. Each kernel that takes 5% of a call has a ratio of its
own. The recorded ratios hold for the recorded processor where it does little else: there 20% more in three measurements
fails. Other processors have other ratios, and on a busy machine caches and memory are shared, which slows a solver more
than the loop. So there a call may take twice as much. After a change on purpose, ``python -m tests.test_speed`` on a
quiet machine records counts and ratios again.
"""

import json
import os
import platform
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from experiments.roofline.observation import observe
from hybridmatte import matte, solve_cf, solve_knn
from hybridmatte.linalg.threads import kernel, thread_limit
from tests.synthetic import soft_disk

FILE = Path(__file__).with_name("speed.json")
CASES = {"closed form": solve_cf, "knn": solve_knn, "matte": partial(matte, quality="fast")}
COUNTS = ("iterations", "calls", "bytes")
COUNT_MARGIN = 1.1  # rounding errors of other processors change some iterations
RECORDED, OTHER = 1.2, 2.0  # of the time: on the recorded processor, if it is quiet, and elsewhere
QUIET = 1.3  # processes that run, in the mean of a minute: this one, and little else
SHARE = 0.05  # of the time, from which a kernel is recorded
ROUNDS, ATTEMPTS = 9, 3
REPEATS, FLOATS = 40, 100_000


@kernel(fastmath={"contract"})
def multiply_and_add(repeats, a, b, out):
    """Add four neighbours of `a`, each times a number of `b`, to `out`; repeat."""
    for _ in range(repeats):
        for i in range(np.uint64(out.shape[0])):
            total = out[i] * np.float32(0.5)
            for k in range(np.uint64(4)):
                total += a[i + k] * b[i]
            out[i] = total


def run_reference():
    """Return the seconds of the reference loop; its arrays fit the L2 cache."""
    a, b, out = (np.ones(FLOATS + 4, np.float32) for _ in range(3))
    start = time.thread_time()
    multiply_and_add(REPEATS, a, b, out[:FLOATS])
    return time.thread_time() - start


def measure(name):
    """Return the counts of a case, and the ratios of its time and of its kernels' to that of the reference."""
    scene = soft_disk((400, 600), noise=0.05)
    call = partial(CASES[name], scene.image, scene.trimap)
    with thread_limit(1):
        call()
        calls, reference = [], [run_reference()]
        for _ in range(ROUNDS):
            calls.append(observe(call, lambda kernel_name, *_: kernel_name, time.thread_time))
            reference.append(run_reference())
    stages, whole = calls[0].stages, min(found.seconds for found in calls)
    kernels = {key: min(found.stages[key].seconds for found in calls) for key in stages}
    return {
        "iterations": sum(calls[0].iterations),
        "calls": sum(stage.calls for stage in stages.values()),
        "bytes": sum(stage.n_bytes for stage in stages.values()),
        "time": whole / min(reference),
        "kernels": {key: least / min(reference) for key, least in kernels.items()},
    }


def processor():
    """Return what tells one kind of processor from another; hosts hide the name."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    wanted = ("vendor_id", "cpu family", "model", "model name")
    found = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    return ", ".join(found[key] for key in wanted if key in found) or platform.processor() or platform.machine()


def margin_for(recorded):
    """Return by what factor times may exceed the recorded ones here and now."""
    is_quiet = hasattr(os, "getloadavg") and os.getloadavg()[0] <= QUIET
    return RECORDED if is_quiet and processor() == recorded["processor"] else OTHER


def ratios(measured):
    """Return the ratios of a case and of its kernels by name."""
    return {"time": measured["time"], **measured["kernels"]}


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_no_slower_than_recorded(name):
    recorded = json.loads(FILE.read_text(encoding="utf-8"))
    expected = recorded["cases"][name]
    margin = margin_for(recorded)
    exceeded = {}
    for attempt in range(ATTEMPTS):
        found = measure(name)
        counts = {key: (found[key], expected[key]) for key in COUNTS if found[key] > COUNT_MARGIN * expected[key]}
        assert not counts, f"{name} does more work than recorded, as (found, recorded): {counts}"
        now, before = ratios(found), ratios(expected)
        assert before.keys() <= now.keys(), f"{name} no longer calls {before.keys() - now.keys()}: record again"
        slow = {key: (round(now[key], 2), ratio) for key, ratio in before.items() if now[key] > margin * ratio}
        exceeded = slow if attempt == 0 else {key: slow[key] for key in slow if key in exceeded}
        if not exceeded:
            break
    assert not exceeded, f"{name} takes longer than recorded, as (found, recorded): {exceeded}"


def record():
    """Write the counts and the main ratios of all cases as they are on this machine."""
    cases = {}
    for name in CASES:  # of several measurements, the one of median time: a process differs from the next by a tenth
        cases[name] = sorted((measure(name) for _ in range(ATTEMPTS)), key=lambda case: case["time"])[ATTEMPTS // 2]
    for case in cases.values():
        case["kernels"] = {key: ratio for key, ratio in case["kernels"].items() if ratio > SHARE * case["time"]}
    document = json.dumps({"processor": processor(), "cases": cases})
    rounded = json.loads(document, parse_float=lambda text: round(float(text), 2))
    FILE.write_text(json.dumps(rounded, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    record()
