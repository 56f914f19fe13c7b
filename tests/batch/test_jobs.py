import os
import signal
import time
import warnings
from pathlib import Path

import pytest

from hybridmatte.batch.jobs import Job, attempt, pair_by_stem, pictures_in, run_jobs


def job(name):
    return Job(Path(f"{name}.png"), Path("trimap.png"), Path("out.png"))


def work(task):
    """Fail, warn, die or succeed, as the image's name asks; runs in other processes too."""
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


def record_threads(task):
    import numba

    Path(task.output).write_text(str(numba.config.NUMBA_NUM_THREADS))


@pytest.mark.parametrize("workers", [1, 2])
def test_a_bad_job_stops_no_other(workers):
    seen = []
    outcomes = run_jobs([job("a"), job("bad"), job("warn"), job("b")], work, workers=workers, on_done=seen.append)
    assert outcomes == seen
    by_name = {outcome.job.image.stem: outcome for outcome in outcomes}
    assert {name: outcome.error for name, outcome in by_name.items()} == {
        "a": None, "bad": "bad.png: image is bad, expected better", "warn": None, "b": None}
    assert by_name["warn"].warnings == ("slow",)


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
    run_jobs(jobs, record_threads, workers=2)
    assert [int(task.output.read_text()) for task in jobs] == [max(1, os.cpu_count() // 2)] * 2


def test_time_is_taken():
    assert 0.02 < attempt(lambda _: time.sleep(0.02), job("a")).seconds < 2


def folders(tmp_path, images, trimaps):
    for folder, names in (("images", images), ("trimaps", trimaps)):
        (tmp_path / folder).mkdir()
        for name in names:
            (tmp_path / folder / name).touch()
    return tmp_path / "images", tmp_path / "trimaps"


def test_pairs_are_found_by_stem(tmp_path):
    images, trimaps = folders(tmp_path, ["b.jpg", "a.PNG", "c.tif", "notes.txt", ".hidden.png"],
                              ["a.png", "b.png", "z.png"])
    jobs, problems = pair_by_stem(images, trimaps, tmp_path / "out")
    assert jobs == [Job(images / "a.PNG", trimaps / "a.png", tmp_path / "out/a.png"),
                    Job(images / "b.jpg", trimaps / "b.png", tmp_path / "out/b.png")]
    assert problems == [f"image {images / 'c.tif'} has no trimap in {trimaps}, expected c.png"]


def test_doubtful_stems_are_reported(tmp_path):
    images, trimaps = folders(tmp_path, ["a.jpg", "a.png", "b.png", "c.png"], ["a.png", "b.png", "b.tif", "c.png"])
    jobs, problems = pair_by_stem(images, trimaps, tmp_path)
    assert [task.image.name for task in jobs] == ["c.png"]
    assert problems == ["image has both a.jpg and a.png, expected one a stem",
                        "trimap has both b.png and b.tif, expected one a stem"]


def test_folders_must_be_folders(tmp_path):
    images, trimaps = folders(tmp_path, [], ["a.png"])
    with pytest.raises(ValueError, match="holds no picture"):
        pair_by_stem(images, trimaps, tmp_path)
    with pytest.raises(FileNotFoundError, match="image .*missing does not exist"):
        pair_by_stem(tmp_path / "missing", trimaps, tmp_path)
    with pytest.raises(NotADirectoryError, match="trimap .* is a file"):
        pictures_in(trimaps / "a.png", "trimap")
