"""Alpha from an image alone: with the built-in network, and with a given network."""

import cv2
import numpy as np
import pytest

from hybridmatte import read_alpha, read_image, read_trimap, write_image
from hybridmatte.automatic import registry
from hybridmatte.automatic.from_image import matte_from_image
from hybridmatte.cli import main
from tests.synthetic import soft_disk
from tests.tolerances import assert_close

SMALL = soft_disk((90, 120), seed=1)


class TestPeople:
    """The function and the command; a stand-in for the network finds a coarse disk and a small square."""

    SCENE = soft_disk((400, 512))

    @pytest.fixture
    def seen(self, monkeypatch):
        seen = []

        def find(_, image):
            seen.append(image.shape)
            small = cv2.resize(self.SCENE.alpha, image.shape[1::-1], interpolation=cv2.INTER_AREA)
            small[10:30, 10:30] = 1
            return small

        monkeypatch.setattr(registry, "run_segmenter", find)
        return seen

    @pytest.mark.slow
    def test_solver_decides_in_the_band(self, seen):
        found = matte_from_image(
            self.SCENE.image, method="cf", erode=40, dilate=40
        )  # the disk's edge is 48 pixels wide
        assert seen == [(256, 328, 3), (352, 451, 3)]
        assert np.abs(found.alpha - self.SCENE.alpha)[110:].mean() < 0.01
        assert set(np.unique(found.trimap)) == {0, 0.5, 1}
        assert "mask by segmenter bundled" in found.description

    @pytest.mark.usefixtures("seen")
    def test_small_objects_keep_a_core(self):
        assert (matte_from_image(self.SCENE.image).trimap[20:62, 20:62] == 1).any()

    @pytest.mark.slow
    @pytest.mark.usefixtures("seen")
    def test_options_of_the_solver(self):
        wide = matte_from_image(self.SCENE.image)
        narrow = matte_from_image(self.SCENE.image, method="knn", erode=2, dilate=2)
        assert "alpha by knn" in narrow.description
        assert (narrow.trimap == 0.5).sum() < (wide.trimap == 0.5).sum()

    @pytest.mark.usefixtures("seen")
    def test_command(self, tmp_path, capsys):
        image, alpha, trimap = (str(tmp_path / name) for name in ("image.png", "alpha.png", "trimap.png"))
        write_image(image, self.SCENE.image)
        for network in ([], ["--network", "people"]):
            with pytest.raises(SystemExit, match="0"):
                main(["auto", image, "--matte", "-o", alpha, "--trimap", trimap, "--force", *network])
            found = matte_from_image(read_image(image))
            assert_close(read_alpha(alpha), found.alpha, 1 / 255)
            assert_close(read_trimap(trimap), found.trimap, 1 / 255)
            said = capsys.readouterr().err
            assert all(part in said for part in found.description.split("; "))

    @pytest.mark.parametrize("peak", [0.0, 0.6])
    def test_nothing_is_found(self, monkeypatch, peak):
        """A peak of 0.6 in the network's alpha is below 0.5 once it is interpolated to the image's size."""
        small = np.zeros((256, 328), np.float32)
        small[90, 120] = peak
        monkeypatch.setattr(registry, "run_segmenter", lambda *_: small)
        with pytest.warns(UserWarning, match="nothing is found.*; the bundled finder knows people and animals: give"):
            found = matte_from_image(self.SCENE.image[:384, :492])
        assert found.alpha.max() == found.trimap.max() == 0

    def test_everything_is_found(self, monkeypatch):
        monkeypatch.setattr(registry, "run_segmenter", lambda _, image: np.ones(image.shape[:2], np.float32))
        assert matte_from_image(self.SCENE.image).alpha.min() == 1

    def test_options_without_effect(self):
        with pytest.raises(ValueError, match="erode is 3, expected none with a network"):
            matte_from_image(self.SCENE.image, object(), erode=3)


class TestGivenNetwork:
    def test_network_sees_a_large_image_at_512_pixels(self):
        torch = pytest.importorskip("torch")
        networks = pytest.importorskip("hybridmatte.networks")
        network, seen = networks.unet("tiny").eval(), []
        network.register_forward_pre_hook(lambda _, arguments: seen.append(tuple(arguments[0].shape[2:])))
        torch.nn.init.constant_(network.head.bias, 1.0)
        result = matte_from_image(np.random.default_rng(0).random((600, 900, 3)), network)
        assert seen == [(512, 768)]
        assert result.alpha.shape == (600, 900)
        assert result.trimap is None

    def test_nothing_found(self):
        torch = pytest.importorskip("torch")
        networks = pytest.importorskip("hybridmatte.networks")
        network = networks.unet("tiny").eval()
        torch.nn.init.constant_(network.head.bias, -50.0)
        with pytest.warns(UserWarning, match="nothing is found"):
            assert matte_from_image(SMALL.image, network).alpha.max() < 0.5

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"trimap": True}, "network takes a trimap, expected one from the image alone"),
            (None, "network is a object, expected a MattingNetwork"),
        ],
        ids=["trimap", "object"],
    )
    def test_other_networks_are_refused(self, options, message):
        networks = pytest.importorskip("hybridmatte.networks")
        network = object() if options is None else networks.unet("tiny", **options)
        with pytest.raises(ValueError, match=message):
            matte_from_image(SMALL.image, network)


def test_old_names_are_deprecated():
    import hybridmatte.automatic

    with pytest.warns(DeprecationWarning, match="matte_alone is deprecated, use .*matte_from_image"):
        assert hybridmatte.automatic.matte_alone is matte_from_image
    with pytest.warns(DeprecationWarning, match="FromMask is deprecated, use .*AutomaticResult"):
        old_result = hybridmatte.automatic.FromMask
    with pytest.warns(DeprecationWarning, match="AutomaticResult.how is deprecated, use AutomaticResult.description"):
        assert old_result(SMALL.alpha, None, "by hand").how == "by hand"
    with pytest.raises(AttributeError, match="has no attribute 'matte_from_nothing'"):
        hybridmatte.automatic.matte_from_nothing  # noqa: B018
