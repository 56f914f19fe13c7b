"""Segmenters by name, by function and by entry point: what they take, what they may return, and who is blamed."""

from importlib import metadata

import numpy as np
import pytest

import hybridmatte
from hybridmatte import find_mask, list_segmenters, load_segmenter, matte_from_image, register_segmenter, write_image
from hybridmatte.automatic import registry
from hybridmatte.automatic.finding import describe_mask
from hybridmatte.cli import main
from hybridmatte.io.pictures import read_alpha
from hybridmatte.testing import check_segmenter
from tests.synthetic import soft_disk

SCENE = soft_disk((45, 60), seed=1)


def disk(image):
    """Find the drawn disk."""
    assert image.dtype == np.float32
    return SCENE.alpha[::3, ::3] if image.shape == SCENE.image.shape else image.mean(axis=2)


def prompted(image, *, box=None, points=None):
    mask = np.zeros(image.shape[:2], np.float32)
    if box is not None:
        x0, y0, x1, y1 = (round(side) for side in box)
        mask[y0:y1, x0:x1] = 1
    for x, y, label in points or []:
        mask[int(y), int(x)] = label
    return mask


@pytest.fixture(autouse=True)
def _clean(monkeypatch):
    monkeypatch.setattr(registry, "_registered", {})


@pytest.fixture
def plug_ins(monkeypatch):
    """Return a function that stands for installing packages with these entry points."""

    def install(**targets):
        points = [metadata.EntryPoint(name, value, registry.ENTRY_POINTS) for name, value in targets.items()]

        def entry_points(**selection):
            return metadata.EntryPoints(points).select(**selection)

        monkeypatch.setattr(registry, "entry_points", entry_points)

    return install


class TestFindMask:
    def test_the_mask_comes_at_the_size_of_the_image(self):
        mask = find_mask(SCENE.image, disk)
        assert mask.shape == (45, 60)
        assert mask.dtype == np.float32
        assert np.abs(mask - SCENE.alpha).mean() < 0.05

    def test_bundled_is_the_default_and_people_its_old_name(self, monkeypatch):
        monkeypatch.setattr(registry, "run_segmenter", lambda _, image: np.full(image.shape[:2], 0.25, np.float32))
        assert (find_mask(SCENE.image) == 0.25).all()
        assert load_segmenter("people").name == load_segmenter("bundled").name == "bundled"

    def test_the_image_is_not_modified_even_if_the_function_does_it(self):
        image = SCENE.image.copy()

        def rude(image):
            image[:] = 0
            return image[:, :, 0]

        find_mask(image, rude)
        assert (image == SCENE.image).all()

    @pytest.mark.parametrize(
        ("result", "message"),
        [
            (np.full((45, 60), np.nan, np.float32), "has 2700 NaN or infinite values, expected none"),
            (np.full((45, 60), 1.5), r"has floating-point values from 1.5 to 1.5, expected the range \[0, 1\]"),
            (np.full((45, 60), -0.1), r".*expected the range \[0, 1\]"),
            (np.zeros((45, 60, 3)), r"has shape \(45, 60, 3\), expected \(h, w\)"),
            (np.zeros((1, 45, 60)), r"has shape \(1, 45, 60\), expected \(h, w\)"),
            (np.zeros((60, 45)), "is 45 x 60 but image is 60 x 45, expected the same aspect ratio; it looks turned"),
            (np.zeros((45, 60), np.uint8), "has dtype uint8, expected float32"),
            (np.zeros((0, 60)), "is empty"),
            ([[0.0]], "is a list, expected a NumPy array"),
            (None, "is a NoneType, expected a NumPy array"),
        ],
    )
    def test_what_is_no_mask_is_refused_by_the_name_of_the_segmenter(self, result, message):
        register_segmenter("mine", lambda _: result)
        with pytest.raises(ValueError, match=f"^mask of segmenter mine {message}"):
            find_mask(SCENE.image, "mine")

    @pytest.mark.parametrize("error", [RuntimeError("no\nGPU"), KeyError("a"), ValueError("odd"), ImportError("torch")])
    def test_an_error_names_the_segmenter_in_one_line(self, error):
        def fails(_):
            raise error

        with pytest.raises(
            ValueError, match=rf"^segmenter fails raised {type(error).__name__} \(.*\), expected a mask$"
        ):
            find_mask(SCENE.image, fails)

    def test_ctrl_c_goes_through(self):
        def interrupted(_):
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            find_mask(SCENE.image, interrupted)

    @pytest.mark.parametrize("shape", [(1, 30), (30, 1), (1, 1), (2, 3)])
    def test_tiny_images(self, shape):
        assert find_mask(np.zeros((*shape, 3)), lambda image: image[:, :, 0]).shape == shape


