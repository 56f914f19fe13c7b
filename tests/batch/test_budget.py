"""A job that free memory cannot hold is refused before its files are decoded, and again when its trimap is known."""

import io

import numpy as np
import pytest
from PIL import Image

from hybridmatte import memory_needed
from hybridmatte.automatic.mask_correction import correction_memory
from hybridmatte.batch import budget as module
from hybridmatte.batch.budget import Budget, budget_for, check_workers
from hybridmatte.batch.pairing import Job
from hybridmatte.batch.work import FileOptions, matte_file
from hybridmatte.io import pictures
from hybridmatte.memory import PROCESS_BYTES

MIB = 1 << 20


@pytest.fixture
def free(monkeypatch):
    """Return a function that sets what is free; the process itself holds nothing."""

    def set_free(n_bytes):
        monkeypatch.setattr(module, "free_memory", lambda: n_bytes)
        monkeypatch.setattr(module, "resident_memory", lambda: 0)
        monkeypatch.setattr(module, "left_by_limits", lambda: None)

    return set_free


def blank(folder, name, width, height):
    Image.new("L", (width, height)).save(folder / name)
    return folder / name


def test_the_sentence_says_what_is_needed_what_is_free_and_what_helps():
    with pytest.raises(MemoryError) as error:
        Budget(("cf",), 100 * MIB).check("photo.jpg", (2000, 3000))
    least = module.size_in_words(memory_needed((2000, 3000), "cf"))
    assert str(error.value) == (
        f"image photo.jpg needs at least {least} of memory for 3000 x 2000 pixels, expected at most 100 MiB, what is "
        "free; a smaller picture or --force helps"
    )
    with pytest.raises(MemoryError, match=r"about .* 1000 of them unknown, .* for each of 3 workers; fewer --workers"):
        Budget(("cf",), 100 * MIB, workers=3).check("photo.jpg", (2000, 3000), 1000)


def test_unknown_free_memory_and_force_refuse_nothing(free):
    free(None)
    budget_for(("cf",)).check("photo.jpg", (10**6, 10**6))
    free(0)
    budget_for(("cf",), force=True).check("photo.jpg", (10**6, 10**6))
    with pytest.raises(MemoryError):
        budget_for(("cf",)).check("photo.jpg", (1, 1))


def test_workers_share_what_is_free(free, monkeypatch):
    free(900 * MIB)
    assert budget_for(("cf",), 3).free == 300 * MIB
    monkeypatch.setattr(module, "resident_memory", lambda: 100 * MIB)  # which this process's own job has already
    assert (budget_for(("cf",), 1).free, budget_for(("cf",), 3).free) == (1000 * MIB, 300 * MIB)


def test_a_limit_of_each_process_is_not_divided(free, monkeypatch, tmp_path):
    """With ``ulimit -v`` for one image and free memory for four, ``--workers 4`` was refused."""
    free(4000 * MIB)
    needed = memory_needed((1000, 900), "cf")
    monkeypatch.setattr(module, "left_by_limits", lambda: needed + MIB)
    budgets = {workers: budget_for(("cf",), workers) for workers in (1, 4)}
    assert [budget.limit for budget in budgets.values()] == [needed + MIB] * 2
    assert [budget.free for budget in budgets.values()] == [4000 * MIB, 1000 * MIB]
    jobs = [Job(blank(tmp_path, f"{k}.png", 900, 1000), None, tmp_path / "out.png") for k in range(4)]
    assert check_workers(jobs, budgets[4]) is None
    for budget in budgets.values():
        budget.check("photo.jpg", (1000, 900))
        with pytest.raises(MemoryError, match=r"what the limit of each process \(ulimit\) leaves; a higher limit"):
            budget.check("photo.jpg", (1000, 1100))
    assert budget_for(("cf",), force=True).limit is None


def test_an_image_over_the_limit_of_a_process_stops_no_other(tmp_path):
    jobs = [Job(blank(tmp_path, f"{k}.png", 100 * k, 1000), None, tmp_path / "out.png") for k in (1, 9)]
    needed = memory_needed((1000, 900), "cf")
    assert check_workers(jobs, Budget(("cf",), needed - MIB, workers=2, limit=needed - MIB)) is None


