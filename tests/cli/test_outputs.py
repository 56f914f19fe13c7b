"""Where results go without -o, and no file that exists is overwritten without --force."""

import os
import stat

import numpy as np
import pytest

from hybridmatte.batch.listing import RESULTS
from hybridmatte.io.pictures import read_alpha, read_image, write_image

MASK = "--mask @alpha.png -m plain"
DEFAULTS = [
    ("matte @image.png @trimap.png", "image_alpha.png"),
    ("cutout @image.png @trimap.png", "image_cutout.png"),
    (f"auto @image.png {MASK}", "image_cutout.png"),
    (f"auto @image.png {MASK} --matte", "image_alpha.png"),
    ("refine @image.png @alpha.png", "image_refined.png"),
    ("decontaminate @image.png @alpha.png", "image_cutout.png"),
    ("trimap @alpha.png", "alpha_trimap.png"),
    ("composite @image.png @alpha.png", "image_composite.png"),
]
WRITERS = [*(command for command, _ in DEFAULTS), "compare @image.png @trimap.png -m plain"]


@pytest.mark.usefixtures("fake_alpha")
@pytest.mark.parametrize(("command", "name"), DEFAULTS)
def test_the_default_lies_beside_the_input_and_is_said(run, files, command, name):
    """`hybridmatte cutout photo.jpg trimap.png` ended with: Missing option '--output'."""
    before = {path.name for path in files.iterdir()}
    result = run(command)
    assert result.code == 0
    assert f"without -o, the output is {files}/{name}" in result.err.splitlines()
    assert {path.name for path in files.iterdir()} - before == {name}
    again = run(command)
    assert again.code == 2
    assert f"output {files}/{name} exists, expected another file, or --force" in again.err.splitlines()[-1]


@pytest.mark.usefixtures("fake_alpha")
@pytest.mark.parametrize("ending", [".png", "/", "/*.jpg"])
@pytest.mark.parametrize("command", [*(command for command, _ in DEFAULTS), "auto @image.png"])
def test_an_input_that_does_not_exist_is_the_only_thing_said(run, command, ending):
    """`auto nothere.jpg` began with: without -o, the output is nothere_cutout.png."""
    name, _, rest = command.partition(".png")
    word = name.partition("@")[2]
    result = run(f"{name.replace(word, 'nothere')}{ending}{rest}")
    assert result.code == 2
    assert len(result.err.splitlines()) == 1
    assert result.err.startswith("error: ")
    assert "nothere" in result.err


def test_every_default_is_known_as_a_result():
    assert {name.rpartition("_")[2] for _, name in DEFAULTS} <= {f"{result}.png" for result in RESULTS}


@pytest.mark.usefixtures("fake_alpha", "folders")
@pytest.mark.parametrize("name", ["images", "images/", "images/../images/."])
def test_the_default_of_a_folder_lies_beside_it(run, files, name):
    result = run(f"cutout @{name} @trimaps")
    assert "3 written" in result.err
    assert sorted(path.name for path in (files / "images_cutout").iterdir()) == ["a.png", "b.png", "c.png"]


@pytest.mark.usefixtures("fake_alpha", "folders")
def test_the_default_of_the_working_folder(run, files, monkeypatch):
    monkeypatch.chdir(files / "images")
    run("matte . @trimaps")
    assert (files / "images_alpha" / "a.png").exists()


@pytest.mark.usefixtures("fake_alpha")
@pytest.mark.parametrize("command", ["matte - @trimap.png", "trimap -", "composite - @alpha.png", f"auto - {MASK}"])
def test_standard_input_has_no_default(run, command):
    result = run(command)
    assert result.code == 2
    assert result.err.splitlines()[-1].startswith("error: -o is missing, expected a file, or - for standard output")


@pytest.mark.usefixtures("fake_alpha")
@pytest.mark.parametrize("command", WRITERS)
def test_an_existing_file_needs_force(run, files, fake_alpha, command):
    """A cut-out retouched by hand was overwritten by the same command run again."""
    (files / "out.png").write_text("retouched by hand")
    result = run(f"{command} -o @out.png")
    assert result.code == 2
    assert result.err.splitlines()[-1] == (
        f"error: output {files}/out.png exists, expected another file, or --force to overwrite it"
    )
    assert (files / "out.png").read_text() == "retouched by hand"
    assert not fake_alpha.calls
    assert run(f"{command} -o @out.png --force").code == 0
    assert read_image(files / "out.png").size


@pytest.mark.usefixtures("fake_alpha")
def test_force_overwrites_no_input(run, files):
    before = (files / "image.png").read_bytes()
    result = run("matte @image.png @trimap.png -o @image.png --force")
    assert (result.code, (files / "image.png").read_bytes()) == (2, before)
    assert "is also an input" in result.err


@pytest.mark.usefixtures("fake_alpha")
def test_the_trimap_that_was_found_needs_force_too(run, files):
    (files / "found.png").write_text("drawn by hand")
    command = f"auto @image.png {MASK} -o @out.png --trimap @found.png"
    assert "found.png exists" in run(command).err.splitlines()[-1]
    assert (files / "found.png").read_text() == "drawn by hand"
    assert run(f"{command} --force").code == 0