class TestPrompts:
    def test_box_and_points_reach_the_function(self):
        mask = find_mask(SCENE.image, prompted, box=(10, 5, 20, 15), points=[(12, 7, 0), (40, 30)])
        assert mask[5:15, 10:20].sum() == 99
        assert mask[30, 40] == 1

    @pytest.mark.parametrize(
        ("prompt", "message"),
        [
            ({"box": (1, 2, 3)}, "box is .1, 2, 3., expected x0, y0, x1, y1 with 0 <= x0 < x1 <= 60"),
            ({"box": (5, 5, 5, 9)}, "box is 5, 5, 5, 9, expected"),
            ({"box": (0, 0, 61, 45)}, "box is 0, 0, 61, 45, expected"),
            ({"box": (0, 0, np.nan, 45)}, "box is nan, expected a finite number"),
            ({"points": []}, "points is .., expected at least one"),
            ({"points": [(1, 2, 3, 4)]}, "a point is .1, 2, 3, 4., expected"),
            ({"points": [(1, 46)]}, "a point is .1, 46., expected 0 <= x <= 60 and 0 <= y <= 45"),
            ({"points": [(1, 2, 2)]}, "the label of a point is 2, expected 0 or 1"),
            ({"points": (1, 2)}, "a point is 1, expected"),
        ],
    )
    def test_bad_prompts(self, prompt, message):
        with pytest.raises(ValueError, match=message):
            find_mask(SCENE.image, prompted, **prompt)

    @pytest.mark.parametrize("prompt", [{"box": (0, 0, 5, 5)}, {"points": [(1, 2)]}])
    def test_a_segmenter_without_prompts_refuses_them(self, prompt):
        with pytest.raises(ValueError, match="(box|points) is .*, expected none: segmenter disk takes no (box|points)"):
            find_mask(SCENE.image, disk, **prompt)
        with pytest.raises(ValueError, match="segmenter bundled takes no"):
            find_mask(SCENE.image, **prompt)