def test_the_network_that_corrects_masks_counts_once():
    """What it keeps is in the memory of the process when the next image comes, which a segmenter's budget counts."""
    alone = Budget(("cf",), 10**10, extra=5)
    beside = alone.beside_correction("photo.jpg", (768, 1000))
    assert beside == alone._replace(extra=5 + correction_memory((768, 1000)))
    assert alone.beside_correction("photo.jpg", (768, 1000), is_counted=True) == alone
    with pytest.raises(MemoryError, match=r"image photo.jpg needs at least .* for 1000 x 768 pixels"):
        alone._replace(free=PROCESS_BYTES + 50 * MIB).beside_correction("photo.jpg", (768, 1000))
    enough = memory_needed((768, 1000), "reading") + correction_memory((768, 1000))
    assert alone._replace(free=enough + 5).beside_correction("photo.jpg", (768, 1000)).extra == beside.extra
    with pytest.raises(MemoryError, match="photo.jpg needs at least"):  # what the segmenter keeps counts, too
        alone._replace(free=enough + 4).beside_correction("photo.jpg", (768, 1000))


def test_a_header_is_enough_to_refuse(tmp_path, monkeypatch):
    """A picture of 14,000 x 14,000 pixels in 200 kB took gigabytes before anything was said."""
    monkeypatch.setattr(pictures, "decode", lambda *_: pytest.fail("a picture was decoded"))
    files = [blank(tmp_path, name, 14_000, 14_000) for name in ("image.png", "trimap.png")]
    job = Job(*files, tmp_path / "out.png")
    with pytest.raises(MemoryError, match=r"image.png needs at least .* for 14000 x 14000 pixels"):
        matte_file(job, method="cf", files=FileOptions(), budget=Budget(("cf",), 1024 * MIB))


def test_the_trimap_decides_what_the_header_let_pass(tmp_path, scene):
    pictures.write_image(tmp_path / "image.png", scene.image)
    trimap = np.full_like(scene.trimap, 0.5)
    trimap[0, 0], trimap[0, 1] = 0, 1
    pictures.write_alpha(tmp_path / "trimap.png", trimap)
    job = Job(tmp_path / "image.png", tmp_path / "trimap.png", tmp_path / "out.png")
    budget = Budget(("cf",), memory_needed(trimap.shape, "cf"))
    with pytest.raises(MemoryError, match=f"{trimap.size - 2} of them unknown"):
        matte_file(job, method="cf", files=FileOptions(), budget=budget)
    assert not (tmp_path / "out.png").exists()


def test_too_many_workers_are_refused_before_the_first_job(tmp_path):
    jobs = [Job(blank(tmp_path, f"{k}.png", 100 * k, 1000), None, tmp_path / "out.png") for k in (1, 2, 9)]
    needed = memory_needed((1000, 900), "cf")
    with pytest.raises(MemoryError, match=r"--workers is 4 and image .*9.png needs .*, expected at most 2 workers"):
        check_workers(jobs, Budget(("cf",), (2 * needed + MIB) // 4, workers=4))
    assert check_workers(jobs, Budget(("cf",), needed, workers=4)) is None


def test_an_image_that_never_fits_stops_no_other(tmp_path):
    jobs = [Job(blank(tmp_path, f"{k}.png", 100 * k, 1000), None, tmp_path / "out.png") for k in (1, 900)]
    (tmp_path / "text.png").write_text("text")
    jobs.append(Job(tmp_path / "text.png", None, tmp_path / "out.png"))
    budget = Budget(("cf",), PROCESS_BYTES + 100 * MIB, workers=2)
    assert check_workers(jobs, budget) is None


def test_large_jobs_say_so(tmp_path):
    said = []
    Budget(("cf",), say=said.append).admit("photo.jpg", (100, 100), 10)
    assert said == []
    Budget(("cf",), say=said.append).admit("photo.jpg", (10_000, 10_000), 10)
    assert len(said) == 1
    assert said[0].startswith("this needs about ")
    job = Job(blank(tmp_path, "large.png", 10_000, 10_000), None, tmp_path / "out.png")
    assert "for 2 workers" in check_workers([job], Budget(("cf",), workers=2))


def test_a_stream_is_held_to_the_budget():
    file = io.BytesIO()
    Image.new("L", (3000, 3000)).save(file, "PNG")
    with pytest.raises(MemoryError, match="image <stream> needs"):
        Budget(("cf",), MIB).check(file, pictures.read_size(file))
