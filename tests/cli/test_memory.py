"""Commands state the memory of a large job, and refuse what free memory cannot hold, unless --force."""

import re
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from hybridmatte import memory_needed, register_segmenter
from hybridmatte.automatic import from_mask, mask_correction, registry
from hybridmatte.automatic.mask_correction import correction_memory
from hybridmatte.batch import budget, work
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


class TestAuto:
    """`auto` asked for the memory of its reading alone, and was killed by the system in its solve."""

    LEAST = memory_needed((29, 37))

    @pytest.fixture(autouse=True)
    def spare(self, monkeypatch):
        """Register a segmenter; return a function that sets what is free beyond the least, and what a network keeps."""
        state = SimpleNamespace(resident=0, kept=0)
        monkeypatch.setattr(registry, "_registered", {})
        monkeypatch.setattr(budget, "resident_memory", lambda: state.resident)
        monkeypatch.setattr(from_mask, "solve_cf", lambda _, trimap: trimap)

        def left(_):
            state.resident = state.kept
            return (np.arange(37) < np.full((29, 1), 20)).astype(np.float32)

        def set_free(n_bytes, kept=0):
            state.kept = kept
            monkeypatch.setattr(budget, "free_memory", lambda: self.LEAST + n_bytes)

        register_segmenter("left", left)
        return set_free

    @pytest.mark.parametrize("source", ["--mask @alpha.png", "--segmenter left", "--segmenter left --erode 2"])
    def test_the_trimap_decides_before_the_solve(self, run, files, fake_alpha, spare, source):
        spare((1 << 20) + ("--mask" in source) * mask_correction.WEIGHT_BYTES)
        refused = run(f"auto @image.png {source} -o @out.png")
        assert refused.code == 2
        assert re.search(r"needs about .* for 37 x 29 pixels, \d+ of them unknown", refused.err.splitlines()[-1])
        assert fake_alpha.calls == []
        assert not (files / "out.png").exists()
        assert run(f"auto @image.png {source} -o @out.png --force").code == 0

    def test_what_the_network_keeps_counts(self, run, fake_alpha, spare):
        command = "auto @image.png --segmenter left -o @out.png --force"
        spare(1 << 30)
        assert run(command.replace("--force", "")).code == 0
        spare(1 << 30, kept=4 << 30)
        fake_alpha.calls.clear()
        refused = run(command.replace("@out.png --force", "@other.png"))
        assert refused.code == 2
        assert "needs about 4." in refused.err.splitlines()[-1]
        assert fake_alpha.calls == []
        assert run(command).code == 0

    @pytest.mark.parametrize("source", ["--mask @large.png", "--segmenter left"])
    def test_the_network_that_corrects_masks_counts(self, run, files, fake_alpha, monkeypatch, source):
        """A job that was let through was killed while the network ran, or in the solve beside what it keeps."""
        monkeypatch.setattr(work, "has_run", lambda _: False)
        calls, reading, network = [], memory_needed((400, 1600), "reading"), correction_memory((400, 1600))
        enough = memory_needed((400, 1600), "best", 20_000) + (100 << 20)  # without the network
        for name in ("photo", "large"):
            Image.new("L", (1600, 400), 80).convert("RGB" if name == "photo" else "L").save(files / f"{name}.png")
        Image.fromarray(np.uint8(255 * (np.arange(1600) < np.full((400, 1), 800)))).save(files / "large.png")
        register_segmenter("wide", lambda _: (np.arange(1600) < np.full((400, 1), 800)).astype(np.float32))
        monkeypatch.setattr(mask_correction, "run_segmenter", lambda _, __, mask: (calls.append(1), mask)[1])
        command = f"auto @photo.png {source.replace('left', 'wide')} --matte -o @out.png --force"

        def run_with(n_bytes, options=""):
            monkeypatch.setattr(budget, "free_memory", lambda: n_bytes)
            return run(f"{command.replace('--force', options)}".replace("@out.png", f"@out{len(options)}.png"))

        assert 230 << 20 < network < 270 << 20
        result = run_with(reading + network - (1 << 20))
        assert (result.code, calls, fake_alpha.calls) == (2, [], [])
        assert "needs at least" in result.err.splitlines()[-1]
        result = run_with(enough)
        assert (result.code, len(calls), fake_alpha.calls) == (2, 1, [])
        assert "of them unknown" in result.err.splitlines()[-1]
        assert run(command).code == 0
        monkeypatch.setattr(work, "has_run", lambda _: True)  # then the process holds it when the segmenter is done
        assert (run_with(enough, "--bits 8").code == 0) == ("--segmenter" in source)
        calls.clear()
        trusted = run_with(enough, "--trust-mask")
        assert (trusted.code, len(calls)) == (0, 0)

    @pytest.mark.usefixtures("fake_alpha")
    def test_a_large_job_is_stated_once(self, run, monkeypatch):
        monkeypatch.setattr(budget, "LARGE", 1)
        for source in ("--mask @alpha.png", "--segmenter left"):
            assert run(f"auto @image.png {source} -o @out.png --force").err.count("this needs about") == 1

    @pytest.mark.usefixtures("fake_alpha")
    def test_nothing_is_solved_where_nothing_is_found(self, run, spare):
        register_segmenter("none", lambda image: np.zeros(image.shape[:2], np.float32))
        spare(1 << 20)
        assert run("auto @image.png --segmenter none --matte -o @out.png").code == 0


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