class TestNames:
    @pytest.mark.parametrize(
        ("name", "message"),
        [
            ("magic", "segmenter is 'magic', expected one of bundled, rembg:MODEL, onnx:FILE, .*, mine"),
            ("onnx", "segmenter is 'onnx', expected onnx:FILE"),
            ("onnx:", "segmenter is 'onnx:', expected onnx:FILE"),
            ("bundled:x", "segmenter is 'bundled:x', expected bundled"),
            ("", "segmenter is '', expected one of"),
        ],
    )
    def test_unknown_names(self, name, message):
        register_segmenter("mine", disk)
        with pytest.raises(ValueError, match=message):
            find_mask(SCENE.image, name)

    @pytest.mark.parametrize(
        ("name", "meant"),
        [
            ("bundle", "bundled"),
            ("Bundled", "bundled"),
            ("onx:net.onnx", "onnx:net.onnx"),
            ("transformer:nvidia/x", "transformers:nvidia/x"),
            ("media-pipe", "mediapipe:..."),
            ("fine_disc", "fine_disk"),
        ],
    )
    def test_a_slip_is_asked_about(self, name, meant):
        register_segmenter("fine_disk", disk)
        with pytest.raises(ValueError, match=rf"segmenter is '{name}', expected one of .*; did you mean '{meant}'\?$"):
            find_mask(SCENE.image, name)

    @pytest.mark.parametrize("form", [str, lambda path: path], ids=["text", "path"])
    @pytest.mark.parametrize(
        ("name", "kind"), [("net.onnx", "onnx"), ("NET.ONNX", "onnx"), ("a.tflite", "mediapipe"), ("m", "transformers")]
    )
    def test_a_file_without_its_kind(self, tmp_path, name, kind, form):
        """`--segmenter /models/isnet.onnx` ended with the list of segmenters, its options with "takes no options"."""
        (tmp_path / "m").mkdir()
        (tmp_path / "m" / "config.json").write_text("{}")
        with pytest.raises(ValueError, match=rf"segmenter is '{tmp_path / name}', expected {kind}:{tmp_path / name} "):
            load_segmenter(form(tmp_path / name), {"size": 3})

    @pytest.mark.parametrize(("name", "expected"), [("onnx:{}/a.tflite", "mediapipe"), ("mediapipe:{}/a.onnx", "onnx")])
    def test_a_file_of_the_other_kind(self, tmp_path, name, expected):
        for ending in ("onnx", "tflite"):
            (tmp_path / f"a.{ending}").write_bytes(b"")
        with pytest.raises(ValueError, match=rf"the file ends in \.\w+, expected {expected}:{tmp_path}/a"):
            load_segmenter(name.format(tmp_path))

    @pytest.mark.parametrize("name", ["onnx:/nowhere/a.onnx", "mediapipe:/nowhere/a.tflite"])
    def test_missing_files(self, name):
        with pytest.raises(FileNotFoundError, match=f"segmenter {name}: the file does not exist, expected a network"):
            find_mask(SCENE.image, name)

    @pytest.mark.parametrize("segmenter", [3, None, ["bundled"]])
    def test_other_objects(self, segmenter):
        kind = type(segmenter).__name__
        with pytest.raises(
            TypeError, match=f"^segmenter is of type {kind}, expected a function of an image, or a name"
        ):
            find_mask(SCENE.image, segmenter)

    @pytest.mark.parametrize(
        ("name", "extra"), [("rembg:u2net", "rembg"), ("transformers:nowhere", "deep")], ids=["rembg", "transformers"]
    )
    def test_missing_packages(self, monkeypatch, name, extra):
        monkeypatch.setattr("hybridmatte.errors.find_spec", lambda _: None)
        with pytest.raises(hybridmatte.MissingExtraError, match=rf"pip install 'hybridmatte\[{extra}\]'"):
            find_mask(SCENE.image, name)
        info = {one.name.partition(":")[0]: one for one in list_segmenters()}[name.partition(":")[0]]
        assert not info.is_available
        assert f"pip install 'hybridmatte[{extra}]'" in info.note

    @pytest.mark.parametrize("name", ["bundled", "people", "onnx", "a b", "a:b", "", 3, " a"])
    def test_names_that_cannot_be_registered(self, name):
        with pytest.raises(ValueError, match="name is"):
            register_segmenter(name, disk)

    def test_registered_again_is_replaced(self):
        register_segmenter("mine", disk)
        register_segmenter("mine", lambda image: np.ones(image.shape[:2], np.float32))
        assert find_mask(SCENE.image, "mine").min() == 1
        with pytest.raises(TypeError, match="segmenter mine is a int, expected a function"):
            register_segmenter("mine", 3)

    def test_options(self):
        with pytest.raises(ValueError, match="options of segmenter disk are size, expected none"):
            load_segmenter(disk, {"size": 3})
        with pytest.raises(ValueError, match="an option of segmenter bundled is 'size', expected 'side'"):
            load_segmenter("bundled", {"size": 3})


