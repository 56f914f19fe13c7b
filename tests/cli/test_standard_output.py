"""A standard output that cannot be written: files are finished, one sentence, exit code 141 or 2."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hybridmatte.io.pictures import write_alpha

FULL = Path("/dev/full")
needs_posix = pytest.mark.skipif(os.name != "posix", reason="needs the pipes of POSIX systems")
needs_full = pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")
LEFT = "error: standard output cannot be used: its reader has left"
CLOSED = "error: standard output cannot be used: it is closed"
NO_SPACE = "error: standard output cannot be used: No space left on device"


@pytest.fixture
def masks(tmp_path):
    """Write a folder of four masks; return its parent."""
    (tmp_path / "masks").mkdir()
    for name in "abcd":
        mask = np.zeros((24, 31), np.float32)
        mask[6:18, 8:22] = 1
        write_alpha(tmp_path / "masks" / f"{name}.png", mask)
    return tmp_path


def call(folder, command, **streams):
    words = [sys.executable, "-m", "hybridmatte", *command.split()]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | streams
    return subprocess.run(words, cwd=folder, check=False, timeout=300, **streams)


def call_without_reader(folder, command, stream="stdout"):
    """Run a command whose standard output, or standard error, is a pipe that nobody reads."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        return call(folder, command, **{stream: writing})
    finally:
        os.close(writing)


def call_with_closed_output(folder, command):
    return call(folder, command, preexec_fn=lambda: os.close(1))


def lines_of(run):
    return run.stderr.decode().splitlines()


def written(folder):
    return sorted(path.name for path in folder.iterdir())


@needs_posix
class TestReports:
    def test_a_folder_run_is_finished(self, masks):
        """`hybridmatte trimap masks --json | head -1` ended in the middle: exit code 1, no sentence, files missing."""
        run = call_without_reader(masks, "trimap masks -o out --json")
        assert run.returncode == 141
        assert written(masks / "out") == ["a.png", "b.png", "c.png", "d.png"]
        assert lines_of(run)[-2:] == [
            "4 written, 0 already there, 0 failed",
            f"{LEFT}; 4 of the reports of --json are lost, the files are not",
        ]

    @pytest.mark.slow
    def test_a_reader_that_leaves_after_one_line(self, masks):
        words = [sys.executable, "-m", "hybridmatte", *"trimap masks -o out --json --quiet".split()]
        with subprocess.Popen(words, cwd=masks, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            assert json.loads(process.stdout.readline())["status"] == "written"
            process.stdout.close()
            said = process.stderr.read().decode().splitlines()
        assert written(masks / "out") == ["a.png", "b.png", "c.png", "d.png"]
        assert (process.returncode, len(said)) in ((141, 1), (0, 0))  # 0: all reports were in the pipe before it left
        assert all(line.startswith(LEFT) for line in said)

    @pytest.mark.slow
    def test_failures_keep_their_exit_code(self, masks):
        (masks / "masks" / "b.png").write_text("text")
        run = call_without_reader(masks, "trimap masks -o out --json --quiet")
        assert run.returncode == 1
        assert written(masks / "out") == ["a.png", "c.png", "d.png"]
        failure, lost = (line.split(":")[1] for line in lines_of(run))
        assert "b.png is of another kind" in failure
        assert lost == " standard output cannot be used"

    @pytest.mark.slow
    @pytest.mark.parametrize(("source", "code"), [("masks/a.png", 141), ("masks/none.png", 2)])
    def test_a_single_run(self, masks, source, code):
        run = call_without_reader(masks, f"trimap {source} -o out.png --json")
        assert run.returncode == code
        assert (masks / "out.png").exists() == (code == 141)
        assert lines_of(run)[-1] == f"{LEFT}; 1 of the reports of --json are lost, the files are not"

    @needs_full
    @pytest.mark.slow
    def test_a_full_disk(self, masks):
        with FULL.open("wb") as full:
            run = call(masks, "trimap masks -o out --json --quiet", stdout=full)
        assert run.returncode == 2
        assert len(written(masks / "out")) == 4
        assert lines_of(run) == [f"{NO_SPACE}; 4 of the reports of --json are lost, the files are not"]

    @pytest.mark.parametrize("source", ["masks", "masks/a.png"])
    def test_a_closed_one_is_refused_at_once(self, masks, source):
        """`--json >&-` ended with a traceback after the first file."""
        run = call_with_closed_output(masks, f"trimap {source} -o out --json")
        assert (run.returncode, lines_of(run)) == (2, [CLOSED])
        assert not (masks / "out").exists()

    @pytest.mark.slow
    def test_standard_output_is_not_needed_without_json(self, masks):
        assert call_without_reader(masks, "trimap masks -o out").returncode == 0
        assert call_with_closed_output(masks, "trimap masks -o other").returncode == 0


@needs_posix
@pytest.mark.parametrize("command", ["methods", "--help", "--version", "trimap masks/a.png -o -"])
def test_a_reader_that_has_left(masks, command):
    """`hybridmatte methods | true` ended with exit code 1 and no word."""
    run = call_without_reader(masks, command)
    assert (run.returncode, lines_of(run)) == (141, [LEFT])


@needs_posix
@pytest.mark.parametrize("command", ["methods", "--version", "trimap masks/a.png -o -"])
def test_a_closed_one(masks, command):
    """The same sentence for a table, for the version and for a picture."""
    run = call_with_closed_output(masks, command)
    assert (run.returncode, lines_of(run)) == (2, [CLOSED])


@needs_posix
def test_standard_error_without_a_reader_stops_nothing(masks):
    """`hybridmatte trimap masks 2>&1 | head -1` ended in the middle."""
    run = call_without_reader(masks, "trimap masks -o out --json", stream="stderr")
    assert (run.returncode, len(run.stdout.splitlines())) == (0, 4)
    assert len(written(masks / "out")) == 4


@needs_full
@pytest.mark.slow
def test_a_full_standard_error_stops_nothing(masks):
    with FULL.open("wb") as full:
        run = call(masks, "trimap masks -o out --json", stderr=full)
    assert (run.returncode, len(run.stdout.splitlines())) == (0, 4)
