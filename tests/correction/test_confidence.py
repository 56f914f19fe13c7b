"""`matte_with_confidence`: how likely alpha is right, in each pixel."""

import numpy as np
import pytest

from hybridmatte import MatteWithConfidence, matte, matte_with_confidence
from hybridmatte.correction import passes
from hybridmatte.correction.estimates import EXPANDED_CONFIDENCE, solver_estimates
from hybridmatte.correction.passes import certain_trimap, correct_once
from hybridmatte.correction.weights import load_correction_network
from hybridmatte.systems.problem import check_problem
from tests.correction.doubts import with_doubts, without_doubts
from tests.synthetic import soft_disk

ONE_OUTPUT = "weights .*model.safetensors have 1 output, expected 2: the second says how likely alpha is wrong"


@pytest.fixture(scope="module")
def disk():
    """Return a scene of 60 x 80 pixels, in which some unknown pixels look like known ones."""
    return soft_disk((60, 80))


class TestConfidence:
    @pytest.fixture(autouse=True)
    def weights(self, replace_weights):
        replace_weights(with_doubts)

    def test_alpha_is_that_of_matte(self, disk):
        """To the bit, and inputs are not modified."""
        image, trimap = disk.image.copy(), disk.trimap.copy()
        result = matte_with_confidence(image, trimap)
        assert isinstance(result, MatteWithConfidence)
        assert result._fields == ("alpha", "confidence")
        np.testing.assert_array_equal(result.alpha, matte(image, trimap))
        np.testing.assert_array_equal(image, disk.image)
        np.testing.assert_array_equal(trimap, disk.trimap)
        assert (result.confidence.dtype, result.confidence.shape) == (np.float32, trimap.shape)

    def test_large_doubts_do_not_overflow(self, monkeypatch):
        """Logits of any size give 0 and 1 without a warning."""
        doubts = np.float32([-1e4, -100, 0, 100, 1e4])
        monkeypatch.setattr(passes, "predict_correction_and_doubt", lambda _, rows: (rows[:, 0], doubts))
        _, confidence = passes.corrected_pixels(None, np.zeros((5, 1), np.float32))
        assert confidence.dtype == np.float32
        assert confidence.tolist() == [1, 1, 0.5, 0, 0]

    def test_every_kind_of_input(self, disk):
        """Bytes, lists and 16 bits are taken, as `matte` takes them."""
        image, trimap = np.rint(255 * disk.image).astype(np.uint8), np.uint8(255 * disk.trimap)
        for planes in ((image, trimap), (np.uint16(257) * image, trimap), (disk.image.tolist(), trimap)):
            np.testing.assert_array_equal(matte_with_confidence(*planes).alpha, matte(*planes))

    def test_a_mask_is_certain(self, disk):
        mask = disk.alpha > 0.5
        with pytest.warns(UserWarning, match="trimap has no unknown pixel"):
            alpha, confidence = matte_with_confidence(disk.image, mask)
        np.testing.assert_array_equal(alpha, mask)
        assert (confidence == 1).all()

    def test_all_known_after_expansion(self):
        """Two plain colours: no pixel is left for the network."""
        image, trimap = np.zeros((24, 40, 3)), np.full((24, 40), 0.5)
        image[:, 20:], trimap[:, :18], trimap[:, -18:] = 0.9, 0, 1
        confidence = matte_with_confidence(image, trimap).confidence
        assert (confidence[trimap == 0.5] == np.float32(EXPANDED_CONFIDENCE)).all()
        assert (confidence[trimap != 0.5] == 1).all()

    def test_bad_inputs(self, disk):
        with pytest.raises(ValueError, match=r"trimap has shape \(80, 60\) but image has shape"):
            matte_with_confidence(disk.image, disk.trimap.T)
        with pytest.raises(TypeError, match="image is the path 'photo.png', expected an array"):
            matte_with_confidence("photo.png", disk.trimap)
        with pytest.raises(ValueError, match="image has .* NaN or infinite values, expected none"):
            matte_with_confidence(np.full_like(disk.image, np.nan), disk.trimap)
        with pytest.raises(ValueError, match="trimap has no foreground"):
            matte_with_confidence(disk.image, np.full_like(disk.trimap, 0.5))


def test_known_pixels_are_certain(fur):
    """Exactly 1 on known pixels, a constant where a known neighbour's alpha is taken, the network's elsewhere.

    Pixels that the first pass is certain of keep its confidence; the others have that of the second.
    """
    confidence = matte_with_confidence(fur.image, fur.trimap).confidence
    estimates = solver_estimates(check_problem(fur.image, fur.trimap))
    is_unknown, is_seen = fur.trimap == 0.5, estimates.known == 0.5
    assert (is_unknown & ~is_seen).any()
    assert (confidence[~is_unknown] == 1).all()
    assert (confidence[is_unknown & ~is_seen] == np.float32(EXPANDED_CONFIDENCE)).all()
    first = correct_once(estimates, load_correction_network())
    is_certain = is_seen & (certain_trimap(first, is_seen) != 0.5)
    assert is_certain.any()
    np.testing.assert_array_equal(confidence[is_certain], first.confidence[is_certain])
    assert (confidence[is_seen & ~is_certain] != first.confidence[is_seen & ~is_certain]).mean() > 0.9
    assert 0 <= confidence.min() <= confidence.max() <= 1


@pytest.mark.parametrize("function", [matte, matte_with_confidence])
def test_weights_with_one_output(disk, replace_weights, function):
    """Weights that only know alpha are refused before anything is solved."""
    replace_weights(without_doubts)
    with pytest.raises(ValueError, match=ONE_OUTPUT):
        function(disk.image, disk.trimap)
    with pytest.raises(ValueError, match=ONE_OUTPUT), pytest.warns(UserWarning, match="no unknown pixel"):
        function(disk.image, disk.trimap > 0.5)


class TestShippedWeights:
    """End to end with the weights that come with the package."""

    def test_shipped_weights_know_how_sure_they_are(self, fur):
        """Pixels of low confidence are wrong more often than those of high confidence."""
        alpha, confidence = matte_with_confidence(fur.image, fur.trimap)
        is_unknown = fur.trimap == 0.5
        is_wrong = np.abs(alpha - fur.alpha)[is_unknown] > 0.1
        order = np.argsort(confidence[is_unknown])
        half = len(order) // 2
        assert is_wrong[order[:half]].sum() > 2 * is_wrong[order[half:]].sum()
