"""The pyramid network, and encoders that start from local weight files."""

import sys

import pytest
from safetensors.torch import save_file

torch = pytest.importorskip("torch")
timm = pytest.importorskip("timm")
networks = pytest.importorskip("hybridmatte.networks")

from hybridmatte.networks.encoder_weights import encoder_tensors, read_tensors  # noqa: E402
from hybridmatte.training.label_blending import soft_overlap  # noqa: E402

NAME = "tf_efficientnet_lite0"


@pytest.fixture(scope="module")
def classifier():
    torch.manual_seed(0)
    return timm.create_model(NAME)


@pytest.fixture
def weights(classifier, tmp_path):
    path = tmp_path / "weights.safetensors"
    save_file(classifier.state_dict(), path)
    return path


class TestPyramid:
    def test_any_size_and_trimaps(self):
        for trimap, planes in ((False, 0), (True, 1), ("one-hot", 3)):
            network = networks.pyramid(channels=8, trimap=trimap).eval()
            assert network.trimap_planes == planes
            given = (torch.rand(2, 1, 33, 70),) if planes else ()
            alpha = network(torch.rand(2, 3, 33, 70), *given)
            assert alpha.shape == (2, 1, 33, 70)
            assert 0 <= alpha.min() <= alpha.max() <= 1

    def test_features_are_those_of_timm(self, classifier):
        """The padding of strided convolutions is timm's, computed once instead of from each input's size."""
        network = networks.pyramid(channels=8).eval()
        network.encoder.load_state_dict(
            {name: tensor for name, tensor in classifier.state_dict().items() if name in network.encoder.state_dict()}
        )
        x, whole = torch.rand(1, 3, 64, 96), classifier.eval()
        with torch.no_grad():
            expected = whole.blocks[:6](whole.bn1(whole.conv_stem(x)))
            assert torch.allclose(network.encoder(x)[-1], expected, atol=1e-4)  # of values up to 13

    def test_training_keeps_statistics_and_frozen_stages(self):
        network = networks.pyramid(channels=8, frozen=2).train()
        before = {name: tensor.clone() for name, tensor in network.encoder.state_dict().items()}
        optimizer = torch.optim.SGD([p for p in network.parameters() if p.requires_grad], lr=0.1)
        network(torch.rand(2, 3, 64, 64)).mean().backward()
        optimizer.step()
        changed = {
            name for name, tensor in network.encoder.state_dict().items() if not torch.equal(tensor, before[name])
        }
        assert changed
        assert not [
            name
            for name in changed
            if name.startswith(("conv_stem", "bn1", "blocks.0", "blocks.1")) or "running" in name
        ]

    def test_saved_and_loaded(self, tmp_path):
        network = networks.pyramid(channels=8).eval()
        network.save_pretrained(tmp_path)
        loaded, image = networks.load_network(tmp_path), torch.rand(1, 3, 32, 64)
        assert torch.equal(loaded(image), network(image))

    @pytest.mark.parametrize(
        ("options", "message"),
        [({"size": "resnet18"}, "size is 'resnet18'"), ({"channels": 6}, "multiple of 4"), ({"frozen": -1}, "frozen")],
    )
    def test_refused(self, options, message):
        with pytest.raises(ValueError, match=message):
            networks.pyramid(**options)


class TestWeights:
    def test_by_timms_names(self, classifier, weights):
        network = networks.pyramid(channels=8, pretrained=weights)
        assert torch.equal(network.encoder.conv_stem.weight, classifier.conv_stem.weight)
        assert torch.equal(network.encoder.blocks[5][0].conv_dw.weight, classifier.blocks[5][0].conv_dw.weight)

    def test_under_other_names_in_the_same_order(self, classifier, tmp_path):
        path = tmp_path / "weights.pth"
        torch.save({f"layer{k}": tensor for k, tensor in enumerate(classifier.state_dict().values())}, path)
        network = networks.pyramid(channels=8, pretrained=str(path))
        assert torch.equal(network.encoder.conv_stem.weight, classifier.conv_stem.weight)

    def test_an_installed_package(self, weights, tmp_path, monkeypatch):
        folder = tmp_path / "some_weights" / "models"
        folder.mkdir(parents=True)
        (tmp_path / "some_weights" / "__init__.py").touch()
        weights.rename(folder / "weights.safetensors")
        monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
        own = networks.pyramid(channels=8).encoder.state_dict()
        assert encoder_tensors("some-weights", NAME, own).keys() == own.keys()

    def test_further_input_planes_start_at_zero(self, classifier, weights):
        network = networks.pyramid(channels=8, trimap=True, pretrained=weights)
        first = network.encoder.conv_stem.weight
        assert torch.equal(first[:, :3], classifier.conv_stem.weight)
        assert not first[:, 3].any()

    def test_unet(self, tmp_path):
        source = timm.create_model("resnet10t")
        save_file(source.state_dict(), tmp_path / "weights.safetensors")
        network = networks.unet("resnet10t", pretrained=tmp_path / "weights.safetensors")
        assert torch.equal(network.encoder.layer4[0].conv1.weight, source.layer4[0].conv1.weight)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (lambda tensors: tensors.pop("bn1.weight"), "has no tensor bn1.weight"),
            (
                lambda tensors: tensors.update({"bn1.weight": torch.zeros(7)}),
                r"has bn1.weight of shape \(7,\), expected",
            ),
            (lambda tensors: tensors.clear() or tensors.update(a=torch.zeros(1)), "has no tensor conv_stem.weight"),
        ],
        ids=["missing", "shape", "another network"],
    )
    def test_refused(self, classifier, tmp_path, change, message):
        tensors = dict(classifier.state_dict())
        change(tensors)
        save_file(tensors, tmp_path / "weights.safetensors")
        with pytest.raises(ValueError, match=message):
            networks.pyramid(channels=8, pretrained=tmp_path / "weights.safetensors")

    @pytest.mark.parametrize("name", ["none.safetensors", "no-such-package", "json"])
    def test_nothing_there(self, name):
        with pytest.raises((FileNotFoundError, ValueError), match=f"pretrained {name}"):
            networks.pyramid(channels=8, pretrained=name)

    @pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
    def test_damaged_files(self, tmp_path, suffix):
        (tmp_path / f"weights{suffix}").write_bytes(b"no weights")
        with pytest.raises(ValueError, match="expected weights"):
            read_tensors(tmp_path / f"weights{suffix}")

    def test_code_in_a_file_does_not_run(self, tmp_path):
        torch.save({"a": print}, tmp_path / "weights.pth")
        with pytest.raises(ValueError, match="holds other objects than tensors"):
            read_tensors(tmp_path / "weights.pth")


def test_soft_overlap():
    mask = torch.zeros(3, 1, 10, 10)
    mask[:2, :, :5] = 1
    alpha = torch.stack([mask[0], 1 - mask[1], mask[2]])
    overlap = soft_overlap(alpha, mask)
    assert overlap[0] == 1
    assert overlap[1] == pytest.approx(1 / 101)  # 1% of the pixels added to intersection and union
    assert overlap[2] == 1
