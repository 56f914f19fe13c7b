"""Commands state the memory of a large job, and refuse what free memory cannot hold, unless --force."""

import pytest
from PIL import Image

from hybridmatte.batch import budget
from hybridmatte.io import pictures

COMMANDS = [
    "matte @image.png @trimap.png",
    "matte @image.png @trimap.png -m plain",
    "cutout @image.png @trimap.png",
    "auto @image.png --mask @alpha.png -m plain",
    "auto @image.png --mask @alpha.png --matte -m plain",
    "refine @image.png @alpha.png",
    "decontaminate @image.png @alpha.png",
    "compare @image.png @trimap.png --methods plain",
    "composite @image.png @alpha.png",
    "trimap @alpha.png",
]


@pytest.fixture
def nothing_free(monkeypatch):
    monkeypatch.setattr(budget, "free_memory", lambda: 0)
    monkeypatch.setattr(budget, "resident_memory", lambda: 0)


@pytest.mark.usefixtures("fake_alpha", "nothing_free")
@pytest.mark.parametrize("command", COMMANDS)
def test_refused_before_decoding_unless_forced(run, files, monkeypatch, command):
    with monkeypatch.context() as patch:
        patch.setattr(pictures, "decode", lambda *_: pytest.fail("a picture was decoded"))
        refused = run(f"{command} -o @out.png")
    assert refused.code == 2
    lines = refused.err.splitlines()
    assert sum(line.startswith("error: ") for line in lines) == 1
    assert "MiB of memory" in lines[-1]
    assert "expected at most 0 MiB" in lines[-1]
    assert "--force" in lines[-1]
    assert not (files / "out.png").exists()
    assert run(f"{command} -o @out.png --force").code == 0
    assert (files / "out.png").exists()


@pytest.mark.usefixtures("fake_alpha", "folders")
class TestFolders:
    def test_each_file_that_cannot_fit_is_named(self, run, monkeypatch):
        monkeypatch.setattr(budget, "free_memory", lambda: 0)
        monkeypatch.setattr(budget, "resident_memory", lambda: 0)
        result = run("matte @images @trimaps -o @out")
        assert result.code == 1
        assert result.err.count("of memory for") == 3
        assert result.err.splitlines()[-1] == "0 written, 0 already there, 5 failed"
        assert run("matte @images @trimaps -o @out --force").err.splitlines()[-1].startswith("3 written")

    def test_more_workers_than_fit_are_refused_at_once(self, run, files, monkeypatch):
        monkeypatch.setattr(budget, "free_memory", lambda: 2 * budget.memory_needed((64, 64), "reading") + 100_000_000)
        result = run("matte @images @trimaps -o @out --workers 3")
        assert result.code == 2
        assert "expected at most 2 workers, or --force" in result.err.splitlines()[-1]
        assert not list((files / "out").iterdir())

    def test_a_large_job_is_stated(self, run, monkeypatch):
        monkeypatch.setattr(budget, "LARGE", 1)
        assert "the largest image needs at least" in run("matte @images @trimaps -o @out").err
        assert "this needs about" in run("matte @image.png @trimap.png -o @out.png").err


@pytest.mark.usefixtures("fake_alpha")
def test_small_jobs_are_silent(run):
    assert run("matte @image.png @trimap.png -o @out.png").err == ""


def test_composite_compares_headers_first(run, files, monkeypatch):
    """An alpha of 14,000 x 14,000 pixels in 200 kB was decoded before its size was held against the image's."""
    Image.new("L", (14_000, 14_000)).save(files / "huge.png")
    monkeypatch.setattr(pictures, "decode", lambda *_: pytest.fail("a picture was decoded"))
    result = run("composite @image.png @huge.png -o @out.png")
    assert result.code == 2
    assert "alpha has shape (14000, 14000) but image has shape" in result.err.splitlines()[-1]
