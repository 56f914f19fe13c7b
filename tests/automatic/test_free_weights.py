"""Masks and images alone with free weights: nothing learned from research data runs, and the result says so."""

import pickle

import numpy as np
import pytest

from hybridmatte import Segmenter, load_segmenter, matte_from_image, matte_from_mask, run_folder
from hybridmatte.automatic import half_size, mask_correction, registry
from hybridmatte.automatic.found import Findings, MaskCorrection
from hybridmatte.correction.weights import WEIGHTS, refuse_research_network
from hybridmatte.io.pictures import write_alpha, write_image

LEFT_OUT = "weights is 'free', and the network that corrects masks has research weights only"
NO_FINDER = "weights is 'free', and the bundled finder has research weights only, expected a mask or another segmenter"
PLAIN = "trimap along the mask's outline, alpha by matte, quality best, weights free"


@pytest.fixture(autouse=True)
def no_research(monkeypatch, free_weights):  # noqa: ARG001 - the free weights are those of the tests
    """Fail if one of the networks with research weights runs."""

    def fail(*_arguments):
        raise AssertionError

    for module in (mask_correction, registry):
        monkeypatch.setattr(module, "run_segmenter", fail)


@pytest.fixture
def mask(scene):
    return np.float32(scene.alpha > 0.5)


def bright(image):
    """Red objects."""
    return np.float32(image[:, :, 0] > 0.4)


class TestMask:
    def test_the_correction_is_left_out(self, scene, mask):
        """The mask is taken as it is, and the description says why; there is no warning."""
        result = matte_from_mask(scene.image, mask, weights="free")
        assert result.description == f"{PLAIN}; not corrected: {LEFT_OUT}"
        assert result.correction == (False, 0.0)
        assert result.correction.left_out == LEFT_OUT
        trusted = matte_from_mask(scene.image, mask, weights="free", trust_mask=True)
        np.testing.assert_array_equal(result.alpha, trusted.alpha)
        assert (trusted.description, trusted.correction) == (PLAIN, None)
        with pytest.raises(AssertionError):
            matte_from_mask(scene.image, mask)

    def test_the_free_network_solves(self, scene, mask):
        free, research = (
            matte_from_mask(scene.image, mask, weights=kind, trust_mask=True).alpha for kind in ("free", "research")
        )
        assert (free != research).any()

    @pytest.mark.parametrize("solver", [{"quality": "fast"}, {"method": "cf"}])
    def test_solvers_without_weights(self, scene, mask, solver):
        """Nothing is refused, the mask is not corrected either, and no weights are named for the solver."""
        result = matte_from_mask(scene.image, mask, weights="free", **solver)
        assert result.description.endswith(f"; not corrected: {LEFT_OUT}")
        assert "weights free" not in result.description
        expected = matte_from_mask(scene.image, mask, trust_mask=True, **solver)
        np.testing.assert_array_equal(result.alpha, expected.alpha)

    def test_half_size(self, scene, mask, monkeypatch):
        """Quality "fast" at half the size uses no weights either."""
        monkeypatch.setattr(half_size, "LEAST_SIDE", 20)
        result = matte_from_mask(scene.image, mask, quality="fast", weights="free", trust_mask=True)
        assert result.description == "trimap along the mask's outline, alpha by matte, quality fast, at half the size"

    @pytest.mark.parametrize("widths", [{"erode": 3}, {"dilate": 4.0}])
    def test_a_plain_band_is_not_to_be_corrected(self, scene, mask, widths):
        result = matte_from_mask(scene.image, mask, weights="free", **widths)
        assert (result.description, result.correction) == (PLAIN, None)

    def test_a_given_network_is_the_users(self, scene, mask):
        class Own:
            def predict(self, _image, mask):
                return mask, mask

        result = matte_from_mask(scene.image, mask, network=Own(), weights="free")
        np.testing.assert_array_equal(result.alpha, mask)