class TestEntryPoints:
    def test_a_package_registers_by_entry_point(self, plug_ins):
        plug_ins(disk="tests.automatic.test_registry:disk")
        assert (find_mask(SCENE.image, "disk") == find_mask(SCENE.image, disk)).all()
        info = list_segmenters()[-1]
        assert (info.name, info.summary, info.is_available) == ("disk", "Find the drawn disk.", True)
        with pytest.raises(ValueError, match="which an installed package registers"):
            register_segmenter("disk", disk)

    def test_faults_are_told_and_stop_no_other(self, plug_ins):
        plug_ins(
            gone="no_such_package:find",
            number="tests.automatic.test_registry:__doc__",
            onnx="tests.automatic.test_registry:disk",
            good="tests.automatic.test_registry:disk",
        )
        notes = {info.name: info for info in list_segmenters()}
        assert "cannot be loaded from no_such_package:find: ModuleNotFoundError" in notes["gone"].note
        assert "segmenter number is a str, expected a function" in notes["number"].note
        assert "a built-in segmenter has this name" in notes["onnx"].note
        assert notes["good"].is_available
        with pytest.raises(ValueError, match="expected one of .*, good, number$") as caught:
            find_mask(SCENE.image, "unknown")
        assert str(caught.value).count("onnx") == 1  # the built-in name was listed twice
        with pytest.raises(ValueError, match="segmenter gone cannot be loaded from no_such_package:find"):
            find_mask(SCENE.image, "gone")

    def test_two_packages_of_one_name(self, monkeypatch):
        points = [metadata.EntryPoint("a", f"{module}:find", registry.ENTRY_POINTS) for module in ("one", "two")]
        monkeypatch.setattr(registry, "entry_points", lambda **_: metadata.EntryPoints(points))
        with pytest.raises(ValueError, match="segmenter a is registered by one:find and two:find"):
            find_mask(SCENE.image, "a")


class TestContract:
    @pytest.mark.parametrize("function", [disk, prompted])
    def test_good_functions_pass(self, function):
        check_segmenter(function)

    def test_the_bundled_segmenter_passes(self):
        check_segmenter("bundled")

    def test_a_refusal_of_lines_passes(self):
        def refuses(image):
            if min(image.shape[:2]) == 1:
                raise ValueError("image is a line, expected at least 2 x 2 pixels")
            return image[:, :, 0]

        check_segmenter(refuses)

    @pytest.mark.parametrize(
        ("function", "message"),
        [
            (lambda image: image, r"has shape \(48, 64, 3\), expected \(h, w\), for an image of 64 x 48 pixels"),
            (lambda image: image.sum(axis=2), "has floating-point values"),
            (lambda image: image[:-8, :, 0], "expected the same aspect ratio"),
            (lambda image: np.uint8(image[:, :, 0] * 255), "has dtype uint8"),
            (lambda image: image[:, :, 0] * np.float32(np.random.default_rng().random()), "gives two masks"),
            (lambda image: np.multiply(image, 0.5, out=image)[:, :, 0], "modifies its input"),
            (lambda image: image[:, :, 0] / image[:, :, 0].min(), "NaN or infinite|range"),
            (lambda image: image[1:, 1:, 0] if 1 in image.shape[:2] else image[:, :, 0], "is empty"),
            (lambda image: image[:, :, 0] + 0 * image[1, 1, 0], "raises IndexError .* for an image of 40 x 1 pixels"),
        ],
        ids=["shape", "range", "aspect", "dtype", "random", "modifies", "nan", "line", "line error"],
    )
    @pytest.mark.filterwarnings("ignore:divide by zero|invalid value")
    def test_broken_contracts(self, function, message):
        with pytest.raises(AssertionError, match=message):
            check_segmenter(function)


class TestToAlpha:
    def test_matte_from_image_takes_a_segmenter(self):
        result = matte_from_image(SCENE.image, segmenter=disk, erode=4, dilate=4)
        assert np.abs(result.alpha - SCENE.alpha).mean() < 0.03
        assert result.description.startswith("mask by segmenter disk, trimap along")

    def test_nothing_and_everything(self):
        with pytest.warns(UserWarning, match="nothing is found"):
            assert matte_from_image(SCENE.image, segmenter=lambda image: image[:, :, 0] * 0.4).alpha.max() == 0
        assert matte_from_image(SCENE.image, segmenter=lambda image: np.ones(image.shape[:2])).alpha.min() == 1

    def test_options_without_effect(self):
        with pytest.raises(ValueError, match="side is 3, expected none with segmenter disk"):
            matte_from_image(SCENE.image, segmenter=disk, side=3)
        with pytest.raises(ValueError, match="segmenter is 'bundled', expected none with a network"):
            matte_from_image(SCENE.image, object(), segmenter="bundled")
        with pytest.raises(ValueError, match="box is .* expected none with a network"):
            matte_from_image(SCENE.image, object(), box=(0, 0, 1, 1))

    @pytest.mark.parametrize(
        ("mask", "sentence"),
        [
            ([[0, 0, 0, 1]], "found: 25.0% of the image, certain on 100.0% of its pixels"),
            ([[0.05, 0.3, 0.6, 0.95]], "found: 50.0% of the image, certain on 50.0% of its pixels"),
            ([[0, 0.4]], "found: nothing"),
        ],
    )
    def test_what_was_found(self, mask, sentence):
        assert describe_mask(np.float32(mask)) == sentence

    def test_hardly_any_is_not_none(self):
        mask = np.zeros((100, 100), np.float32)
        mask[0, 0] = 0.6
        assert describe_mask(mask) == "found: 0.1% of the image, certain on 99.9% of its pixels"


