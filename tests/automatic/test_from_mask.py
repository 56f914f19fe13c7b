"""Alpha from a mask: sizes of masks, bad masks, with and without a network, and the command `auto`."""

import warnings

import numpy as np
import pytest

from hybridmatte import matte_from_image, matte_from_mask
from hybridmatte.automatic.from_mask import check_outline, fit_mask, matte_given
from hybridmatte.cli import main
from hybridmatte.io.pictures import read_alpha, read_image, write_alpha, write_image
from hybridmatte.methods.registry import solve
from hybridmatte.trimap import trimap_from_mask
from tests.synthetic import soft_disk

SCENE = soft_disk((90, 120), seed=1)
MASK = SCENE.alpha > 0.5


class TestWithoutNetwork:
    def test_band_then_solver(self):
        result = matte_from_mask(SCENE.image, MASK, method="knn", erode=3, dilate=4)
        trimap = trimap_from_mask(MASK, erode=3, dilate=4)
        assert (result.trimap == trimap).all()
        assert (result.alpha == solve(SCENE.image, trimap, "knn")).all()
        assert result.description == "trimap along the mask's outline, alpha by knn"

    def test_mask_of_another_size(self):
        small = matte_from_mask(SCENE.image, MASK[::3, ::3], erode=6, dilate=6)
        assert small.alpha.shape == (90, 120)
        assert np.abs(small.alpha - SCENE.alpha).mean() < 0.02

    def test_several_objects_stay(self):
        image = np.concatenate([SCENE.image, SCENE.image], axis=1)
        result = matte_from_mask(image, np.concatenate([MASK, MASK], axis=1))
        for half in np.split(result.alpha, 2, axis=1):
            assert half[MASK].mean() > 0.9


class TestMasks:
    @pytest.mark.parametrize(
        ("shape", "image"),
        [((64, 48), (1000, 750)), ((33, 44), (90, 120)), ((240, 180), (80, 60)), ((7, 10), (101, 149))],
    )
    def test_same_aspect_ratio_up_to_whole_pixels(self, shape, image):
        mask = np.zeros(shape)
        mask[2:5, 2:5] = 1
        assert fit_mask(mask, image).shape == image

    def test_own_size_is_kept_exactly(self):
        mask = np.float32(MASK)
        assert (fit_mask(mask, MASK.shape) == mask).all()

    @pytest.mark.parametrize(
        ("mask", "message"),
        [
            (np.ones((120, 90)), "mask is 90 x 120 but image is 120 x 90, expected the same aspect ratio"),
            (np.ones((90, 100)), "same aspect ratio"),
            (np.zeros((90, 120)), "mask has no pixel inside"),
            (np.full((90, 120), 0.4), "mask has no pixel inside"),
            (np.ones((45, 60)), "mask has every pixel inside"),
            (np.uint8(MASK) + np.eye(90, 120, dtype=np.uint8), "has the labels 1, 2, expected one of them"),
            (np.full((90, 120), np.nan), "mask"),
        ],
        ids=["turned", "ratio", "empty", "grey", "full", "labels", "nan"],
    )
    def test_refused(self, mask, message):
        with pytest.raises(ValueError, match=message):
            matte_from_mask(SCENE.image, mask)

    @pytest.mark.parametrize("faint", [np.full((90, 120), 0.01), np.linspace(0, 0.03, 10800).reshape(90, 120)])
    def test_the_mask_of_nothing_is_empty(self, faint):
        """A soft mask without an object, as `find_mask` returns it, was said to hold labels."""
        with pytest.raises(
            ValueError, match=r"^mask is empty, with no value above 0\.0\d00 of 1, expected the outline"
        ):
            matte_from_mask(SCENE.image, faint)
        with pytest.raises(ValueError, match="mask has no pixel inside, .*; it is empty"):
            matte_from_mask(SCENE.image, np.zeros((90, 120)))
        with pytest.raises(ValueError, match="mask has no pixel inside, .* and its largest value is 0.4000 of 1"):
            matte_from_mask(SCENE.image, np.full((90, 120), 0.4))
        with pytest.raises(ValueError, match="labels such as 0, 1, 2 must be scaled first"):
            matte_from_mask(SCENE.image, MASK * (2 / 255))

    def test_warning_for_an_inverted_mask(self):
        with pytest.warns(UserWarning, match="mask contains 100% of the image's border"):
            matte_from_mask(SCENE.image, ~MASK)

    def test_the_warning_names_the_case_where_the_mask_is_right(self):
        """The advice to invert was given without a condition that a user can check where the object fills the image."""
        with pytest.warns(
            UserWarning, match="border, as where an object fills the picture; if it is white .* invert it"
        ):
            fit_mask(~MASK, MASK.shape)

    def test_each_solve_is_announced_with_its_unknown_pixels(self):
        """The last one is that of the trimap that is returned; a hard mask has up to two before it."""
        calls = []
        result = matte_given(
            SCENE.image,
            np.float32(MASK),
            method="cf",
            admit=lambda unknown, is_final: calls.append((unknown, is_final)),
        )
        assert calls[-1] == (np.count_nonzero(result.trimap == 0.5), True)
        assert [is_final for _, is_final in calls[:-1]] in ([False], [False, False])
        assert calls == sorted(calls)

    def test_no_advice_for_the_mask_of_a_segmenter(self):
        """A segmenter's mask is not the user's to invert, and an object may fill the picture."""
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            matte_from_image(SCENE.image, segmenter=lambda _: np.float32(~MASK), method="cf", erode=2, dilate=2)
            check_outline(np.float32(~MASK))

    def test_another_kind_of_network(self):
        with pytest.raises(ValueError, match="network is a object, expected a JointInference"):
            matte_from_mask(SCENE.image, MASK, network=object())

    @pytest.mark.parametrize("option", ["method", "quality", "erode", "dilate"])
    def test_options_without_effect(self, option):
        with pytest.raises(ValueError, match=f"{option} is .*, expected none with a network"):
            matte_from_mask(SCENE.image, MASK, network=object(), **{option: 3})


