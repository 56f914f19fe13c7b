"""Every network: sizes, gradients, saving, bad input, tiles, ONNX; and the list of public names."""

import ast
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
import torch
from huggingface_hub.errors import LocalEntryNotFoundError

from hybridmatte import networks
from hybridmatte.correction.weights import WEIGHTS
from hybridmatte.networks.export import export_fusion
from tests.synthetic import soft_disk

MAKERS = {
    "unet": lambda trimap: networks.unet("tiny", trimap=trimap),
    "resnet18 half": lambda trimap: networks.unet("resnet18", width=0.5, trimap=trimap),
    "transformer": lambda trimap: networks.unet("pvt_v2_b0", width=0.25, trimap=trimap),
    "mobilenet": lambda trimap: networks.unet("mobilenetv3_small_050", trimap=trimap),
    "gca": lambda trimap: networks.gca("tiny", trimap=trimap),
    "matteformer": lambda trimap: networks.matteformer("tiny", trimap=trimap),
    "modnet": lambda trimap: networks.modnet("tiny", trimap=trimap),
    "net_m": lambda trimap: networks.net_m("tiny", trimap=trimap),
    "vitmatte": lambda trimap: networks.vitmatte("tiny", trimap=trimap),
}
every_network = pytest.mark.parametrize("name", MAKERS)


def make(name, trimap=True, seed=0):
    """Return a network with reproducible weights, in evaluation mode."""
    torch.manual_seed(seed)
    return MAKERS[name](trimap).eval()


def inputs(shape, trimap=True, batch=1):
    """Return a random image and, if wanted, a trimap."""
    generator = torch.Generator().manual_seed(0)
    image = torch.rand((batch, 3, *shape), generator=generator)
    return (image, torch.randint(3, (batch, 1, *shape), generator=generator) / 2) if trimap else (image,)


@pytest.mark.slow
@every_network
@pytest.mark.parametrize("trimap", [False, True, "one-hot"], ids=["automatic", "trimap", "one-hot"])
@pytest.mark.parametrize("shape", [(64, 96), (47, 81), (9, 70)])
def test_any_size(name, trimap, shape):
    if name == "matteformer" and not trimap:
        pytest.skip("its prior tokens need a trimap")
    network = make(name, trimap)
    with torch.no_grad():
        alpha = network(*inputs(shape, trimap, batch=2))
    assert alpha.shape == (2, 1, *shape)
    assert 0 <= alpha.min() <= alpha.max() <= 1


@pytest.mark.slow
@every_network
def test_gradient_reaches_every_parameter(name):
    network = make(name).train()
    pairs = network.weighted_alphas(*inputs((64, 64), batch=2))
    assert sum(weight for weight, _ in pairs) == 1
    assert {tuple(alpha.shape) for _, alpha in pairs} == {(2, 1, 64, 64)}
    sum(weight * alpha.square().sum() for weight, alpha in pairs).backward()
    unreached = [key for key, parameter in network.named_parameters() if parameter.grad is None]
    assert unreached == []


@pytest.mark.slow
@every_network
def test_trimap_and_image_both_matter(name):
    network = make(name)
    image, trimap = inputs((64, 64))
    with torch.no_grad():
        alpha = network(image, trimap)
        assert not torch.equal(alpha, network(image, 1 - trimap))
        assert not torch.equal(alpha, network(1 - image, trimap))


@pytest.mark.slow
@every_network
@pytest.mark.parametrize("trimap", [True, "one-hot"])
def test_saved_and_loaded(name, trimap, tmp_path):
    network = make(name, trimap)
    network.save_pretrained(tmp_path / "network")
    assert {"config.json", "model.safetensors"} <= {path.name for path in (tmp_path / "network").iterdir()}
    loaded = networks.load_network(tmp_path / "network")
    with torch.no_grad():
        assert torch.equal(loaded(*inputs((40, 50))), network(*inputs((40, 50))))
    assert not loaded.training


@every_network
def test_depths_name_every_parameter(name):
    network = make(name)
    depths = network.layer_depths()
    assert set(depths) == {key for key, _ in network.named_parameters()}
    assert set(depths.values()) == set(range(max(depths.values()) + 1))