class TestCommand:
    @pytest.fixture
    def run(self, tmp_path, capsys):
        write_image(tmp_path / "image.png", SCENE.image)

        def command(text):
            with pytest.raises(SystemExit) as leave:
                main([word.replace("@", f"{tmp_path}/") for word in text.split()])
            captured = capsys.readouterr()
            return leave.value.code or 0, " ".join(captured.err.split()), captured.out

        return command

    def test_auto_takes_a_segmenter_and_says_what_it_found(self, run, tmp_path):
        register_segmenter("disk", disk)
        code, err, _ = run("auto @image.png --segmenter disk --matte -o @alpha.png --erode 4 --dilate 4")
        assert code == 0, err
        assert "mask by segmenter disk, trimap along" in err
        assert "found: " in err
        assert "% of the image, certain on " in err
        assert np.abs(read_alpha(tmp_path / "alpha.png") - SCENE.alpha).mean() < 0.03

    def test_box_and_points(self, run, tmp_path):
        register_segmenter("prompted", prompted)
        code, err, _ = run(
            "auto @image.png --segmenter prompted --matte -o @a.png --box 10,5,40,35 --point 50,40 --point 12,7,0"
        )
        assert code == 0, err
        assert read_alpha(tmp_path / "a.png")[15:25, 20:30].min() > 0.5

    def test_folder(self, run, tmp_path):
        register_segmenter("disk", disk)
        (tmp_path / "images").mkdir()
        write_image(tmp_path / "images" / "a.png", SCENE.image)
        code, err, _ = run("auto @images --segmenter disk --matte -o @out")
        assert code == 0, err
        assert "1 written" in err

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ("--segmenter magic", "segmenter is 'magic', expected one of bundled"),
            ("--segmenter onnx:@no.onnx", "the file does not exist"),
            ("--box 1,2,3", "--box is '1,2,3', expected X0,Y0,X1,Y1"),
            ("--point x,y", "--point is 'x,y', expected X,Y or X,Y,0"),
            ("--point 1,2", "expected none: segmenter bundled takes no points"),
            ("--segmenter bundled --mask @image.png", "--segmenter is bundled, expected none with --mask"),
            ("--point 1,2 --point 3,4 --network @net", "--point is 1,2, 3,4, expected none with --network"),
            ("--segmenter-option size", "--segmenter-option is 'size', expected KEY=VALUE"),
            ("--segmenter-option a=1 --segmenter-option a=2", "--segmenter-option a is given twice"),
        ],
    )
    def test_mistakes_write_nothing(self, run, tmp_path, options, message):
        code, err, _ = run(f"auto @image.png -o @a.png {options}")
        assert code == 2
        assert message in err
        assert not (tmp_path / "a.png").exists()

    def test_the_list_says_what_runs_here_and_what_is_missing(self, run, monkeypatch):
        register_segmenter("disk", disk)
        code, _, out = run("segmenters")
        assert code == 0
        for word in ("bundled", "rembg:MODEL", "onnx:FILE", "transformers:MODEL", "mediapipe:FILE", "disk"):
            assert word in out
        monkeypatch.setattr("hybridmatte.errors.find_spec", lambda _: None)
        assert "pip install 'hybridmatte[rembg]'" in " ".join(run("segmenters")[2].replace("│", " ").split())
