"""GCA-Matting: its published size, its attention against plain loops, and properties that every network needs."""

import json

import numpy as np
import pytest
import torch
from torch.nn.utils.parametrize import is_parametrized

from hybridmatte import networks
from hybridmatte.networks.guided_attention import GuidedAttention, MattingGCA, gca
from tests.tolerances import assert_close

SHAPES = [(64, 96), (47, 81), (9, 70), (1, 1)]
TRIMAPS = pytest.mark.parametrize("trimap", ["one-hot", True, False], ids=["one-hot", "plane", "automatic"])


@pytest.fixture(scope="module")
def published():
    torch.manual_seed(0)
    return gca().eval()


def tiny(trimap="one-hot"):
    """Return a network whose residual blocks and attention, at or near 0 before training, have an effect."""
    torch.manual_seed(0)
    network = gca("tiny", trimap=trimap).eval()
    for norm in network.modules():
        if isinstance(norm, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(norm.weight, 0.5, 1.5)
    return network


def inputs(shape, trimap=True, batch=1):
    generator = torch.Generator().manual_seed(0)
    image = torch.rand((batch, 3, *shape), generator=generator)
    return (image, torch.randint(3, (batch, 1, *shape), generator=generator) / 2) if trimap else (image,)


def mirrored(index, size):
    """Return the index reflected into 0 to size - 1; the first and last are not repeated."""
    return -index if index < 0 else 2 * (size - 1) - index if index >= size else index


def cut(array, y, x, size):
    """Return the (C, size, size) values starting at row y and column x, mirrored at the borders."""
    rows = [mirrored(y + i, array.shape[1]) for i in range(size)]
    columns = [mirrored(x + j, array.shape[2]) for j in range(size)]
    return array[:, rows][:, :, columns]


def factors(is_unknown):
    """Return the factors of unknown and of known patches."""
    unknown = is_unknown.mean()
    with np.errstate(divide="ignore"):
        return np.clip(np.sqrt([unknown / (1 - unknown), (1 - unknown) / unknown]), 0.1, 10)


def slow_weights(guidance, is_unknown):
    """Return the weights (P, P) by loops over pairs of patches."""
    height, width = guidance.shape[1:]
    places = [(y, x) for y in range(height) for x in range(width)]
    weights = np.zeros((len(places), len(places)))
    for p, (y, x) in enumerate(places):
        scores = np.zeros(len(places))
        for q, (v, u) in enumerate(places):
            query, key = cut(guidance, y - 1, x - 1, 3), cut(guidance, v - 1, u - 1, 3)
            scores[q] = np.sum(query * key) / max(np.linalg.norm(key), 1e-4)
            touches = True
            if is_unknown is not None:
                touches = cut(is_unknown[None], v - 1, u - 1, 3).any()
                scores[q] *= factors(is_unknown)[0 if touches else 1]
            if p == q and touches:
                scores[q] -= 1e4
        weights[p] = np.exp(scores - scores.max()) / np.exp(scores - scores.max()).sum()
    return weights


def slow_attended(weights, features):
    """Return the attended features: weighted means of patches, added where patches overlap, divided by 4."""
    channels, height, width = features.shape
    places = [(y, x) for y in range(0, height, 2) for x in range(0, width, 2)]
    attended = np.zeros_like(features)
    for p, (y, x) in enumerate(places):
        patch = sum(weights[p, q] * cut(features, v - 1, u - 1, 4) for q, (v, u) in enumerate(places))
        for i in range(4):
            for j in range(4):
                if 0 <= y - 1 + i < height and 0 <= x - 1 + j < width:
                    attended[:, y - 1 + i, x - 1 + j] += patch[:, i, j] / 4
    return attended


def scene(generator, shape=(6, 10)):
    """Return an attention in float64, guidance with 4 channels and features with 3."""
    torch.manual_seed(0)
    attention = GuidedAttention(3, 4).double().eval()
    torch.nn.init.uniform_(attention.mix[1].weight, 0.5, 1.5)
    torch.nn.init.normal_(attention.narrow.bias)
    guidance, features = (torch.randn(2, n, *shape, generator=generator, dtype=torch.float64) for n in (4, 3))
    return attention, guidance, features


def mask(kind, generator):
    """Return the unknown positions (2, 1, 3, 5) of a kind."""
    shares = torch.tensor([0.15, 0.4]).view(2, 1, 1, 1)
    return {
        "some unknown": torch.rand(2, 1, 3, 5, generator=generator) < shares,
        "one unknown": torch.arange(15).view(1, 1, 3, 5).expand(2, -1, -1, -1) == 14,
        "all unknown": torch.ones(2, 1, 3, 5, dtype=torch.bool),
        "all known": torch.zeros(2, 1, 3, 5, dtype=torch.bool),
        "no trimap": None,
    }[kind]


class TestAttention:
    @pytest.mark.slow
    def test_published_number_of_parameters(self, published):
        """Both blocks have 49,792 (semantic-guided non-local matting, Table 6), each 24,896."""
        counts = [sum(parameter.numel() for parameter in block.parameters()) for block in published.attentions]
        assert counts == [24_896, 24_896]

    @pytest.mark.parametrize("kind", ["some unknown", "one unknown", "all unknown", "all known", "no trimap"])
    def test_as_by_loops(self, kind):
        generator = torch.Generator().manual_seed(1)
        attention, guidance, features = scene(generator)
        is_unknown = mask(kind, generator)
        with torch.no_grad():
            result = attention(guidance, features, is_unknown)
            narrow = attention.narrow(guidance)[:, :, ::2, ::2].numpy()
            for k in range(2):
                weights = slow_weights(narrow[k], None if is_unknown is None else is_unknown[k, 0].numpy())
                attended = torch.from_numpy(slow_attended(weights, features[k].numpy()))
                assert_close(result[k], features[k] + attention.mix(attended[None])[0])

    def test_unknown_patches_have_no_weight_for_themselves(self):
        """Where all patches are equal, a known patch weighs itself like any other, an unknown one by 0."""
        attention, *_ = scene(torch.Generator())
        is_unknown = torch.arange(7).expand(1, 1, 7, 7) > 3  # patches of 3 x 3 from column 3 on touch it
        weights = attention.weights(torch.ones(1, 2, 7, 7, dtype=torch.float64), is_unknown)
        own = weights.diagonal(dim1=1, dim2=2).view(7, 7)
        assert (own[:, 3:] == 0).all()
        assert (own[:, :3] > 0).all()
        assert_close(weights.sum(dim=2), np.ones((1, 49)))
        assert (attention.weights(torch.ones(1, 2, 7, 7)).diagonal(dim1=1, dim2=2) == 0).all()

    def test_equal_places_share_their_features(self):
        """Where the guidance is periodic, a place gets the mean of the features a whole number of periods away."""
        attention, guidance, features = scene(torch.Generator().manual_seed(2), (8, 24))
        guidance = 30 * guidance[:, :, :, :6].repeat(1, 1, 1, 4)  # different places then have no weight
        with torch.no_grad():
            weights = attention.weights(attention.narrow(guidance)[:, :, ::2, ::2])
        inside = weights.view(2, 4, 12, 4, 12)[:, 1, 4, 1, [1, 4, 7, 10]]
        assert_close(inside, np.array([[1 / 3, 0, 1 / 3, 1 / 3]] * 2), 1e-6)

    @pytest.mark.slow
    def test_gradients(self):
        generator = torch.Generator().manual_seed(3)
        attention, guidance, features = scene(generator)
        is_unknown = mask("some unknown", generator)
        arrays = guidance.requires_grad_(), features.requires_grad_()
        assert torch.autograd.gradcheck(lambda *args: attention(*args, is_unknown), arrays)

    def test_weights_are_float32_under_autocast(self):
        attention, guidance, features = scene(torch.Generator().manual_seed(4))
        attention.float()
        seen = []
        attention.weights = lambda *args: seen.append(GuidedAttention.weights(attention, *args)) or seen[-1]
        with torch.autocast("cpu", torch.bfloat16), torch.no_grad():
            attention(guidance.float(), features.float())
        assert seen[0].dtype == torch.float32
        assert_close(seen[0].sum(dim=2), np.ones((2, 15)))

    @pytest.mark.parametrize("trimap", ["one-hot", True])
    def test_attention_distinguishes_only_unknown_from_known(self, trimap):
        """Swapping foreground and background changes nothing if the other layers have weights of 0 for the trimap."""
        network, (image, _) = tiny(trimap), inputs((128, 160))
        with torch.no_grad():
            for convolution in (network.stem[0][0], network.skips[0][0]):
                convolution.parametrizations.weight.original[:, 3:] = 0
            drawn = torch.full((1, 1, 128, 160), 0.5)
            drawn[:, :, :48], drawn[:, :, 96:] = 0, 1
            alpha = network(image, drawn)
            assert torch.equal(alpha, network(image, 1 - drawn))
            assert (alpha - network(image, torch.full_like(drawn, 0.5))).abs().max() > 1e-4


class TestNetwork:
    def test_published_number_of_parameters(self, published):
        """25.27 million; the authors also count the vectors of the spectral norms, which are buffers here."""
        count = sum(parameter.numel() for parameter in published.parameters())
        vectors = sum(buffer.numel() for name, buffer in published.named_buffers() if name.endswith(("._u", "._v")))
        assert count == pytest.approx(25.27e6, rel=0.005)
        assert count + vectors == pytest.approx(25.27e6, abs=0.005e6)

    def test_tiny_is_tiny(self):
        assert 0.5e6 < sum(parameter.numel() for parameter in gca("tiny").parameters()) < 0.8e6

    def test_features(self, published):
        """Channels and resolutions as published."""
        shapes = {}
        hooks = [
            module.register_forward_hook(lambda _, __, output, name=name: shapes.update({name: output.shape}))
            for name, module in published.named_modules()
            if name.count(".") <= 1
        ]
        with torch.no_grad():
            published(*inputs((64, 96)))
        for hook in hooks:
            hook.remove()
        expected = {
            "stem.0": (32, 2),
            "stem.1": (64, 4),
            "down.0": (64, 4),
            "down.1": (128, 8),
            "down.2": (256, 16),
            "down.3": (512, 32),
            "guide": (128, 8),
            "attentions.0": (128, 8),
            "attentions.1": (128, 8),
            "skips.0": (32, 1),
            "skips.1": (32, 2),
            "skips.2": (64, 4),
            "skips.3": (128, 8),
            "skips.4": (256, 16),
            "up.0": (256, 16),
            "up.1": (128, 8),
            "up.2": (64, 4),
            "up.3": (32, 2),
            "last": (32, 1),
            "head": (1, 1),
        }
        found = {name: shapes[name] for name in expected}
        assert found == {name: (1, n, 64 // by, 96 // by) for name, (n, by) in expected.items()}
        assert published.stride == 32

    def test_every_convolution_but_attention_and_head_has_spectral_norm(self):
        network = tiny()
        for name, module in network.named_modules():
            if isinstance(module, torch.nn.Conv2d | torch.nn.ConvTranspose2d):
                has_norm = is_parametrized(module)
                assert has_norm != name.startswith(("attentions.", "head")), name
                if has_norm:  # the power iteration estimates the norm from below
                    assert 0.999 < torch.linalg.matrix_norm(module.weight.flatten(1), 2) < 1.1, name

    @TRIMAPS
    @pytest.mark.parametrize("shape", SHAPES)
    def test_any_size(self, trimap, shape):
        with torch.no_grad():
            alpha = tiny(trimap)(*inputs(shape, trimap, batch=2))
        assert alpha.shape == (2, 1, *shape)
        assert 0 <= alpha.min() < alpha.max() <= 1

    @pytest.mark.slow
    def test_gradient_reaches_every_parameter(self):
        network = tiny().train()
        network(*inputs((64, 64), batch=2)).square().sum().backward()
        unreached = [
            key for key, parameter in network.named_parameters() if parameter.grad is None or not parameter.grad.any()
        ]
        assert unreached == []

    @pytest.mark.slow
    def test_learns(self):
        """Gradient steps lower the loss from the initial weights."""
        torch.manual_seed(0)
        network, (image, trimap) = gca("tiny").train(), inputs((64, 64), batch=2)
        optimizer, losses = torch.optim.AdamW(network.parameters(), 1e-3), []
        for _ in range(6):
            losses.append((network(image, trimap) - trimap).square().mean())
            optimizer.zero_grad()
            losses[-1].backward()
            optimizer.step()
        assert losses[-1] < 0.9 * losses[0]

    def test_evaluation_changes_nothing(self):
        network, batch = tiny(), inputs((64, 96))
        before = {key: value.clone() for key, value in network.state_dict().items()}
        with torch.no_grad():
            assert torch.equal(network(*batch), network(*batch))
        assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())

    @pytest.mark.slow
    def test_images_of_a_batch_do_not_mix(self):
        network, (image, trimap) = tiny(), inputs((64, 96), batch=2)
        trimap[1, :, :, 32:] = 1
        with torch.no_grad():
            together = network(image, trimap)
            alone = torch.cat([network(image[k : k + 1], trimap[k : k + 1]) for k in range(2)])
        assert_close(together, alone)

    @pytest.mark.slow
    @TRIMAPS
    def test_saved_and_loaded(self, trimap, tmp_path):
        network, batch = tiny(trimap), inputs((40, 50), trimap)
        network.save_pretrained(tmp_path)
        config = json.loads((tmp_path / "config.json").read_text())
        assert config == {"network": "gca", "width": 5 / 32, "trimap": trimap}
        with torch.no_grad():
            assert torch.equal(MattingGCA.from_pretrained(tmp_path)(*batch), network(*batch))

    def test_depths(self):
        network = tiny()
        depths = network.layer_depths()
        assert set(depths) == {key for key, _ in network.named_parameters()}
        parts = {".".join(key.split(".")[:2]): depth for key, depth in depths.items()}
        assert {parts["stem.0"], parts["stem.1"]} == {0}
        assert [parts[f"down.{k}"] for k in range(4)] == [1, 2, 3, 4]
        assert {parts["guide.0"], parts["attentions.0"], parts["skips.0"], parts["up.0"], parts["head.weight"]} == {5}

    @pytest.mark.slow
    def test_autocast(self):
        network, batch = tiny().train(), inputs((64, 96), batch=2)
        with torch.no_grad():
            for _ in range(3):
                network(*batch)  # statistics of the norms
            expected = network.eval()(*batch)
            with torch.autocast("cpu", torch.bfloat16):
                alpha = network(*batch)
        assert (alpha - expected).abs().max() < 0.1  # bfloat16 has 8 bits

    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("call", "message"),
        [
            (lambda: gca("huge"), "size is 'huge', expected 'resnet34' or 'tiny'"),
            (lambda: gca("tiny", trimap=2), "trimap is 2, expected False, True or 'one-hot'"),
            (lambda: MattingGCA(network="unet"), "network is 'unet', expected 'gca'"),
            (lambda: MattingGCA(width=0), "width is 0, expected .* above 0"),
        ],
        ids=["size", "trimap", "network", "width"],
    )
    def test_bad_options(self, call, message):
        with pytest.raises(ValueError, match=message):
            call()


@pytest.mark.slow
def test_onnx_gives_the_same_alpha_at_any_size(tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    from tests.networks.test_exported_files import assert_without_traces

    network, path, rng = tiny(), tmp_path / "network.onnx", np.random.default_rng(0)
    difference = networks.export_onnx(network, path, rng.random((61, 83, 3)), rng.integers(3, size=(61, 83)) / 2)
    assert difference < 1e-5
    assert_without_traces(path.read_bytes())
    session = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    for shape, batch in [((32, 32), 1), ((160, 96), 3)]:
        image, trimap = inputs(shape, batch=batch)
        with torch.no_grad():
            expected = network(image, trimap)
        assert_close(session.run(None, {"image": image.numpy(), "trimap": trimap.numpy()})[0], expected)
