"""A folder from Python: progress, cancellation, files that exist."""

from threading import Event

import numpy as np
import pytest

from hybridmatte import run_folder
from hybridmatte.automatic import mask_correction, registry
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


def test_files_that_are_not_taken_are_named(folders):
    """The command counted and named them, and `run_folder` did not."""
    (folders[0] / "notes.txt").write_text("text")
    (folders[0] / "a_cutout.png").write_bytes((folders[0] / "a.png").read_bytes())
    (folders[1] / "lonely.png").write_bytes((folders[1] / "a.png").read_bytes())
    result = run_folder("matte", *folders)
    assert len(result.written) == 4
    assert len(result.ignored) == 3
    replaced = result._replace(errors=["one"]), result.__replace__(errors=["one"])  # of copy.replace
    assert all((part.errors, part.ignored) == (["one"], result.ignored) for part in replaced)
    for name in ("notes.txt", "a_cutout.png", "lonely.png"):
        assert sum(name in sentence for sentence in result.ignored) == 1
    written, skipped, errors, is_cancelled = result  # a tuple of four, as before
    assert (len(written), skipped, errors, is_cancelled) == (4, [], [], False)
    assert not run_folder("matte", *folders, existing="skip").findings


class TestAuto:
    """`run_folder` did not do what `auto` does without a mask, nor tell what was found."""

    @pytest.fixture(autouse=True)
    def network(self, folders, monkeypatch):
        """The finder finds the left part of each image but b, which it finds empty; the refiner changes nothing."""
        images = folders[0]
        write_image(images / "b.png", np.zeros((29, 37, 3), np.float32))

        def find(_, image):
            return (np.arange(image.shape[1]) < image.shape[1] // 2 * (image.max() > 0)) * np.ones_like(image[:, :, 0])

        monkeypatch.setattr(registry, "run_segmenter", find)
        monkeypatch.setattr(mask_correction, "run_segmenter", lambda *arguments: arguments[-1])

    def test_without_masks(self, folders):
        result = run_folder("auto", folders[0], None, folders[2], method="cf")
        assert result.errors == []
        assert names(folders[2]) == NAMES
        by_name = {path.name: findings for path, findings in result.findings.items()}
        assert 0.4 < by_name["a.png"].found.share < 0.6
        assert by_name["a.png"].correction == (True, 0)
        assert (by_name["b.png"].found.share, by_name["b.png"].correction) == (0, None)

    def test_with_masks(self, folders):
        for name in NAMES:
            write_alpha(folders[1] / name, np.float32(np.arange(37) < np.full((29, 1), 15)))
        result = run_folder("auto", *folders, method="cf")
        assert len(result.findings) == len(result.written) == 4
        assert all(findings.found is None and findings.correction == (True, 0) for findings in result.findings.values())

    @pytest.mark.parametrize("task", ["matte", "cutout", "refine", "decontaminate"])
    def test_other_tasks_need_planes(self, folders, task):
        with pytest.raises(ValueError, match=f"planes is None, expected the folder of the .*s for {task}"):
            run_folder(task, folders[0], None, folders[2])
        assert not folders[2].exists()


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