class TestImageAlone:
    @pytest.mark.parametrize("segmenter", [None, "bundled", "people", "loaded", "side"])
    def test_the_bundled_finder_is_refused(self, scene, segmenter):
        """It is refused before it runs, by each of its names."""
        options = {"side": 64} if segmenter == "side" else {"segmenter": segmenter}
        if segmenter == "loaded":
            options = {"segmenter": load_segmenter("bundled")}
        with pytest.raises(ValueError, match=f"{NO_FINDER}: give --mask, for a clip --masks, or --segmenter"):
            matte_from_image(scene.image, weights="free", **options)

    @pytest.mark.parametrize("solver", [{"quality": "fast"}, {"method": "cf", "trust_mask": True}])
    def test_with_every_solver(self, scene, solver):
        with pytest.raises(ValueError, match=NO_FINDER):
            matte_from_image(scene.image, weights="free", **solver)

    def test_other_segmenters_are_the_users(self, scene):
        for segmenter in (bright, Segmenter("bundled", bright)):
            result = matte_from_image(scene.image, segmenter=segmenter, weights="free")
            assert np.abs(result.alpha - scene.alpha).max() < 0.5
            assert result.description.endswith(f", {PLAIN}; not corrected: {LEFT_OUT}")

    def test_nothing_found(self, scene):
        with pytest.warns(UserWarning, match="nothing is found"):
            result = matte_from_image(scene.image, segmenter=lambda image: 0 * image[:, :, 0], weights="free")
        assert result.description.endswith(PLAIN)


class TestFolders:
    def test_images_alone_are_refused(self, scene, tmp_path):
        """One sentence before the output folder is made."""
        (tmp_path / "in").mkdir()
        write_image(tmp_path / "in" / "a.png", scene.image)
        with pytest.raises(ValueError, match=NO_FINDER):
            run_folder("auto", tmp_path / "in", None, tmp_path / "out", weights="free")
        assert not (tmp_path / "out").exists()

    def test_each_task_passes_them_on(self, scene, mask, tmp_path):
        for name, plane in (("masks", mask), ("trimaps", scene.trimap)):
            (tmp_path / name).mkdir()
            write_alpha(tmp_path / name / "a.png", plane)
        (tmp_path / "in").mkdir()
        write_image(tmp_path / "in" / "a.png", scene.image)
        result = run_folder("auto", tmp_path / "in", tmp_path / "masks", tmp_path / "auto", weights="free")
        [findings] = result.findings.values()
        assert findings.correction.left_out == LEFT_OUT
        for task in ("matte", "cutout"):
            written = [
                run_folder(task, tmp_path / "in", tmp_path / "trimaps", tmp_path / f"{task} {kind}", weights=kind)
                for kind in ("free", "research")
            ]
            assert [result.errors for result in written] == [[], []]
            free, research = (result.written[0].read_bytes() for result in written)
            assert free != research


class TestWhatIsSaid:
    def correction(self):
        correction = MaskCorrection(is_applied=False, changed=0.0)
        correction.left_out = LEFT_OUT
        return correction

    def test_left_out_is_not_dropped(self):
        """A correction that did not run is no warning; the command says it once, not of each image."""
        findings = Findings(None, self.correction(), 0.0)
        assert str(findings.correction) == f"not corrected: {LEFT_OUT}"
        assert findings.sentences == []
        assert (findings.is_dropped, findings.warnings) == (False, [])
        assert findings.entries == {
            "correction": {"applied": False, "changed": 0.0, "left_out": LEFT_OUT},
            "guessed": 0.0,
        }
        dropped = Findings(None, MaskCorrection(is_applied=False, changed=0.0), 0.0)
        assert dropped.is_dropped
        assert dropped.entries["correction"] == {"applied": False, "changed": 0.0}

    def test_it_is_still_a_tuple_of_two(self):
        """Scripts unpack it, and worker processes send it."""
        correction = self.correction()
        is_applied, changed = correction
        assert (is_applied, changed) == (False, 0.0)
        for copied in (pickle.loads(pickle.dumps(correction)), correction._replace(changed=0.0)):
            assert str(copied) == f"not corrected: {LEFT_OUT}"


def test_the_list_of_segmenters_says_it():
    [bundled] = [info for info in registry.list_segmenters() if info.name == "bundled"]
    assert (bundled.is_available, bundled.note) == (True, "research weights: not with --weights free")


def test_the_list_of_segmenters_knows_what_was_removed(no_research_weights):  # noqa: ARG001 - sets the folders
    [bundled] = [info for info in registry.list_segmenters() if info.name == "bundled"]
    assert (bundled.is_available, bundled.note) == (False, registry.REMOVED)


def test_named_networks_are_refused(tmp_path):
    """By their names and by their folders; other networks are the user's."""
    for source in ("finder", "people", "refiner", WEIGHTS["finder"], f"{WEIGHTS['refiner']}/"):
        with pytest.raises(ValueError, match=f"has research weights only, expected another network than {source}"):
            refuse_research_network(source, "free")
        refuse_research_network(source, "research")
    for source in ("owner/name", tmp_path, tmp_path / "finder"):
        refuse_research_network(source, "free")
