"""The network that corrects masks: what it may change, and the band along a corrected mask."""

import copy
import pickle
import warnings

import cv2
import numpy as np
import pytest

import hybridmatte
from hybridmatte.automatic import from_mask, mask_correction
from hybridmatte.automatic.band import guessed_in, trimap_of_corrected_mask, trimap_of_soft_mask
from hybridmatte.automatic.mask_correction import corrected_mask
from hybridmatte.automatic.segmenters import run_segmenter
from hybridmatte.correction.weights import WEIGHTS
from hybridmatte.data import composite_sample, random_scene
from hybridmatte.trimap import depth_inside
from tests.tolerances import assert_close

ROUNDING = 5e-3  # on noise: both round weights to half precision, OpenCV's with the batch norms already folded in
SHAPE = (768, 900)  # twice the network's size
IMAGE = np.full((*SHAPE, 3), 0.5, np.float32)
DOUBTED = np.zeros(SHAPE, np.float32)
DOUBTED[200:400, 300:500] = 1


@pytest.fixture
def square():
    mask = np.zeros(SHAPE, np.float32)
    mask[200:500, 300:600] = 1
    return mask


@pytest.fixture
def answer(monkeypatch):
    """Set what the network answers, at its own size."""

    def set_answer(change):
        monkeypatch.setattr(mask_correction, "run_segmenter", lambda name, image, mask: change(mask))  # noqa: ARG005

    return set_answer


class TestNetwork:
    def test_size_and_card(self):
        assert sum(path.stat().st_size for path in WEIGHTS["refiner"].iterdir()) <= 12e6
        assert (WEIGHTS["refiner"] / "README.md").is_file()

    def test_torch_gives_the_same(self, rng):
        networks = pytest.importorskip("hybridmatte.networks")
        torch = pytest.importorskip("torch")
        image, mask = rng.random((96, 128, 3), np.float32), rng.random((96, 128), np.float32)
        planes = [torch.from_numpy(np.ascontiguousarray(part)) for part in (image.transpose(2, 0, 1), mask[None])]
        network = networks.load_network("refiner")
        with network.predicting():
            expected = network(*(part[None] for part in planes))[0, 0].numpy()
        alpha = run_segmenter("refiner", image, mask)
        assert np.ptp(alpha) > 0.1
        assert_close(alpha, expected, ROUNDING)

    def test_leaves_a_mask_that_is_right(self, rng):
        """A furry ball over a plain ground."""
        ground = np.full((200, 260, 3), (0.4, 0.55, 0.5)) + rng.normal(0, 0.02, (200, 260, 3))
        scene = composite_sample(random_scene((200, 260), np.random.default_rng(0), kind="fur"), ground.clip(0, 1))
        mask = (scene.alpha >= 0.5).astype(np.float32)
        corrected = corrected_mask(np.float32(scene.image), mask) >= 0.5
        assert np.count_nonzero(corrected != (mask > 0)) <= 0.05 * np.count_nonzero(mask)