class TestCommand:
    @pytest.fixture
    def run(self, tmp_path, capsys):
        write_image(tmp_path / "image.png", SCENE.image)
        write_alpha(tmp_path / "mask.png", np.float32(MASK[::2, ::2]))

        def command(text):
            try:
                code = main([word.replace("@", f"{tmp_path}/") for word in text.split()]) or 0
            except SystemExit as leave:
                code = leave.code or 0
            return code, " ".join(capsys.readouterr().err.split())

        return command

    def test_cuts_out_and_describes_how(self, run, tmp_path):
        code, err = run("auto @image.png --mask @mask.png -o @cut.png --trimap @found.png --erode 6 --dilate 6")
        assert code == 0, err
        assert "trimap along the mask's outline, alpha by matte, quality best" in err
        assert np.abs(read_alpha(tmp_path / "cut.png") - SCENE.alpha).mean() < 0.02
        assert read_image(tmp_path / "cut.png").shape == (90, 120, 3)
        assert {0, 1} < set(np.unique(read_alpha(tmp_path / "found.png")))

    def test_matte_and_inverted_mask(self, run, tmp_path):
        write_alpha(tmp_path / "inverse.png", np.float32(~MASK))
        code, err = run("auto @image.png --mask @inverse.png --matte -o @alpha.png")
        assert "if it is white where the object is not, invert it: --invert" in err
        code, err = run("auto @image.png --mask @mask.png --invert --matte -o @wrong.png")
        assert code == 0
        assert "if it is white where the object is not, leave out --invert" in err
        assert "invert it" not in err
        code, err = run("trimap @inverse.png -o @trimap.png")
        assert "if it is white where the object is not, invert it" in err
        assert "--invert" not in err
        code, err = run("auto @image.png --mask @inverse.png --invert --matte -o @right.png --erode 6 --dilate 6")
        assert code == 0
        assert "warning" not in err
        assert np.abs(read_alpha(tmp_path / "right.png") - SCENE.alpha).mean() < 0.02

    def test_network(self, run, tmp_path):
        networks = pytest.importorskip("hybridmatte.networks")
        joint = networks.JointInference(networks.net_t("tiny"), networks.net_m("tiny"), "hard")
        joint.save_pretrained(tmp_path / "joint")
        code, err = run("auto @image.png --mask @mask.png --matte -o @alpha.png --network @joint")
        assert code == 0, err
        assert "trimap and alpha by the network" in err
        joint.net_m.save_pretrained(tmp_path / "alone")
        code, err = run("auto @image.png --mask @mask.png --matte -o @alpha.png --network @alone")
        assert code == 2
        assert "is a MattingNonlocal, expected a JointInference" in err

    def test_folders(self, run, tmp_path):
        for folder in ("images", "masks"):
            (tmp_path / folder).mkdir()
        for stem in ("a", "b"):
            write_image(tmp_path / "images" / f"{stem}.jpg", SCENE.image)
            write_alpha(tmp_path / "masks" / f"{stem}.png", np.float32(MASK))
        write_image(tmp_path / "images" / "alone.jpg", SCENE.image)
        code, err = run("auto @images --mask @masks -o @out --erode 6 --dilate 6")
        assert code == 1
        assert "alone.jpg has no mask in" in err
        assert "2 written, 0 already there, 1 failed" in err
        for stem in ("a", "b"):
            assert np.abs(read_alpha(tmp_path / "out" / f"{stem}.png") - SCENE.alpha).mean() < 0.02

    def test_network_that_needs_no_mask(self, run, tmp_path):
        networks = pytest.importorskip("hybridmatte.networks")
        alone = networks.unet("tiny")
        alone.head.bias.data += 1  # it finds something
        alone.save_pretrained(tmp_path / "alone")
        networks.unet("tiny", trimap=True).save_pretrained(tmp_path / "taking")
        code, err = run("auto @image.png --matte -o @alpha.png --network @alone")
        assert code == 0, err
        assert "from the image alone" in err
        expected = networks.predict_alpha(networks.load_network(tmp_path / "alone"), SCENE.image)
        assert np.abs(read_alpha(tmp_path / "alpha.png") - expected).max() < 0.02
        (tmp_path / "images").mkdir()
        write_image(tmp_path / "images" / "a.png", SCENE.image)
        code, err = run("auto @images --matte -o @out --network @alone")
        assert "1 written, 0 already there, 0 failed" in err
        code, err = run("auto @image.png --matte -o @alpha.png --network @taking")
        assert code == 2
        assert "expected one from the image alone, or --mask" in err

    def test_description_is_printed_before_errors(self, run, tmp_path):
        (tmp_path / "bad.png").write_text("text")
        code, err = run("auto @bad.png --mask @mask.png -o @out.png")
        assert code == 2
        assert "alpha by matte, quality best" in err
        for folder in ("images", "masks"):
            (tmp_path / folder).mkdir()
        write_image(tmp_path / "images" / "a.png", SCENE.image)
        write_alpha(tmp_path / "masks" / "a.png", np.float32(MASK))
        code, err = run("auto @images --mask @masks -o @out --network @nowhere")
        assert code == 2
        assert err.count("is no folder") == 1
        assert not (tmp_path / "out").exists()

    def test_turned_mask(self, run, tmp_path):
        write_alpha(tmp_path / "turned.png", np.float32(MASK.T))
        assert "it looks turned by a quarter" in run("auto @image.png --mask @turned.png -o @a.png")[1]

    def test_cut_out_as_mask(self, run, tmp_path):
        """The opacity of an RGBA picture, as rembg writes it, serves as the mask."""
        write_image(tmp_path / "rgba.png", np.dstack([SCENE.image, np.float32(MASK)]))
        code, err = run("auto @image.png --mask @rgba.png --matte -o @alpha.png --erode 6 --dilate 6")
        assert code == 0, err
        assert np.abs(read_alpha(tmp_path / "alpha.png") - SCENE.alpha).mean() < 0.02

    @pytest.mark.parametrize(
        ("command", "message"),
        [
            ("auto @image.png --mask @none.png -o @a.png", "does not exist, expected a picture"),
            ("auto @image.png -o @a.png --method best", "method is 'best'"),
            ("auto @image.png -o @a.png --network @nowhere --erode 3", "--erode is 3.0, expected none with --network"),
            (
                "auto @image.png -o @a.png --network @nowhere --invert",
                "--invert is given, expected none without --mask",
            ),
            ("trimap @empty.png -o @a.png", "mask has no pixel inside, expected the outline of an object"),
            ("auto @image.png --mask @mask.png -o @mask.png", "is also an input"),
            ("auto @image.png --mask @mask.png -o @a.jpg", "a.jpg"),
            ("auto @image.png --mask @mask.png -o @a.png --trimap @image.png", "is also an input"),
            ("auto @image.png --mask @mask.png -o @a.png --trimap @a.png", "expected another file than the output"),
            ("auto @image.png --mask @mask.png -o @a.png --network @nowhere", "is no folder"),
            ("auto @image.png --mask @mask.png -o @a.png --method best", "method is 'best'"),
        ],
        ids=[
            "mask",
            "no mask",
            "option",
            "invert",
            "empty",
            "output",
            "jpeg",
            "trimap",
            "twice",
            "network",
            "method",
        ],
    )
    def test_mistakes(self, run, tmp_path, command, message):
        write_alpha(tmp_path / "empty.png", np.zeros(MASK.shape, np.float32))
        before = sorted(tmp_path.iterdir())
        code, err = run(command)
        assert code == 2
        assert message in err
        assert sorted(tmp_path.iterdir()) == before
