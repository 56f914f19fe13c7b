"""``--json`` gives scripts one object for each file, ``--quiet`` keeps standard error for errors."""

import json

import pytest

KEYS = ["input", "output", "status", "seconds", "size", "method", "weights", "error"]
AUTO_KEYS = [*KEYS, "correction", "guessed"]
COMMANDS = [
    ("matte @image.png @trimap.png", "best"),
    ("matte @image.png @trimap.png -m warns", "warns"),
    ("cutout @image.png @trimap.png -q fast", "fast"),
    ("auto @image.png --mask @alpha.png -m plain", "plain"),
    ("refine @image.png @alpha.png", None),
    ("decontaminate @image.png @alpha.png", None),
    ("trimap @alpha.png", None),
    ("composite @image.png @alpha.png", None),
    ("compare @image.png @trimap.png -m plain", None),
]


def reports(result):
    return [json.loads(line) for line in result.out.splitlines()]


@pytest.mark.usefixtures("fake_alpha")
@pytest.mark.parametrize(("command", "method"), COMMANDS)
class TestSingleFiles:
    def test_a_report_of_the_file(self, run, files, command, method):
        result = run(f"{command} -o @out.png --json")
        assert result.code == 0
        (report,) = reports(result)
        assert list(report) == (AUTO_KEYS if command.startswith("auto") else KEYS)
        assert report["input"] == str(files / ("alpha.png" if "trimap @" in command[:8] else "image.png"))
        assert (report["output"], report["status"]) == (str(files / "out.png"), "written")
        assert (report["method"], report["error"]) == (method, None)
        assert 0 <= report["seconds"] < 100
        assert "compare" in command or report["size"] == [37, 29]

    def test_a_report_of_the_failure(self, run, files, command, method):
        (files / "out.png").write_text("mine")
        result = run(f"{command} -o @out.png --json")
        assert result.code == 2
        (report,) = reports(result)
        assert (report["status"], report["size"], report["method"]) == ("failed", None, method)
        assert f"error: {report['error']}" == result.err.splitlines()[-1]

    def test_standard_output_cannot_be_both(self, run, command, method):  # noqa: ARG002 - of the class
        result = run(f"{command} -o - --json")
        assert result.code == 2
        assert "standard output, which --json uses" in result.err

    def test_quiet(self, run, command, method):  # noqa: ARG002 - of the class
        result = run(f"{command} -o @out.png --quiet")
        assert (result.code, result.out, result.err) == (0, "", "")
        again = run(f"{command} -o @out.png --quiet")
        assert again.code == 2
        assert len(again.err.splitlines()) == 1
        assert "exists" in again.err


@pytest.mark.usefixtures("fake_alpha")
def test_options_hold_for_one_command(run):
    run("matte @image.png @trimap.png -o @a.png --quiet --json")
    result = run("matte @image.png @trimap.png -o @b.png -m warns")
    assert result.out == ""
    assert "warning:" in result.err


@pytest.mark.usefixtures("fake_alpha")
def test_a_skipped_file_is_reported(run, files):
    (files / "out.png").write_text("finished")
    (report,) = reports(run("matte @image.png @trimap.png -o @out.png --resume --json"))
    assert (report["status"], report["size"]) == ("skipped", None)


@pytest.mark.usefixtures("fake_alpha", "folders")
@pytest.mark.parametrize("workers", [1])
def test_a_folder(run, files, workers):
    (files / "out").mkdir()
    (files / "out" / "b.png").write_text("finished")
    result = run(f"matte @images @trimaps -o @out --resume --json --quiet --workers {workers}")
    assert result.code == 1
    found = reports(result)
    assert all(list(report) == KEYS for report in found)
    by_input = {report["input"].rsplit("/", 1)[1]: report for report in found}
    assert {name: report["status"] for name, report in by_input.items()} == {
        "a.jpg": "written",
        "b.jpg": "skipped",
        "c.jpg": "written",
        "broken.png": "failed",
        "lonely.jpg": "failed",
    }
    assert "is of another kind" in by_input["broken.png"]["error"]
    assert "has no trimap" in by_input["lonely.jpg"]["error"]
    assert (by_input["lonely.jpg"]["output"], by_input["lonely.jpg"]["seconds"]) == (None, 0)
    assert by_input["a.jpg"]["output"] == str(files / "out" / "a.png")
    assert all(line.startswith("error: ") for line in result.err.splitlines())
    assert len(result.err.splitlines()) == 2


@pytest.mark.usefixtures("fake_alpha")
def test_an_interrupted_file_is_reported(run, fake_alpha, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(fake_alpha, "solve", interrupt)
    result = run("matte @image.png @trimap.png -o @out.png --json")
    assert result.code == 130
    (report,) = reports(result)
    assert (report["status"], report["error"]) == ("failed", "interrupted")


@pytest.mark.usefixtures("fake_alpha", "folders")
def test_an_image_that_cannot_be_paired_is_named(run, files):
    """Its input was null, so that a script had to take the name from the error."""
    for name in ("a.png", "lonely.png"):  # a second image of the same stem, with and without a trimap
        (files / "images" / name).write_bytes((files / "images" / "a.jpg").read_bytes())
    commands = ("auto @images --mask @trimaps -m plain", "matte @images {stem}_trimap.png", "refine @images @trimaps")
    for command in commands:
        found = reports(run(f"{command} -o @out --json --quiet --force"))
        assert all(report["input"] is not None for report in found)
        failed = [report["input"].rsplit("/", 1)[1] for report in found if report["seconds"] == 0]
        assert {"a.jpg", "lonely.jpg"} <= set(failed)
        assert len(failed) == len(set(failed))
