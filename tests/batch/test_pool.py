import os
import signal
import subprocess
import sys
import time
import warnings
from functools import partial
from pathlib import Path

import pytest

from hybridmatte.automatic.found import Findings, Found
from hybridmatte.batch.pairing import Job
from hybridmatte.batch.pool import run_job, run_jobs
from hybridmatte.batch.work import FileOptions, matte_file
from hybridmatte.io.pictures import read_alpha, write_alpha, write_image

HEAVY = ("numpy", "cv2", "numba", "scipy", "torch")


def job(name):
    return Job(Path(f"{name}.png"), Path("trimap.png"), Path("out.png"))


def work(task):
    """Fail, warn, die or succeed, as the image's name asks; also runs in other processes."""
    stem = task.image.stem
    if stem == "bad":
        raise ValueError("image is bad,\nexpected better")
    if stem == "warn":
        warnings.warn("slow", UserWarning, stacklevel=1)
    if stem == "stop":
        try:
            raise SystemError("unpickle") from KeyboardInterrupt()
        except SystemError as error:
            raise SystemError("search") from error
    if stem == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    return Findings(Found(0.25, 1.0)) if stem == "found" else None


def write_thread_counts(task):
    import cv2
    import numba

    task.output.write_text(f"{numba.config.NUMBA_NUM_THREADS} {cv2.getNumThreads()}")


@pytest.mark.parametrize("workers", [1, 2])
def test_a_bad_job_stops_no_other(workers):
    seen = []
    jobs = [job(name) for name in ("a", "bad", "warn", "b", "found")]
    outcomes = run_jobs(jobs, work, workers=workers, on_done=seen.append)
    assert outcomes == seen
    by_name = {outcome.job.image.stem: outcome for outcome in outcomes}
    assert {name: outcome.error for name, outcome in by_name.items()} == {
        "a": None,
        "bad": "bad.png: image is bad, expected better",
        "warn": None,
        "b": None,
        "found": None,
    }
    assert by_name["warn"].warnings == ("slow",)
    assert [by_name[name].findings for name in ("a", "bad", "found")] == [None, None, Findings(Found(0.25, 1.0))]


def test_a_job_that_kills_its_process_stops_no_other():
    outcomes = run_jobs([job("a"), job("die"), job("b"), job("c")], work, workers=2)
    errors = {outcome.job.image.stem: outcome.error for outcome in outcomes}
    assert sorted(errors) == ["a", "b", "c", "die"]
    assert len(outcomes) == 4
    assert errors.pop("die") == "die.png: its process died (out of memory?), expected a result"
    assert set(errors.values()) == {None}


@pytest.mark.parametrize("workers", [1, 2])
def test_an_interrupt_inside_numba_stops_all(workers):
    with pytest.raises(KeyboardInterrupt):
        run_jobs([job("stop"), job("a")], work, workers=workers)


def test_workers_share_the_threads(tmp_path):
    jobs = [Job(Path(name), Path(), tmp_path / name) for name in ("a", "b")]
    run_jobs(jobs, write_thread_counts, workers=2)
    share = max(1, os.cpu_count() // 2)
    assert [task.output.read_text() for task in jobs] == [f"{share} {share}"] * 2


@pytest.mark.parametrize("module", ["hybridmatte.batch.pool", "hybridmatte.cli", "hybridmatte.__main__"])
def test_what_a_worker_imports_first_is_light(module):
    """Numba and OpenCV read the number of their threads when they are imported, which must come later."""
    code = f"import sys, {module}; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_time_is_taken():
    assert 0.02 < run_job(lambda _: time.sleep(0.02), job("a")).seconds < 2


def test_work_of_a_file_is_done_in_workers(tmp_path, scene):
    (tmp_path / "out").mkdir()
    jobs = []
    for name in ("a", "b"):
        write_image(tmp_path / f"{name}.png", scene.image)
        write_alpha(tmp_path / f"{name}_trimap.png", scene.trimap)
        jobs.append(Job(tmp_path / f"{name}.png", tmp_path / f"{name}_trimap.png", tmp_path / "out" / f"{name}.tif"))
    outcomes = run_jobs(jobs, partial(matte_file, method="cf", files=FileOptions(bits=16)), workers=2)
    assert [outcome.error for outcome in outcomes] == [None, None]
    alphas = [read_alpha(job.output) for job in jobs]
    assert (alphas[0] == alphas[1]).all()
    assert abs(alphas[0] - scene.alpha).mean() < 0.02


@pytest.mark.parametrize("workers", [1, 2])
def test_a_cancelled_run_begins_no_other_job(workers):
    """Every job was handed to the pool at once, and ran to the end."""
    seen = []
    jobs = [job(f"{k}") for k in range(12)]
    outcomes = run_jobs(jobs, work, workers=workers, on_done=seen.append, is_cancelled=lambda: len(seen) >= 2)
    assert 2 <= len(outcomes) <= 1 + workers
    assert all(outcome.error is None for outcome in outcomes)
