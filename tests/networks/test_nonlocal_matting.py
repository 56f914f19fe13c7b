"""Net-M: its attention against plain loops, its published sizes, and its refinement."""

import json

import numpy as np
import pytest
import torch

from hybridmatte import networks
from hybridmatte.networks.nonlocal_matting import NonlocalAttention
from hybridmatte.training import TrainingConfig
from hybridmatte.training.initial_network import new_network
from tests.networks.test_guided_attention import factors, inputs
from tests.tolerances import assert_close


@pytest.fixture(scope="module")
def published():
    torch.manual_seed(0)
    return networks.net_m().eval()


def tiny(**options):
    """Return a network whose residual blocks and attention, at or near 0 before training, have an effect."""
    torch.manual_seed(0)
    network = networks.net_m("tiny", **options).eval()
    for norm in network.modules():
        if isinstance(norm, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(norm.weight, 0.5, 1.5)
    return network


def scene(shape=(8, 12), channels=6):
    """Return an attention in float64 with no parameter near 0, and features."""
    torch.manual_seed(0)
    attention = NonlocalAttention(channels).double().eval()
    for parameter in attention.parameters():
        torch.nn.init.normal_(parameter)
    return attention, torch.randn(2, channels, *shape, dtype=torch.float64)


def slow_weights(attention, features, is_unknown):
    """Return the weights (P, Q) of one image by loops over positions and squares."""
    matrix, bias = attention.embed.weight[:, :, 0, 0].detach().numpy(), attention.embed.bias.detach().numpy()
    kernel, offset = attention.shrink.weight[:, 0].detach().numpy(), attention.shrink.bias.detach().numpy()
    _, height, width = features.shape
    embedded = np.einsum("oc,chw->ohw", matrix, features) + bias[:, None, None]
    keys = [
        (kernel * embedded[:, y : y + 4, x : x + 4]).sum(axis=(1, 2)) + offset
        for y in range(0, height, 4)
        for x in range(0, width, 4)
    ]
    weights = []
    for y in range(height):
        for x in range(width):
            scale = 1.0 if is_unknown is None else factors(is_unknown)[0 if is_unknown[y, x] else 1]
            scores = np.array([scale * embedded[:, y, x] @ key for key in keys]) / np.sqrt(features.shape[0] / 2)
            weights.append(np.exp(scores - scores.max()) / np.exp(scores - scores.max()).sum())
    return np.array(weights)


def slow_attended(weights, features):
    """Return the attended features: weighted means of the means over 4 x 4 squares."""
    channels, height, width = features.shape
    means = np.array(
        [features[:, y : y + 4, x : x + 4].mean(axis=(1, 2)) for y in range(0, height, 4) for x in range(0, width, 4)]
    )
    return (weights @ means).T.reshape(channels, height, width)


class TestAttention:
    @pytest.mark.parametrize(
        "share",
        [0.01, 0.15, 0.6, 1.0, 0.0, None],
        ids=["one unknown", "some", "most", "all unknown", "all known", "no trimap"],
    )
    def test_as_by_loops(self, share):
        attention, features = scene()
        is_unknown = None
        if share is not None:
            places = torch.randperm(96, generator=torch.Generator().manual_seed(1)).view(8, 12)
            is_unknown = (places < round(share * 96)).expand(2, 1, 8, 12)
        with torch.no_grad():
            result = attention(features, is_unknown)
            for k in range(2):
                weights = slow_weights(
                    attention, features[k].numpy(), None if is_unknown is None else is_unknown[k, 0].numpy()
                )
                assert_close(attention.weights(features, is_unknown)[k], weights)
                attended = torch.from_numpy(slow_attended(weights, features[k].numpy()))
                assert_close(result[k], features[k] + attention.mix(attended[None])[0])

    @pytest.mark.slow
    def test_published_number_of_parameters(self, published):
        """Table 6: 25,984 in all; the split into parts follows from the text of the table."""
        attention = published.attention
        counts = [
            sum(parameter.numel() for parameter in part.parameters())
            for part in (attention.embed, attention.shrink, attention.mix)
        ]
        assert counts == [8_256, 1_088, 16_640]
        assert sum(parameter.numel() for parameter in attention.parameters()) == 25_984

    def test_clipping_of_the_region_factors(self):
        """One unknown position of 4096: sqrt(1 / 4095) is clipped to 0.1, and the factor of known positions to 10."""
        attention, features = scene((64, 64))
        features *= 0.02  # no weight rounds to 0
        is_unknown = torch.zeros(1, 1, 64, 64, dtype=torch.bool)
        is_unknown[..., 5, 7] = True
        with torch.no_grad():
            plain = attention.weights(features[:1]).log()
            scaled = attention.weights(features[:1], is_unknown).log()
        place = 5 * 64 + 7
        for at, factor in ((place, 0.1), (place + 1, 10.0)):
            assert_close(scaled[0, at] - scaled[0, at, :1], factor * (plain[0, at] - plain[0, at, :1]), 1e-8)

    def test_gradients(self):
        attention, features = scene((4, 8), 4)
        is_unknown = torch.arange(32).view(1, 1, 4, 8).expand(2, -1, -1, -1) < 9
        assert torch.autograd.gradcheck(lambda x: attention(x, is_unknown), features.requires_grad_())

    def test_dropout_in_training_only(self):
        attention, features = scene()
        with torch.no_grad():
            assert torch.equal(attention(features), attention(features))
            attention.train()
            assert not torch.equal(attention(features), attention(features))

    def test_weights_are_float32_under_autocast(self):
        attention, features = scene()
        attention.float()
        seen = []
        attention.weights = lambda *args: seen.append(NonlocalAttention.weights(attention, *args)) or seen[-1]
        with torch.autocast("cpu", torch.bfloat16), torch.no_grad():
            attention(features.float())
        assert seen[0].dtype == torch.float32


class TestNetwork:
    def test_features(self, published):
        """Channels and resolutions as published (Figs. S4 and S8), for a width of 32 at the top."""
        shapes = {}
        hooks = [
            module.register_forward_hook(lambda _, __, output, name=name: shapes.update({name: output.shape}))
            for name, module in published.named_modules()
            if name.count(".") <= 2
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
            "attention": (128, 8),
            "down.2": (256, 16),
            "down.3": (512, 32),
            "up.0": (256, 16),
            "up.1": (128, 8),
            "up.2": (64, 4),
            "up.3": (32, 2),
            "last": (32, 1),
            "head": (1, 1),
            "refinement.enter": (1, 1),
            **{f"refinement.down.{k}": (64, 1 << k) for k in range(4)},
            "refinement.bottom": (64, 16),
            **{f"refinement.up.{k}": (64, 8 >> k) for k in range(4)},
            "refinement.head": (1, 1),
        }
        found = {name: shapes[name] for name in expected}
        assert found == {name: (1, n, 64 // by, 96 // by) for name, (n, by) in expected.items()}
        assert [len(stage) for stage in published.down] == [3, 4, 4, 2]
        assert [len(stage) for stage in published.up] == [2, 3, 3, 2]

    def test_attention_gets_the_unknown_pixels(self):
        network, (image, _) = tiny(), inputs((64, 64))
        seen = []
        network.attention.register_forward_pre_hook(lambda _, arguments: seen.append(arguments[1]))
        trimap = torch.ones(1, 1, 64, 64)
        trimap[:, :, :16, :24] = 0.5
        with torch.no_grad():
            network(image, trimap)
            tiny(trimap=False)(image)
        assert seen[0].shape == (1, 1, 8, 8)
        assert torch.equal(seen[0], trimap[:, :, ::8, ::8] == 0.5)

    def test_gradient_reaches_every_parameter(self):
        network = tiny().train()
        sum(
            weight * alpha.square().sum() for weight, alpha in network.weighted_alphas(*inputs((64, 64), batch=2))
        ).backward()
        assert [
            key for key, parameter in network.named_parameters() if parameter.grad is None or not parameter.grad.any()
        ] == []

    def test_refined_is_coarse_plus_residual(self):
        network, batch = tiny(), inputs((40, 50))
        with torch.no_grad():
            (half, coarse), (other, refined) = network.weighted_alphas(*batch)
            alpha = network(*batch)
            plain = tiny(refinement=False)
            plain.load_state_dict(network.state_dict(), strict=False)
            assert half == other == 0.5
            assert torch.equal(plain(*batch), coarse)
            assert torch.equal(alpha, refined.clamp(0, 1))
            assert not torch.equal(refined, coarse)
            network.refinement.head.weight.zero_()
            network.refinement.head.bias.fill_(0.25)
            assert_close(network(*batch), (coarse + 0.25).clamp(0, 1))

    def test_without_attention_it_is_the_same_network_but_for_that(self, tmp_path):
        """A batch norm of weight 0 ends the attention, so that it adds nothing."""
        whole, batch = tiny(), inputs((40, 50))
        torch.nn.init.zeros_(whole.attention.mix[1].weight)
        plain = tiny(attention=False)
        shared = {name: value for name, value in whole.state_dict().items() if not name.startswith("attention.")}
        plain.load_state_dict(shared)  # nothing else is missing or left over
        with torch.no_grad():
            assert torch.equal(plain(*batch), whole(*batch))
            torch.nn.init.ones_(whole.attention.mix[1].weight)
            assert not torch.equal(plain(*batch), whole(*batch))
            plain.save_pretrained(tmp_path)
            assert torch.equal(networks.load_network(tmp_path)(*batch), plain(*batch))

    def test_training_without_attention(self):
        config = TrainingConfig(paradigm="nonlocal", network="net_m", size="tiny", attention=False)
        assert new_network(config).attention is None
        with pytest.raises(ValueError, match="attention is False, expected True for network 'gca': only net_m, joint"):
            TrainingConfig(paradigm="nonlocal", network="gca", size="tiny", attention=False)

    @pytest.mark.parametrize("trimap", ["one-hot", True, False])
    @pytest.mark.parametrize("shape", [(64, 96), (47, 81), (1, 1)])
    def test_any_size_saved_and_loaded(self, trimap, shape, tmp_path):
        network, batch = tiny(trimap=trimap), inputs(shape, trimap, batch=2)
        network.save_pretrained(tmp_path)
        config = json.loads((tmp_path / "config.json").read_text())
        expected = {"network": "net_m", "width": 5 / 32, "trimap": trimap, "refinement": True, "attention": True}
        assert config == expected
        with torch.no_grad():
            alpha = network(*batch)
            assert torch.equal(networks.load_network(tmp_path)(*batch), alpha)
        assert alpha.shape == (2, 1, *shape)
        assert 0 <= alpha.min() < alpha.max() <= 1

    @pytest.mark.parametrize(
        ("call", "message"),
        [
            (lambda: networks.net_m("huge"), "size is 'huge', expected 'resnet34' or 'tiny'"),
            (lambda: networks.net_m("tiny", trimap=2), "trimap is 2, expected False, True or 'one-hot'"),
        ],
        ids=["size", "trimap"],
    )
    def test_bad_options(self, call, message):
        with pytest.raises(ValueError, match=message):
            call()