def test_one_hot_trimap_is_background_unknown_foreground():
    network = make("unet", "one-hot")
    planes = network.join(torch.zeros(1, 3, 1, 3), torch.tensor([[[[0.0, 0.5, 1.0]]]]))
    assert torch.equal(planes[0, 3:, 0], torch.eye(3))
    with pytest.raises(ValueError, match="trimap is 2, expected False, True or 'one-hot'"):
        networks.unet("tiny", trimap=2)


def test_published_size_of_vitmatte():
    """ViTMatte-S has 25.8 million parameters, ViTMatte-B 96.7 million (its paper, Table 1)."""
    count = sum(parameter.numel() for parameter in networks.vitmatte("small").parameters())
    assert count == pytest.approx(25.8e6, rel=0.01)


@every_network
def test_wrong_trimap(name):
    with pytest.raises(ValueError, match="trimap is missing, expected one"):
        make(name)(*inputs((32, 32), trimap=False))
    if name == "matteformer":
        return  # this network cannot be made without a trimap
    with pytest.raises(ValueError, match="trimap was given, expected None"):
        make(name, trimap=False)(*inputs((32, 32)))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: networks.unet("mobilenetv3_small_050", width=0.5), "only those of resnet, pvt_v2_b0 can be scaled"),
        (lambda: networks.unet("resnet18", width=0.5, pretrained=True), "expected 1 with pretrained weights"),
        (lambda: networks.unet("tiny", pretrained=True), "size is 'tiny', for which there are no pretrained weights"),
        (lambda: networks.vitmatte("huge"), "size is 'huge', expected 'base' or 'small' or 'tiny'"),
    ],
    ids=["width", "pretrained", "tiny", "size"],
)
def test_bad_options(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_load_refuses_what_is_no_network(tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match="is no folder"):
        networks.load_network(tmp_path / "missing")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.json").write_text('{"paradigm": "trimap"}')
    with pytest.raises(FileNotFoundError, match="run/network is no folder, expected"):
        networks.load_network("run/network")
    monkeypatch.setattr(
        "hybridmatte.networks.checkpoint.hf_hub_download", Mock(side_effect=LocalEntryNotFoundError("no connection"))
    )
    with pytest.raises(FileNotFoundError, match="nobody/nothing is no folder here, and the hub does not give a model"):
        networks.load_network("nobody/nothing")
    with pytest.raises(FileNotFoundError, match="has no config.json"):
        networks.load_network(tmp_path)
    (tmp_path / "config.json").write_text('{"paradigm": "trimap", "network": "net_t"}')
    with pytest.raises(ValueError, match="is the folder of a training run, expected the folder of a network$"):
        networks.load_network(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(ValueError, match="of no known network"):
        networks.load_network(tmp_path)


@pytest.mark.parametrize("name", ["unet", "vitmatte"])
def test_damaged_folders(name, tmp_path):
    make(name).save_pretrained(tmp_path)
    weights = (tmp_path / "model.safetensors").read_bytes()
    (tmp_path / "model.safetensors").write_bytes(weights[: len(weights) // 2])
    with pytest.raises(ValueError, match="has weights that cannot be read or do not fit"):
        networks.load_network(tmp_path)


class TestPredictAlpha:
    def test_array_and_tensor_agree(self):
        network, scene = make("unet").train(), soft_disk((61, 83))
        alpha = networks.predict_alpha(network, scene.image, scene.trimap)
        assert alpha.shape == scene.trimap.shape
        assert alpha.dtype == np.float32
        assert network.training
        tensors = [torch.from_numpy(scene.image).permute(2, 0, 1)[None], torch.from_numpy(scene.trimap)[None, None]]
        assert np.array_equal(networks.predict_alpha(network, *tensors)[0, 0].numpy(), alpha)

    def test_known_pixels_are_exact(self):
        scene = soft_disk((61, 83))
        alpha = networks.predict_alpha(make("unet"), scene.image, scene.trimap)
        assert (alpha[scene.trimap == 1] == 1).all()
        assert (alpha[scene.trimap == 0] == 0).all()

    def test_tiles_of_a_local_network_have_no_seams(self):
        """A network that sees 9 x 9 pixels only gives the same alpha in tiles as on the whole image."""

        class Local(networks.MattingNetwork):
            stride = 4

            def __init__(self):
                super().__init__()
                self.blur = torch.nn.Conv2d(3, 1, 9, padding=4, padding_mode="replicate")

            def estimate(self, planes):
                return torch.sigmoid(self.blur(planes))

        torch.manual_seed(0)
        network, image = Local(), np.random.default_rng(0).random((150, 211, 3))
        whole = networks.predict_alpha(network, image)
        tiled = networks.predict_alpha(network, image, max_pixels=64 * 64)
        assert np.abs(tiled - whole).max() < 1e-5  # the 4 pixels at a tile's border do not count

    def test_memory_depends_on_the_tile(self):
        """No call of the network gets more pixels than allowed, and the tiles cover the image."""
        seen = []

        class Watched(networks.MattingNetwork):
            stride = 16

            def __init__(self):
                super().__init__()
                self.bias = torch.nn.Parameter(torch.tensor(0.5))

            def estimate(self, planes):
                seen.append(planes.shape[2] * planes.shape[3])
                return self.bias.expand(len(planes), 1, *planes.shape[2:])

        alpha = networks.predict_alpha(Watched(), np.zeros((500, 37, 3)), max_pixels=4096)
        assert max(seen) <= 4096
        assert np.abs(alpha - 0.5).max() < 1e-6

    def test_tiles_without_unknown_pixels_are_skipped(self):
        network, image = make("unet"), np.zeros((256, 256, 3), np.float32)
        trimap = np.zeros((256, 256), np.float32)
        trimap[:20, :20] = 0.5
        calls = []
        network.register_forward_hook(lambda *_: calls.append(1))
        networks.predict_alpha(network, image, trimap, max_pixels=4096)
        assert len(calls) == 1

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (lambda image, trimap: (image, trimap.T), "trimap has shape"),
            (lambda image, trimap: (image * np.nan, trimap), "image has"),
            (lambda image, _: (image, None), "trimap is missing"),
        ],
        ids=["transposed", "nan", "no trimap"],
    )
    def test_bad_input(self, change, message):
        scene = soft_disk()
        with pytest.raises(ValueError, match=message):
            networks.predict_alpha(make("unet"), *change(scene.image, scene.trimap))

    def test_few_pixels(self):
        with pytest.raises(ValueError, match="max_pixels is 10, expected an integer of at least 4096"):
            networks.predict_alpha(make("unet"), np.zeros((8, 8, 3)), max_pixels=10)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["unet", "vitmatte"])
def test_onnx_gives_the_same_alpha(name, tmp_path):
    scene, path = soft_disk((61, 83)), tmp_path / "network.onnx"
    difference = networks.export_onnx(make(name), path, scene.image, scene.trimap)
    assert difference < 1e-5
    assert path.stat().st_size > 100_000
    with pytest.raises(ValueError, match="differs by .* nothing is written"):
        networks.export_onnx(make(name), tmp_path / "other.onnx", scene.image, scene.trimap, tolerance=1e-12)
    assert not (tmp_path / "other.onnx").exists()


def test_onnx_tells_nothing_of_the_machine(tmp_path):
    """The exporter wrote stack traces with the folders of the machine into the file."""
    network = networks.SolverFusion(features=3, trusted=0, widths=[8, 8])
    export_fusion(network, tmp_path / "network.onnx", torch.rand(60, 3))
    for folder in (tmp_path, *WEIGHTS.values()):
        [path] = folder.glob("*.onnx")
        assert b"pkg.torch" not in path.read_bytes()


def test_the_stub_has_the_public_names():
    """`__init__.pyi` imports each lazy name from the module that it is loaded from at run time."""
    stub = ast.parse(Path(networks.__file__).with_suffix(".pyi").read_text(encoding="utf-8"))
    found = {
        alias.asname: (node.module, alias.name)
        for node in stub.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert found == {name: (getattr(networks, name).__module__, name) for name in networks.__all__}