@pytest.mark.usefixtures("fake_alpha", "folders")
class TestFolders:
    def test_existing_files_are_counted_before_anything_is_solved(self, run, files, fake_alpha):
        (files / "out").mkdir()
        for name in "ab":
            (files / "out" / f"{name}.png").write_text("retouched")
        result = run("matte @images @trimaps -o @out")
        assert result.code == 2
        assert result.err.splitlines()[-1] == (
            f"error: output has 2 of 4 files already ({files}/out/a.png, {files}/out/b.png), expected another folder, "
            "--resume to skip them or --force to overwrite them"
        )
        assert not fake_alpha.calls
        assert sorted(path.name for path in (files / "out").iterdir()) == ["a.png", "b.png"]
        assert "1 written, 2 already there" in run("matte @images @trimaps -o @out --resume").err
        assert (files / "out" / "a.png").read_text() == "retouched"
        assert "3 written, 0 already there" in run("matte @images @trimaps -o @out --force").err
        np.testing.assert_array_equal(read_alpha(files / "out/a.png"), read_alpha(files / "trimap.png"))

    def test_of_many_the_first_are_named(self, run, files):
        assert run("matte @images @trimaps -o @out").code == 1
        for name in "defg":
            write_image(files / "images" / f"{name}.png", read_image(files / "image.png"))
            (files / "trimaps" / f"{name}.png").write_bytes((files / "trimap.png").read_bytes())
            (files / "out" / f"{name}.png").touch()
        assert "output has 7 of 8 files already" in run("matte @images @trimaps -o @out").err
        assert "c.png, ...)" in run("matte @images @trimaps -o @out").err

    def test_other_files_of_the_folder_do_not_matter(self, run, files):
        (files / "out").mkdir()
        (files / "out" / "notes.txt").write_text("mine")
        assert run("matte @images @trimaps -o @out").err.splitlines()[-1].startswith("3 written")


@pytest.mark.usefixtures("fake_alpha")
def test_a_link_to_a_file_counts_as_the_file(run, files):
    (files / "kept.png").write_text("kept")
    (files / "out.png").symlink_to(files / "kept.png")
    assert "out.png exists" in run("matte @image.png @trimap.png -o @out.png").err
    assert (files / "kept.png").read_text() == "kept"


def mode_of(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def umask():
    """Set the umask to 022."""
    before = os.umask(0o022)
    yield
    os.umask(before)


needs_posix = pytest.mark.skipif(os.name != "posix", reason="needs permissions of POSIX systems")


@needs_posix
@pytest.mark.usefixtures("fake_alpha", "umask")
@pytest.mark.parametrize("command", WRITERS)
def test_force_keeps_permissions(run, files, command):
    """A private result (0600) that was written again with --force could be read by everybody."""
    assert run(f"{command} -o @out.png").code == 0
    assert mode_of(files / "out.png") == 0o644
    for mode in (0o600, 0o664, 0o444):
        (files / "out.png").chmod(mode)
        before = (files / "out.png").stat()
        assert run(f"{command} -o @out.png --force").code == 0
        after = (files / "out.png").stat()
        assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)
        assert after.st_ino != before.st_ino


@needs_posix
@pytest.mark.skipif(os.name == "posix" and os.geteuid() != 0, reason="only root gives files away")
@pytest.mark.usefixtures("fake_alpha")
def test_force_as_root_keeps_the_owner(run, files):
    (files / "out.png").touch(mode=0o600)
    os.chown(files / "out.png", 1234, 1235)
    assert run("matte @image.png @trimap.png -o @out.png --force").code == 0
    after = (files / "out.png").stat()
    assert (after.st_uid, after.st_gid, mode_of(files / "out.png")) == (1234, 1235, 0o600)


@needs_posix
@pytest.mark.usefixtures("fake_alpha", "folders", "umask")
def test_force_keeps_permissions_in_a_folder(run, files):
    run("matte @images @trimaps -o @out")
    (files / "out" / "a.png").chmod(0o640)
    run("matte @images @trimaps -o @out --force")
    assert [mode_of(files / "out" / f"{name}.png") for name in "abc"] == [0o640, 0o644, 0o644]


@needs_posix
@pytest.mark.usefixtures("fake_alpha", "umask")
def test_force_replaces_a_link_and_keeps_its_file(run, files):
    (files / "kept.png").write_text("kept")
    (files / "kept.png").chmod(0o600)
    (files / "out.png").symlink_to(files / "kept.png")
    assert run("matte @image.png @trimap.png -o @out.png --force").code == 0
    assert not (files / "out.png").is_symlink()
    assert (mode_of(files / "out.png"), (files / "kept.png").read_text()) == (0o600, "kept")
    (files / "lost.png").symlink_to(files / "nothing.png")
    assert run("matte @image.png @trimap.png -o @lost.png --force").code == 0
    assert mode_of(files / "lost.png") == 0o644


@pytest.mark.parametrize("option", ["--csv", "--json"])
def test_scores_that_exist_need_force(run, files, option):
    for folder in ("alphas", "truths"):
        (files / folder).mkdir()
        (files / folder / "a.png").write_bytes((files / "alpha.png").read_bytes())
    scores = files / f"scores.{option[2:]}"
    scores.write_text("of last week")
    command = f"evaluate @alphas @truths --region whole {option} {scores}"
    assert f"{scores} exists" in run(command).err.splitlines()[-1]
    assert scores.read_text() == "of last week"
    assert run(f"{command} --force").code == 0
    assert scores.read_text() != "of last week"
