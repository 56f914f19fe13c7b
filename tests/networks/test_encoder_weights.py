"""Net-T and Net-M start from local files of weights, in Python and by the training option `pretrained`."""

from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch")
timm = pytest.importorskip("timm")
networks = pytest.importorskip("hybridmatte.networks")

from safetensors.torch import save_file  # noqa: E402

from hybridmatte.networks.encoder_weights import renormalize_encoder  # noqa: E402
from hybridmatte.networks.network import MEAN, STD  # noqa: E402
from hybridmatte.networks.residual_unet import _plain_state  # noqa: E402
from hybridmatte.training import initial_network  # noqa: E402

MAKERS = {
    "net_t": (networks.net_t, "resnet50"),
    "net_m": (networks.net_m, "resnet34d"),
    "gca": (networks.gca, "resnet34d"),
}


def saved(encoder, folder, **changes):
    """Return a classifier with random weights, and the file of its weights, some of them changed."""
    torch.manual_seed(1)
    classifier = timm.create_model(encoder, zero_init_last=False)
    tensors = classifier.state_dict() | changes
    path = folder / f"{encoder}.safetensors"
    save_file(tensors, path)
    return classifier, path


def taken(network, classifier, encoder):
    """Yield pairs of tensors, of a classifier and of the encoder of Net-M that started from it."""
    source = dict(classifier.named_modules())
    for name, layer in network._layers_of(encoder):
        own = _plain_state(layer)
        for key, tensor in source[name].state_dict().items():
            yield tensor, own[key]


@pytest.mark.parametrize("name", ["net_m", "gca"])
def test_residual_networks_take_the_file_and_no_weights_for_the_trimap(tmp_path, name):
    """Net-M and GCA could only start from random weights."""
    classifier, path = saved("resnet34d", tmp_path)
    network = MAKERS[name][0](pretrained=path)
    pairs = list(taken(network, classifier, "resnet34d"))
    assert len(pairs) == 3 * 6 + 13 * 12 + 3 * 6  # of the stem, the blocks and the shortcuts
    for theirs, own in pairs:
        whole = own if own.shape == theirs.shape else own[:, :3]
        assert torch.equal(whole, theirs)
    assert not network.stem[0][0].weight[:, 3:].any()
    names = {name for name, _ in network.named_parameters() if name.startswith(("stem.", "down."))}
    assert len(names) == sum(tensor.is_floating_point() for tensor, _ in pairs) - 2 * sum(
        isinstance(layer, torch.nn.BatchNorm2d) for _, layer in network._layers_of("resnet34d")
    )  # nothing else learns in the encoder


def test_net_m_computes_what_the_classifier_computes(tmp_path):
    classifier, path = saved("resnet34d", tmp_path)
    network = networks.net_m(trimap=False, pretrained=str(path)).train()
    classifier.conv1[6].stride, classifier.maxpool = (2, 2), torch.nn.Identity()  # Net-M's stem has no pooling
    planes = torch.rand(2, 3, 64, 96)
    with torch.no_grad():
        expected = classifier.train().layer1(classifier.act1(classifier.bn1(classifier.conv1(planes))))
        found = network.down[0](network.stem[1](network.stem[0](planes)))
    assert torch.allclose(found, expected, rtol=1e-2, atol=1e-2)  # epsilon of the norms, after a division by up to 5


def test_the_largest_singular_value_is_that_of_the_file(tmp_path):
    """In evaluation, the estimate of the random weight before would scale the features."""
    _, path = saved("resnet34d", tmp_path)
    weight = networks.net_m(pretrained=path).eval().down[1][0].layers[0].weight.detach()
    assert torch.linalg.matrix_norm(weight.flatten(1), 2) == pytest.approx(1, abs=0.15)


@pytest.mark.slow
def test_net_m_takes_the_stages_of_resnet34(tmp_path):
    """The best known weights of that name have another stem, which has no counterpart."""
    classifier, path = saved("resnet34", tmp_path)
    network = networks.net_m(pretrained=path)
    pairs = list(taken(network, classifier, "resnet34"))
    assert len(pairs) == 13 * 12 + 3 * 6
    assert all(torch.equal(*pair) for pair in pairs)


