"""A folder from Python: progress, cancellation, files that exist."""

from threading import Event

import pytest

from hybridmatte import run_folder
from hybridmatte.batch import work
from hybridmatte.io.pictures import read_alpha, write_alpha, write_image

NAMES = ["a.png", "b.png", "c.png", "d.png"]


@pytest.fixture
def folders(tmp_path, scene, monkeypatch):
    """Return folders of four images and their trimaps, and that of the results; solvers return the trimap."""
    monkeypatch.setattr(work, "matte_by", lambda _, trimap, *__: trimap)
    for name in ("images", "trimaps"):
        (tmp_path / name).mkdir()
    for name in NAMES:
        write_image(tmp_path / "images" / name, scene.image)
        write_alpha(tmp_path / "trimaps" / name, scene.trimap)
    return [tmp_path / name for name in ("images", "trimaps", "alphas")]


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_progress_and_result(folders):
    calls = []
    (folders[0] / "b.png").write_text("text")
    (folders[1] / "d.png").unlink()
    result = run_folder("matte", *folders, progress=lambda *call: calls.append(call))
    assert [call[:3] for call in calls] == [(1, 3, "a.png"), (2, 3, "b.png"), (3, 3, "c.png")]
    assert [call[3] is None for call in calls] == [True, False, True]
    assert [path.name for path in result.written] == names(folders[2]) == ["a.png", "c.png"]
    assert "d.png has no trimap" in result.errors[0]
    assert "b.png is of another kind" in result.errors[1]
    assert (result.skipped, result.is_cancelled) == ([], False)
    assert read_alpha(result.written[0]).shape == (29, 37)


def test_false_from_progress_cancels(folders):
    """There was no way to stop a folder but to kill the process."""
    result = run_folder("matte", *folders, progress=lambda done, *_: done < 2)
    assert result.is_cancelled
    assert names(folders[2]) == ["a.png", "b.png"]


def test_none_from_progress_does_not_cancel(folders):
    assert not run_folder("matte", *folders, progress=lambda *_: None).is_cancelled


def test_an_event_cancels(folders):
    cancel = Event()

    def progress(done, *_):
        if done == 3:
            cancel.set()

    result = run_folder("matte", *folders, cancel=cancel, progress=progress)
    assert (result.is_cancelled, names(folders[2])) == (True, ["a.png", "b.png", "c.png"])
    again = run_folder("matte", *folders, cancel=cancel, existing="overwrite")
    assert (again.written, again.is_cancelled) == ([], True)


def test_an_error_of_progress_ends_the_run(folders):
    def progress(*_):
        raise RuntimeError("the window was closed")

    with pytest.raises(RuntimeError, match="the window was closed"):
        run_folder("matte", *folders, progress=progress)
    assert names(folders[2]) == ["a.png"]


def test_results_that_exist(folders):
    folders[2].mkdir()
    (folders[2] / "b.png").write_text("retouched")
    with pytest.raises(FileExistsError, match=r"outputs has 1 of 4 files already .*b.png"):
        run_folder("matte", *folders)
    assert names(folders[2]) == ["b.png"]
    result = run_folder("matte", *folders, existing="skip")
    assert [path.name for path in result.skipped] == ["b.png"]
    assert (folders[2] / "b.png").read_text() == "retouched"
    assert len(run_folder("matte", *folders, existing="overwrite").written) == 4
    assert read_alpha(folders[2] / "b.png").shape == (29, 37)


@pytest.mark.parametrize(
    ("task", "options", "message"),
    [
        ("magic", {}, "task is 'magic', expected 'matte' or"),
        ("matte", {"method": "magic"}, "method is 'magic', expected"),
        ("refine", {"method": "cf"}, "method is 'cf', expected none for refine"),
        ("matte", {"workers": 0}, "workers is 0"),
        ("matte", {"existing": "ask"}, "existing is 'ask', expected"),
        ("matte", {"bits": 9}, "bits is 9"),
    ],
)
def test_wrong_options(folders, task, options, message):
    with pytest.raises(ValueError, match=message):
        run_folder(task, *folders, **options)
    assert not folders[2].exists()


@pytest.mark.slow
@pytest.mark.parametrize("task", ["auto", "refine", "decontaminate", "cutout"])
def test_every_task_with_workers(tmp_path, scene, task):
    """What is under way when a run is cancelled is finished: no half-written file, no temporary one."""
    for name in ("images", "planes"):
        (tmp_path / name).mkdir()
    for name in NAMES:
        write_image(tmp_path / "images" / name, scene.image)
        write_alpha(tmp_path / "planes" / name, scene.trimap if task == "cutout" else scene.alpha)
    method = {"auto": "cf", "cutout": "cf"}.get(task)
    places = [tmp_path / name for name in ("images", "planes", "out")]
    result = run_folder(task, *places, method=method, workers=2, progress=lambda *_: False)
    assert result.errors == []
    assert result.is_cancelled
    assert [path.name for path in sorted(result.written)] == names(tmp_path / "out")
    assert 1 <= len(result.written) <= 2