class TestCorrectedMask:
    def test_the_networks_answer_counts(self, square, answer):
        answer(lambda mask: np.where(np.arange(mask.shape[1]) < 250, mask, 0))
        corrected = corrected_mask(IMAGE, square)
        assert corrected[300, 350] == 1
        assert corrected[300, 550] == 0

    @pytest.mark.parametrize("width", [3, 5, 7])
    def test_thin_parts_stay(self, width, square, answer):
        """The network sees them at half their width, so the mask decides: a stroke, and a gap."""
        square[600 : 600 + width] = 1
        square[300 : 300 + width, 300:600] = 0
        answer(lambda mask: (np.hypot(*(np.indices(mask.shape) - [[[175]], [[225]]])) < 75).astype(np.float32))
        corrected = corrected_mask(IMAGE, square)
        assert (corrected[600 : 600 + width] == 1).all()
        assert (corrected[300 : 300 + width, 350:550] == 0).all()
        assert (corrected[310:320, 400:500] > 0.5).all()

    def test_thick_parts_are_the_networks(self, square, answer):
        square[600:640] = 1
        answer(lambda mask: np.where(np.arange(len(mask))[:, None] < 280, mask, 0))
        assert not corrected_mask(IMAGE, square)[610:630].any()

    @pytest.mark.parametrize("change", [np.zeros_like, lambda mask: 1 - mask])
    def test_network_that_does_not_know_the_object(self, change, square, answer):
        """The trimap is then that of a trusted mask, with its wider band."""
        answer(change)
        assert corrected_mask(IMAGE, square) is None
        trusted = hybridmatte.matte_from_mask(IMAGE, square, method="cf", trust_mask=True)
        with pytest.warns(UserWarning, match="not corrected: "):
            results = [trusted, hybridmatte.matte_from_mask(IMAGE, square, method="cf")]
        assert (results[0].trimap == results[1].trimap).all()

    @pytest.mark.parametrize("value", [0.6, 0.85])
    def test_dim_mask(self, value):
        """Its brightest pixels are its certain ones, whether it is corrected or not."""
        mask = np.zeros((200, 260), np.float32)
        mask[50:150, 60:200] = value
        with pytest.warns(UserWarning, match="not corrected: "):
            assert hybridmatte.matte_from_mask(np.full((200, 260, 3), 0.5), mask, method="cf").alpha[100, 130] == 1

    @pytest.mark.parametrize("shape", [(1, 7), (2, 2), (9, 40), (40, 12), (30, 3000)])
    def test_any_size(self, shape, rng):
        mask = (np.arange(shape[1]) < shape[1] // 2 + 1).astype(np.float32) * np.ones((shape[0], 1), np.float32)
        corrected = corrected_mask(rng.random((*shape, 3), np.float32), mask)
        assert corrected is None or (corrected.shape == shape and np.isfinite(corrected).all())

    def test_nothing_given_is_changed(self, square):
        mask = square.copy()
        corrected_mask(IMAGE, mask)  # a copy, even where it is dropped
        assert (mask == square).all()


class TestTrimap:
    def test_agreement_makes_the_band_narrower(self, square):
        trimap, before = trimap_of_corrected_mask(square, square), trimap_of_soft_mask(square)
        assert (trimap[before != 0.5] == before[before != 0.5]).all()
        assert 0 < np.count_nonzero(trimap == 0.5) < 0.5 * np.count_nonzero(before == 0.5)

    def test_contradicted_pixels_are_unknown(self, square):
        corrected = np.where(np.arange(SHAPE[1]) < 500, square, np.float32(0.2))
        trimap = trimap_of_corrected_mask(square, corrected)
        assert (trimap[250:450, 520:580] == 0.5).all()
        assert (trimap[250:450, 350:450] == 1).all()

    def test_certain_correction_decides(self, square):
        doubtful = square * 0.6
        trimap = trimap_of_corrected_mask(doubtful, square)
        assert (trimap[220:480, 320:580] == 1).all()
        assert (trimap_of_soft_mask(doubtful)[250:350, 350:450] == 1).all()


class TestWhatIsSaid:
    """A user could not see how much a mask was corrected, nor that the correction was dropped."""

    def test_share_that_was_changed(self, square, answer):
        """One of the network's pixels is two of the image, so that 50 of 300 columns are taken off."""
        answer(lambda mask: np.where(np.arange(mask.shape[1]) < 275, mask, 0))
        result = hybridmatte.matte_from_mask(IMAGE, square, method="cf")
        assert result.correction.is_applied
        assert (type(result.correction.changed), type(result.guessed)) == (float, float)
        assert_close(result.correction.changed, 50 / 300, 0.002)  # its corners lose some pixels
        percent = f"{100 * result.correction.changed:.1f}%"
        said = f"trimap along the corrected mask's outline, alpha by cf; corrected: {percent} of the mask"
        assert result.description == said

    def test_nothing_changed(self, square, answer):
        answer(lambda mask: mask)
        result = hybridmatte.matte_from_mask(IMAGE, square, method="cf")
        assert result.correction == (True, 0)
        assert result.description.endswith("; corrected: 0.0% of the mask")

    def test_dropped_for_another_object(self, square, answer):
        answer(lambda mask: 1 - mask)
        with pytest.warns(UserWarning, match="not corrected: "):
            result = hybridmatte.matte_from_mask(IMAGE, square, method="cf")
        assert result.correction == (False, 0)
        assert result.description.startswith("trimap along the mask's outline, alpha by cf; not corrected: ")

    def test_a_dropped_correction_is_a_warning(self, square, answer):
        """The mask of another photograph came out as a cut-out, with a note alone."""
        answer(lambda mask: 1 - mask)
        question = r"was dropped; .*; does the mask belong to this photograph\? .*trust_mask=True\) takes it"
        with pytest.warns(UserWarning, match=question):
            hybridmatte.matte_from_mask(IMAGE, square, method="cf")
        with pytest.warns(UserWarning, match="was dropped; .*; a better mask") as found:
            hybridmatte.matte_from_image(IMAGE, segmenter=lambda _: square, method="cf")
        assert "belong" not in str(found[0].message)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            hybridmatte.matte_from_mask(IMAGE, square, method="cf", trust_mask=True)

    def test_a_large_correction_asks_for_a_look(self, square, answer):
        answer(lambda mask: np.where(np.arange(mask.shape[1]) < 240, mask, 0))
        result = hybridmatte.matte_from_mask(IMAGE, square, method="cf")
        assert result.correction.changed > 0.3
        assert result.description.endswith("% of the mask; look at the result, --trust-mask leaves the mask as it is")

    def test_dropped_for_a_lack_of_background(self, square, answer):
        """What is in common is more than half, but the correction would leave no trimap to solve."""
        answer(np.ones_like)
        with pytest.warns(UserWarning, match="invert it"):
            result = hybridmatte.matte_from_mask(IMAGE, 1 - square, method="cf")
        assert result.correction == (False, 0)
        with pytest.warns(UserWarning, match="invert it"):
            trusted = hybridmatte.matte_from_mask(IMAGE, 1 - square, method="cf", trust_mask=True)
        assert (result.trimap == trusted.trimap).all()

    def test_from_a_segmenter(self, square, answer):
        answer(lambda mask: np.where(np.arange(mask.shape[1]) < 275, mask, 0))
        result = hybridmatte.matte_from_image(IMAGE, segmenter=lambda _: square, method="cf")
        assert result.correction == hybridmatte.matte_from_mask(IMAGE, square, method="cf").correction
        assert result.description.startswith("mask by segmenter ")
        assert result.description.endswith("% of the mask")
        nothing = hybridmatte.matte_from_image(IMAGE, segmenter=lambda _: square + 1 - square)
        assert (nothing.correction, nothing.guessed) == (None, None)
        assert "correct" not in nothing.description

    @pytest.mark.parametrize("options", [{"trust_mask": True}, {"erode": 4}, {"dilate": 4}])
    def test_none_of_a_mask_that_is_taken_as_it_is(self, square, options):
        result = hybridmatte.matte_from_mask(IMAGE, square, method="cf", **options)
        assert result.correction is None
        assert "correct" not in result.description

    def test_a_result_is_still_a_tuple_of_three(self, square, answer):
        answer(lambda mask: mask)
        result = hybridmatte.matte_from_mask(IMAGE, square, method="cf")
        alpha, trimap, description = result
        assert (alpha is result.alpha, trimap is result.trimap, description) == (True, True, result.description)
        assert result._fields == ("alpha", "trimap", "description")
        replaced = result._replace(description="other"), result.__replace__(description="other")  # of copy.replace
        copies = (pickle.loads(pickle.dumps(result)), copy.copy(result), *replaced)
        assert all(part.correction == result.correction and part.guessed == result.guessed for part in copies)
        assert all(part.description == "other" for part in replaced)
        assert hybridmatte.AutomaticResult(alpha, trimap, description).correction is None


class TestGuessed:
    """A wide region that is left to the solver came out half transparent without a word: an impala's neck."""

    @pytest.fixture
    def grey(self, square, answer, monkeypatch):
        """Return a mask of which the correction doubts a square of 200 pixels, and let the solver find half."""
        square[100:600, 200:700] = 1
        answer(lambda mask: np.where(cv2.resize(DOUBTED, mask.shape[::-1]) > 0.5, np.float32(0.6), mask))
        monkeypatch.setattr(from_mask, "matte_band", lambda _, trimap, *__: trimap)
        return square

    def test_warning(self, grey):
        message = r"wide region is left unknown: \d\.\d% of the image came out half transparent far from every known"
        with pytest.warns(UserWarning, match=message) as caught:
            result = hybridmatte.matte_from_mask(IMAGE, grey)
        assert len(caught) == 1
        assert caught[0].filename == __file__
        assert all(word in str(caught[0].message) for word in ("--mask", "--segmenter", "trimap"))
        is_deep = depth_inside(result.trimap == 0.5) > 0.02 * np.hypot(*SHAPE)
        assert_close(result.guessed, is_deep.mean(), 1e-12)
        with pytest.warns(UserWarning, match="a wide region is left unknown"):
            hybridmatte.matte_from_image(IMAGE, segmenter=lambda _: grey)

    def test_none_where_the_solver_decides(self, grey, monkeypatch):
        monkeypatch.setattr(from_mask, "matte_band", lambda _, trimap, *__: np.float32(trimap >= 0.5))
        assert hybridmatte.matte_from_mask(IMAGE, grey).guessed == 0

    def test_none_for_the_band_along_a_mask(self, grey):
        """Neither a band that the defaults make, nor one whose width a user chose, is a reason to warn."""
        result = hybridmatte.matte_from_mask(IMAGE, grey, trust_mask=True)
        assert (result.trimap == 0.5).any()
        assert result.guessed == 0
        assert hybridmatte.matte_from_mask(IMAGE, grey, erode=150, dilate=90).guessed is None

    def test_none_for_a_small_region(self):
        """A region as deep as this one is worth a warning if the object is not much larger."""
        trimap = np.zeros(SHAPE, np.float32)
        trimap[:, :600] = 1
        trimap[300:480, 100:280] = 0.5
        assert guessed_in(trimap, trimap) == 0
        trimap[:, 300:] = 0
        assert 0.015 < guessed_in(trimap, trimap) < 180 * 180 / trimap.size

    def test_pixels_count_in_small_pictures(self):
        trimap = np.float32([0.0] + [0.5] * 18 + [1.0]) * np.ones((12, 1), np.float32)
        assert guessed_in(*[np.repeat(trimap, 3, axis=1)] * 2) == 0
        assert guessed_in(*[np.repeat(trimap, 4, axis=1)] * 2) > 0


class TestTrustMask:
    def test_no_network_runs(self, square, monkeypatch):
        def fail(*_arguments):
            raise AssertionError

        monkeypatch.setattr(mask_correction, "run_segmenter", fail)
        result = hybridmatte.matte_from_mask(IMAGE, square, trust_mask=True)
        assert (result.trimap[250:450, 350:550] == 1).all()
        assert result.description == "trimap along the mask's outline, alpha by matte, quality best"
        assert hybridmatte.matte_from_mask(IMAGE, square, erode=5).trimap[350, 450] == 1
        for widths in ({"erode": 5}, {"dilate": 7.5}, {"erode": 3, "dilate": 4}):  # they imply it
            both = [hybridmatte.matte_from_mask(IMAGE, square, trust_mask=trust, **widths) for trust in (True, False)]
            assert (both[0].trimap == both[1].trimap).all()
            assert (both[0].alpha == both[1].alpha).all()
            assert both[0].description == both[1].description
        with pytest.raises(AssertionError):
            hybridmatte.matte_from_mask(IMAGE, square)

    def test_refused_with_a_network(self, square):
        with pytest.raises(ValueError, match="trust_mask is True, expected none with a network"):
            hybridmatte.matte_from_mask(IMAGE, square, network=object(), trust_mask=True)

    def test_part_that_is_denied_keeps_its_core(self, square):
        """A second object that the network doubts stays; one that it is certain of, as background, is left open."""
        square[600:700, 100:200] = 1
        doubtful, denied = square.copy(), square.copy()
        doubtful[580:720, 80:220], denied[580:720, 80:220] = 0.3, 0.0
        assert (trimap_of_corrected_mask(square, doubtful)[620:680, 120:180] == 1).all()
        assert (trimap_of_corrected_mask(square, denied)[620:680, 120:180] == 0).all()

    def test_correction_without_background(self, square):
        """It would leave no trimap that can be solved, so that the mask decides."""
        assert (trimap_of_corrected_mask(1 - square, np.ones_like(square)) == trimap_of_soft_mask(1 - square)).all()
