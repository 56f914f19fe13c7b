"""Folders, glob patterns, recursion and name patterns: which files a command takes, and what it says of the others."""

import shutil

import numpy as np
import pytest
from PIL import Image

from hybridmatte.batch.listing import RESULTS
from hybridmatte.cli import main
from hybridmatte.io.pictures import write_alpha, write_image

COMMANDS = [
    pytest.param("matte {} {}", id="matte"),
    pytest.param("auto {} --mask {} -m plain", id="auto"),
    pytest.param("composite {} {}", id="composite"),
]


@pytest.fixture
def tree(files, scene):
    """Write photographs, in/a.jpg, in/sub/b.jpg, in/sub/deep/a.jpg, and a hidden one; planes/ has the same tree."""
    for folder, write, data, ending in (
        ("in", write_image, scene.image, ".jpg"),
        ("planes", write_alpha, scene.trimap, ".png"),
    ):
        for name in ("a", "sub/b", "sub/deep/a", ".hidden/c"):
            path = files / folder / f"{name}{ending}"
            path.parent.mkdir(parents=True, exist_ok=True)
            write(path, data)
    (files / "in" / "notes.txt").write_text("mine")
    return files


def written(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


@pytest.mark.usefixtures("fake_alpha", "tree")
@pytest.mark.parametrize("command", COMMANDS)
class TestPartners:
    @pytest.mark.parametrize("planes", ["@planes", "@planes/*.png", "@planes/{parent}/{stem}.png", "@trimap.png"])
    @pytest.mark.parametrize("images", ["@in", "@in/*.jpg"])
    def test_recursive_keeps_the_tree(self, run, files, command, images, planes):
        result = run(f"{command.format(images, planes)} -o @out --recursive")
        assert result.code == 0, result.err
        assert written(files / "out") == ["a.png", "sub/b.png", "sub/deep/a.png"]
        assert result.err.splitlines()[-1] == "3 written, 0 already there, 0 failed"
        assert ("not named like a picture: notes.txt" in result.err) == (images == "@in")

    @pytest.mark.parametrize("images", ["@in/*.jpg", "@in/[a-b].*", "@in"])
    def test_a_pattern_takes_the_files_that_it_names(self, run, files, command, images):
        result = run(f"{command.format(images, '@planes')} -o @out")
        assert result.code == 0, result.err
        assert written(files / "out") == ["a.png"]

    @pytest.mark.parametrize("pattern", ["{stem}_mask.png", "{parent}/{stem}_mask.png", "{name}.png"])
    def test_partners_beside_the_images_are_no_images(self, run, files, command, pattern):
        """Masks beside their photographs were taken for photographs without a mask."""
        name = pattern.rpartition("/")[2].format(stem="a", name="a.jpg")
        shutil.copy(files / "trimap.png", files / "in" / name)
        shutil.copy(files / "in" / "a.jpg", files / "in" / "lonely.jpg")
        result = run(f"{command.format('@in', pattern)} -o @out")
        assert result.code == 1
        assert written(files / "out") == ["a.png"]
        assert (
            f"1 not taken, used as {'mask' if 'auto' in command else 'trimap' if 'matte' in command else 'alpha'}"
            in (result.err)
        )
        absent = pattern.rpartition("/")[2].format(stem="lonely", name="lonely.jpg")
        assert "in/lonely.jpg has no " in result.err
        assert absent in result.err
        assert result.err.splitlines()[-1] == "1 written, 0 already there, 1 failed"

    def test_a_pattern_counts_from_the_working_folder_too(self, run, files, command, monkeypatch):
        monkeypatch.chdir(files)
        assert run(f"{command.format('in', 'planes/{stem}.png')} -o out").code == 0
        assert run(f"{command.format('in/a.jpg', 'planes/{stem}.png')} -o one.png").code == 0
        assert (files / "one.png").read_bytes() == (files / "out" / "a.png").read_bytes()

    def test_two_images_of_one_stem_are_named_before_anything_is_solved(self, run, files, command):
        shutil.copy(files / "image.png", files / "in" / "a.png")
        shutil.copy(files / "in" / "a.jpg", files / "in" / "z.jpg")
        result = run(f"{command.format('@in', '@trimap.png')} -o @out")
        assert result.code == 1
        assert "error: image has both a.jpg and a.png, expected one a stem" in result.err.splitlines()[:-1]
        assert written(files / "out") == ["z.png"]


@pytest.mark.usefixtures("tree")
class TestTrimap:
    def test_folders_and_trees(self, run, files):
        result = run("trimap @planes -o @out --recursive --from alpha")
        assert result.code == 0, result.err
        assert written(files / "out") == ["a.png", "sub/b.png", "sub/deep/a.png"]

    def test_a_pattern(self, run, files):
        for name in "ab":
            shutil.copy(files / "alpha.png", files / "in" / f"{name}_mask.png")
        result = run("trimap @in/*_mask.png -o @out")
        assert result.code == 0, result.err
        assert written(files / "out") == ["a_mask.png", "b_mask.png"]

    def test_masks_as_tools_write_them(self, run, files, scene):
        """A mask of 0 and 1, labels and .npy arrays, which `auto` takes, were refused by `trimap`."""
        (files / "masks").mkdir()
        inside = scene.alpha > 0.5
        np.save(files / "masks" / "array.npy", inside)
        for name, labels in (("one", inside.astype(np.uint8)), ("full", 255 * inside.astype(np.uint8))):
            Image.fromarray(labels).save(files / "masks" / f"{name}.png")
        result = run("trimap @masks -o @out")
        assert result.code == 0, result.err
        expected = (files / "out" / "full.png").read_bytes()
        assert [(files / "out" / f"{name}.png").read_bytes() for name in ("array", "one")] == [expected] * 2
        several = np.where(inside, 2, 0).astype(np.uint8)
        several[:2] = 1
        Image.fromarray(several).save(files / "several.png")
        refused = run("trimap @several.png -o @t.png")
        assert refused.code == 2
        assert "--label" in refused.err
        assert run("trimap @several.png -o @t.png --label 2").code == 0
        assert (files / "t.png").read_bytes() == expected
        assert "--label is 2, expected none" in run("trimap @alpha.png -o @u.png --from alpha --label 2").err

    def test_errors_say_mask(self, run, files):
        """A photograph given as a mask was called an alpha."""
        assert run("trimap @image.png -o @t.png").err.startswith(f"error: mask {files}/image.png has colour")

    def test_a_mask_that_fails_stops_no_other(self, run, files):
        (files / "planes" / "broken.png").write_text("text")
        result = run("trimap @planes -o @out")
        assert result.code == 1
        assert written(files / "out") == ["a.png"]
        assert "broken.png is of another kind" in result.err


@pytest.mark.usefixtures("fake_alpha", "tree")
class TestFolders:
    def test_the_output_folder_may_lie_in_the_tree(self, run):
        for _ in range(2):
            result = run("matte @in @trimap.png -o @in/out -r --force")
            assert result.err.splitlines()[-1] == "3 written, 0 already there, 0 failed"
        assert "2 not taken, a folder: .hidden, out" in result.err

    def test_a_folder_whose_name_has_brackets(self, run, files):
        (files / "in").rename(files / "in [1]".replace(" ", ""))
        assert run("matte @in[1] @trimap.png -o @out").code == 0
        assert run("matte @in[1]/*.jpg @trimap.png -o @other").code == 0
        assert written(files / "out") == written(files / "other") == ["a.png"]

    def test_the_default_output_of_a_pattern_lies_beside_its_folder(self, run, files):
        result = run("matte @in/*.jpg @trimap.png")
        assert result.code == 0, result.err
        assert written(files / "in_alpha") == ["a.png"]

    def test_refine_takes_a_trimap_for_each(self, run, files):
        result = run("refine @in @planes -o @out --trimap @planes/{stem}.png")
        assert result.code == 0, result.err
        assert written(files / "out") == ["a.png"]


@pytest.mark.usefixtures("fake_alpha", "tree")
class TestCompositeOfCutouts:
    @pytest.mark.parametrize("mode", ["L", "RGB"])
    def test_a_picture_without_transparency_is_refused(self, run, files, mode):
        """A grey photograph was put over the background by its own brightness, without a word."""
        Image.open(files / "in" / "a.jpg").convert(mode).save(files / "photo.png")
        result = run("composite @photo.png -o @out.png -b red")
        assert result.code == 2
        kind = "grey" if mode == "L" else "colour"
        assert f"photo.png has {kind} and no transparency, expected a cut-out (RGBA), or a photograph" in result.err

    def test_an_opaque_cutout_is_itself(self, run, files):
        """A cut-out without a transparent pixel was refused: "alpha has colour"."""
        Image.open(files / "in" / "a.jpg").convert("RGBA").save(files / "full.png")
        assert run("composite @full.png -o @out.png -b red").code == 0
        written, expected = (np.asarray(Image.open(files / name).convert("RGB")) for name in ("out.png", "full.png"))
        np.testing.assert_array_equal(written, expected)


@pytest.mark.usefixtures("fake_alpha", "tree")
class TestResume:
    SAID = "taken as finished: --resume does not compare options; without it, --force writes all again"

    def test_the_summary_says_that_options_are_not_compared(self, run, files):
        """`--resume` with another method ended with "0 written, 1 already there", and left the first method's file."""
        run("matte @in @trimap.png -o @out")
        before = (files / "out" / "a.png").read_bytes()
        result = run("matte @in @trimap.png -o @out --resume -m plain --recursive")
        assert result.err.splitlines()[-2:] == [f"1 file {self.SAID}", "2 written, 1 already there, 0 failed"]
        assert (files / "out" / "a.png").read_bytes() == before
        assert "taken as finished" not in run("matte @in @trimap.png -o @new --resume").err
        assert run("matte @in @trimap.png -o @out --resume --quiet").err == ""

    @pytest.mark.parametrize(
        ("first", "then", "found", "expected"),
        [
            ("auto @in --mask @alpha.png -m plain --matte", "--resume", "grey of 8 bits", "RGBA of 8 bits"),
            ("auto @in --mask @alpha.png -m plain", "--resume --matte", "RGBA of 8 bits", "grey of 8 bits"),
            ("auto @in --mask @alpha.png -m plain", "--resume -b white", "RGBA of 8 bits", "RGB of 8 bits"),
            ("composite @in @alpha.png", "--resume --bits 16", "RGB of 8 bits", "RGB of 16 bits"),
            ("composite @in @alpha.png", "--resume -b transparent", "RGB of 8 bits", "RGBA of 8 bits"),
            ("matte @in @trimap.png --bits 16", "--resume", "grey of 16 bits", "grey of 8 bits"),
        ],
    )
    def test_files_that_other_options_wrote_are_named(self, run, files, first, then, found, expected):
        """Alphas of the run before counted as cut-outs."""
        assert run(f"{first} -o @out").code == 0
        options = first.replace(" --matte", "").replace(" --bits 16", "")
        result = run(f"{options} -o @out {then}")
        assert result.code == 0
        assert result.err.splitlines()[-3:] == [
            f"1 file {self.SAID}",
            f"warning: 1 file of other options, which write {expected}: {files}/out/a.png ({found})",
            "0 written, 1 already there, 0 failed",
        ]
        assert "warning" not in run(f"{first} -o @out --resume").err
        assert run(f"{options} -o @out {then}".replace("--resume", "--force")).code == 0
        assert "warning" not in run(f"{options} -o @out {then}").err

    def test_a_single_image(self, run, files):
        run("matte @in/a.jpg @trimap.png -o @a.png")
        result = run("cutout @in/a.jpg @trimap.png -o @a.png --resume")
        assert result.err.splitlines() == [
            f"1 file {self.SAID}",
            f"warning: 1 file of other options, which write RGBA of 8 bits: {files}/a.png (grey of 8 bits)",
        ]

    def test_the_help_says_it(self, run):
        assert "Options are not compared" in " ".join(run("matte --help").out.replace("│", " ").split())


def test_an_output_that_another_job_reads_is_refused(tmp_path, capsys):
    """A trimap was overwritten, with --force, and then solved with a matte in its place."""
    for folder in ("images", "trimaps"):
        for name in ("cat.png", "sub/cat.png"):
            (tmp_path / folder / name).parent.mkdir(parents=True, exist_ok=True)
            write_alpha(tmp_path / folder / name, np.full((8, 8), 0.5, np.float32))
    before = (tmp_path / "trimaps/sub/cat.png").read_bytes()
    with pytest.raises(SystemExit, match="2"):
        main(["matte", f"{tmp_path}/images", f"{tmp_path}/trimaps", "-r", "-o", f"{tmp_path}/trimaps/sub", "--force"])
    assert "is also an input, expected another" in capsys.readouterr().err
    assert (tmp_path / "trimaps/sub/cat.png").read_bytes() == before


def test_a_format_behind_a_field_is_refused(tmp_path, capsys):
    (tmp_path / "images").mkdir()
    write_alpha(tmp_path / "images" / "cat.png", np.full((8, 8), 0.5, np.float32))
    with pytest.raises(SystemExit, match="2"):
        main(["matte", f"{tmp_path}/images", "{stem:{x}}.png", "-o", f"{tmp_path}/out"])
    assert "expected {stem}, {name} or {parent}" in capsys.readouterr().err


@pytest.mark.usefixtures("fake_alpha")
class TestEarlierResults:
    """Results and masks beside the photographs were taken for photographs, and cut out once more."""

    @pytest.fixture
    def photos(self, files):
        """Write photos/a.jpg and photos/b.jpg, and every default result of a.jpg."""
        (files / "photos").mkdir()
        for name in ("a.jpg", "b.jpg", "a_mask.png", *(f"a_{result}.png" for result in RESULTS)):
            shutil.copy(files / "image.png", files / "photos" / name)
        shutil.copy(files / "image.png", files / "photos" / "a_cutout_composite.png")
        return files / "photos"

    @pytest.mark.parametrize("images", ["@photos", "@photos/*", "@photos/[ab]*"])
    @pytest.mark.parametrize("command", COMMANDS)
    def test_they_are_named_and_not_taken(self, run, files, photos, command, images):
        shutil.copy(files / "trimap.png", photos.parent / "m.png")
        result = run(f"{command.format(images, '@m.png')} -o @out")
        assert result.code == 0, result.err
        assert written(files / "out") == ["a.png", "b.png"]
        lines = [line for line in result.err.splitlines() if "named like a result or a mask of another" in line]
        assert len(lines) == 1
        assert f"{len(RESULTS) + 2} not taken" in lines[0]
        assert all(f"a_{result}.png" in lines[0] for result in (*RESULTS, "mask", "cutout_composite"))

    def test_of_the_second_run_with_default_outputs(self, run, files):
        """The user's own steps: one photograph, then its folder."""
        (files / "photos").mkdir()
        for name in ("a.jpg", "b.jpg"):
            shutil.copy(files / "image.png", files / "photos" / name)
        run("auto @photos/a.jpg --mask @alpha.png -m plain")
        run("auto @photos/a.jpg --mask @alpha.png -m plain --matte")
        result = run("auto @photos --mask @alpha.png -m plain")
        assert result.code == 0, result.err
        assert written(files / "photos_cutout") == ["a.png", "b.png"]
        assert "2 not taken, named like a result or a mask of another: a_alpha.png, a_cutout.png" in result.err

    def test_a_file_named_explicitly_is_taken(self, run, files, photos):
        assert run(f"auto {photos}/a_cutout.png --mask @alpha.png -m plain -o @one.png").code == 0
        assert run(f"auto {photos}/*_cutout.png --mask @alpha.png -m plain -o @out").code == 0
        assert written(files / "out") == ["a_cutout.png"]

    def test_a_file_with_a_partner_of_its_own_is_taken(self, run, files, photos):
        (files / "planes").mkdir()
        for name in ("a", "b", "a_alpha"):
            shutil.copy(files / "trimap.png", files / "planes" / f"{name}.png")
        for planes in ("@planes", "@planes/{stem}.png"):
            result = run(f"matte {photos} {planes} -o @out --force")
            assert result.code == 0, result.err
            assert written(files / "out") == ["a.png", "a_alpha.png", "b.png"]

    def test_what_a_command_is_for_is_taken(self, run, files):
        """Of masks, a_mask.png is one, and for a composite without alpha a_cutout.png is what is meant."""
        (files / "mixed").mkdir()
        for name in ("a", "a_mask", "a_trimap"):
            shutil.copy(files / "alpha.png", files / "mixed" / f"{name}.png")
        run("trimap @mixed -o @trimaps_out")
        assert written(files / "trimaps_out") == ["a.png", "a_mask.png"]
        run("trimap @mixed -o @from_alpha --from alpha")
        assert written(files / "from_alpha") == ["a.png"]
        (files / "cut").mkdir()
        run("decontaminate @image.png @alpha.png -o @cut/a.png")
        for name in ("a_cutout", "a_composite"):
            shutil.copy(files / "cut" / "a.png", files / "cut" / f"{name}.png")
        run("composite @cut -o @composites")
        assert written(files / "composites") == ["a.png", "a_cutout.png"]

    def test_only_in_the_same_folder(self, run, files):
        for folder, name in (("tree", "a.jpg"), ("tree/sub", "a_cutout.png")):
            (files / folder).mkdir()
            shutil.copy(files / "image.png", files / folder / name)
        run("auto @tree --mask @alpha.png -m plain -o @out --recursive")
        assert written(files / "out") == ["a.png", "sub/a_cutout.png"]