@pytest.mark.slow
def test_net_m_takes_other_names_in_the_same_order(tmp_path):
    classifier, _ = saved("resnet34d", tmp_path)
    path = tmp_path / "renamed.pth"
    torch.save({f"a{k}": tensor for k, tensor in enumerate(classifier.state_dict().values())}, path)
    network = networks.net_m(pretrained=path)
    assert torch.equal(_plain_state(network.down[2][0].layers[0])["weight"], classifier.layer3[0].conv1.weight)


def test_net_t_takes_the_file(tmp_path):
    classifier, path = saved("resnet50", tmp_path)
    network = networks.net_t(pretrained=path)
    own, theirs = network.encoder.state_dict(), classifier.state_dict()
    first = own.pop("conv1.weight")
    assert torch.equal(first[:, :3], theirs["conv1.weight"])
    assert torch.equal(first[:, 3:], theirs["conv1.weight"][:, :2])
    assert own
    assert all(torch.equal(tensor, theirs[name]) for name, tensor in own.items())


@pytest.mark.parametrize("name", MAKERS)
def test_wrong_files_are_named(tmp_path, name):
    make, encoder = MAKERS[name]
    _, path = saved(encoder, tmp_path, **{"layer2.0.bn1.weight": torch.zeros(7)})
    with pytest.raises(
        ValueError, match=r"^pretrained .*\.safetensors has layer2.0.bn1.weight of shape \(7,\), expected"
    ):
        make(pretrained=path)
    save_file({"a": torch.zeros(3)}, path)
    with pytest.raises(ValueError, match=rf"^pretrained .* has no tensor conv1.*, expected weights of {encoder}$"):
        make(pretrained=path)
    path.write_bytes(b"no weights")
    with pytest.raises(ValueError, match=r"^pretrained .* cannot be read .*, expected weights$"):
        make(pretrained=path)
    with pytest.raises(FileNotFoundError, match=r"^pretrained none.safetensors is no file"):
        make(pretrained="none.safetensors")
    with pytest.raises(ValueError, match="size is 'tiny', expected 'resnet.*' with pretrained weights"):
        make("tiny", pretrained=path)


@pytest.mark.parametrize("name", MAKERS)
def test_the_training_option_reaches_it(monkeypatch, name, tmp_path):
    given = {}
    monkeypatch.setattr(networks, name, lambda size, **options: given.update(options, size=size))
    path = tmp_path / "file.safetensors"
    path.touch()
    config = SimpleNamespace(
        seed=0,
        network=name,
        size="resnet",
        one_hot=False,
        trimap_input=False,
        refinement=True,
        attention=True,
        pretrained=str(path),
    )
    initial_network.new_network(config)
    assert given["pretrained"] == str(path)
    path.unlink()
    initial_network.new_network(config, is_resumed=True)  # its weights come from the checkpoint
    assert given["pretrained"] is False


def test_the_unet_fits_weights_to_the_colours_that_it_gives_them(tmp_path):
    """EfficientNet-Lite's weights were trained with 0.5 and 0.5, and saw ImageNet's mean and deviation."""
    name = "tf_efficientnet_lite0"
    torch.manual_seed(1)
    plain = timm.create_model(name, features_only=True).eval()
    plain.bn1.running_mean.uniform_(-1, 1)
    save_file(plain.state_dict(), tmp_path / "weights.safetensors")
    network = networks.unet(name, pretrained=tmp_path / "weights.safetensors").eval()
    image = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        found = network.encoder(network.prepared(image, None))[0]
        expected = plain((image - 0.5) / 0.5)[0]
    assert torch.allclose(found[..., 2:-2, 2:-2], expected[..., 2:-2, 2:-2], atol=1e-5)


def test_weights_that_cannot_be_fitted_are_refused():
    """Without bias and batch norm the change of the mean has nowhere to go."""
    encoder = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3, bias=False), torch.nn.ReLU())
    with pytest.raises(ValueError, match="expected one that starts with a convolution with bias or batch norm"):
        renormalize_encoder(encoder, "tf_efficientnet_lite0", (MEAN, STD))
