"""Solves beside other work: threads that wait for each other must not take the time that the other work leaves."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from hybridmatte.correction.matting import matte_by
from tests.synthetic import soft_disk

ROUNDS = 5
LARGEST_RATIO = 4.0  # beside as many busy processes as there are cores, a fair share makes it 2


@contextmanager
def busy_processes(count: int) -> Iterator[None]:
    """Run processes that compute without end, and end them afterwards."""
    processes = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def seconds_of(scene, method) -> float:
    begin = time.perf_counter()
    matte_by(scene.image, scene.trimap, method)
    return time.perf_counter() - begin


@pytest.mark.slow
@pytest.mark.parametrize("method", [None, "cf"])
def test_a_solve_beside_busy_processes_takes_its_share_longer(method):
    """A batch took 30 seconds beside other work, 4.6 alone: its threads waited for each other without sleeping."""
    scene = soft_disk((200, 300))
    seconds_of(scene, method)  # compiles
    ratios = []
    for _ in range(ROUNDS):  # pairs, because other work comes and goes
        alone = seconds_of(scene, method)
        with busy_processes(os.cpu_count() or 1):
            ratios.append(seconds_of(scene, method) / alone)
    assert min(ratios) < LARGEST_RATIO
