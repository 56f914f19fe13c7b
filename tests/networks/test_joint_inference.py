"""Net-T, the three fusions, and joint inference by both networks."""

import json

import numpy as np
import pytest
import torch

from hybridmatte import networks
from hybridmatte.networks.joint_inference import trimap_of
from hybridmatte.networks.trimap_network import with_segmentation
from tests.synthetic import soft_disk
from tests.tolerances import assert_close


def inputs(shape, batch=1):
    generator = torch.Generator().manual_seed(0)
    return tuple(torch.rand((batch, planes, *shape), generator=generator) for planes in (3, 1))


def joint(fusion="soft", size="tiny"):
    torch.manual_seed(0)
    network = networks.JointInference(networks.net_t(size), networks.net_m("tiny"), fusion).eval()
    return network


def with_bands(network):
    """Replace Net-T by a function with background on the left, foreground on the right and unknown between."""

    def logits(image, _):
        across = torch.linspace(-3, 3, image.shape[3])
        return torch.stack([-across, torch.ones_like(across), across])[None, :, None].expand(
            len(image), 3, *image.shape[2:]
        )

    network.net_t.forward = logits
    return network


class TestTrimapNetwork:
    def test_features(self):
        """Channels and resolutions as published (Fig. S3), and the dilations of the last stage."""
        torch.manual_seed(0)
        network, shapes = networks.net_t().eval(), {}
        hooks = [
            module.register_forward_hook(lambda _, __, output, name=name: shapes.update({name: output.shape}))
            for name, module in network.named_modules()
            if name and not name.endswith("encoder")
        ]
        with torch.no_grad():
            assert network(*inputs((64, 96))).shape == (1, 3, 64, 96)
        for hook in hooks:
            hook.remove()
        expected = {
            "encoder.conv1": (64, 2),
            "encoder.layer1": (256, 4),
            "encoder.layer2": (512, 8),
            "encoder.layer3": (1024, 16),
            "encoder.layer4": (2048, 16),
            "pyramid": (256, 16),
            "low": (48, 4),
            "middle": (48, 4),
            "join": (256, 4),
            "head": (3, 4),
        }
        found = {name: shapes[name] for name in expected}
        assert found == {name: (1, n, 64 // by, 96 // by) for name, (n, by) in expected.items()}
        assert [block.conv2.dilation for block in network.encoder.layer4] == [(1, 1), (2, 2), (1, 1)]
        assert [block.conv2.padding for block in network.encoder.layer4] == [(1, 1), (2, 2), (1, 1)]
        assert [branch[0].dilation[0] for branch in network.pyramid[0].branches] == [1, 6, 12, 18]

    def test_last_convolution_commutes_with_the_enlargement(self):
        """The paper enlarges 256 channels before the last convolution; enlarging its 3 outputs is equal and cheaper."""
        torch.manual_seed(0)
        network, batch, joined = networks.net_t("tiny").eval(), inputs((64, 96)), []
        network.join.register_forward_hook(lambda _, __, output: joined.append(output))
        with torch.no_grad():
            logits = network(*batch)
            wide = torch.nn.functional.interpolate(joined[0], (64, 96), mode="bilinear", align_corners=False)
            assert_close(logits, network.head(wide))

    def test_segmentation_starts_from_the_first_two_planes(self):
        network = networks.net_t()
        weights = {
            name: tensor[:, :3] if name == "conv1.weight" else tensor
            for name, tensor in network.encoder.state_dict().items()
        }
        network.encoder.load_state_dict(with_segmentation(weights))
        first = network.encoder.conv1.weight
        assert torch.equal(first[:, 3:], first[:, :2])
        assert torch.equal(first[:, :3], weights["conv1.weight"])

    @pytest.mark.parametrize("shape", [(64, 96), (47, 81), (1, 1)])
    def test_any_size_saved_and_loaded(self, shape, tmp_path):
        network = networks.net_t("tiny").eval()
        network.save_pretrained(tmp_path)
        assert json.loads((tmp_path / "config.json").read_text()) == {"network": "net_t", "size": "tiny"}
        with torch.no_grad():
            logits = network(*inputs(shape, 2))
            assert torch.equal(networks.load_network(tmp_path)(*inputs(shape, 2)), logits)
        assert logits.shape == (2, 3, *shape)

    def test_gradient_reaches_every_parameter(self):
        network = networks.net_t("tiny").train()
        for norm in network.modules():
            if isinstance(norm, torch.nn.BatchNorm2d):
                torch.nn.init.uniform_(norm.weight, 0.5, 1.5)  # residual blocks start at 0
        network(*inputs((64, 64), 2)).square().sum().backward()
        assert [
            key for key, parameter in network.named_parameters() if parameter.grad is None or not parameter.grad.any()
        ] == []

    def test_learns_the_band_of_a_disk(self):
        torch.manual_seed(0)
        network, scene = networks.net_t("tiny").train(), soft_disk((64, 64), seed=0)
        image = torch.from_numpy(scene.image.transpose(2, 0, 1))[None].repeat(2, 1, 1, 1).float()
        mask = torch.from_numpy(scene.alpha > 0.5)[None, None].repeat(2, 1, 1, 1).float()
        classes = torch.from_numpy(np.digitize(scene.trimap, [0.25, 0.75]))[None].repeat(2, 1, 1)
        optimizer, losses = torch.optim.AdamW(network.parameters(), 3e-3), []
        for _ in range(15):
            losses.append(torch.nn.functional.cross_entropy(network(image, mask), classes))
            optimizer.zero_grad()
            losses[-1].backward()
            optimizer.step()
        assert losses[-1] < 0.5 * losses[0]

    @pytest.mark.parametrize(
        ("call", "error", "message"),
        [
            (lambda: networks.net_t("huge"), ValueError, "size is 'huge', expected 'resnet50' or 'tiny'"),
            (
                lambda: networks.net_t("tiny", pretrained=True),
                ValueError,
                "expected 'resnet50' with pretrained weights",
            ),
            (
                lambda: networks.net_t("tiny")(torch.rand(1, 3, 8, 8), torch.rand(1, 1, 8, 9)),
                ValueError,
                r"segmentation has shape \(1, 1, 8, 9\)",
            ),
        ],
        ids=["size", "pretrained", "shape"],
    )
    def test_bad_input(self, call, error, message):
        with pytest.raises(error, match=message):
            call()


class TestFusion:
    def probabilities(self):
        """Return the probabilities of background, unknown and foreground of three pixels; each is largest in one."""
        return torch.tensor([[0.7, 0.2, 0.1], [0.1, 0.5, 0.4], [0.0, 0.1, 0.9]]).T[None, :, None]

    @pytest.mark.parametrize(
        ("fusion", "expected"),
        [
            ("soft", [0.8 * 0.1 / 0.8 + 0.2 * 0.6, 0.5 * 0.4 / 0.5 + 0.5 * 0.6, 0.9 + 0.1 * 0.6]),
            ("soft_sum", [0.1 + 0.2 * 0.6, 0.4 + 0.5 * 0.6, 0.9 + 0.1 * 0.6]),
            ("hard", [0.0, 0.6, 1.0]),
        ],
    )
    def test_by_hand(self, fusion, expected):
        fused = networks.fuse(self.probabilities(), torch.full((1, 1, 1, 3), 0.6), fusion)
        assert_close(fused.flatten(), np.float32(expected))

    def test_certainly_unknown_is_alpha(self):
        sure = torch.tensor([0.0, 1.0, 0.0]).view(1, 3, 1, 1)
        for fusion in ("soft", "soft_sum", "hard"):
            assert networks.fuse(sure, torch.full((1, 1, 1, 1), 0.3), fusion) == 0.3

    def test_trimap(self):
        assert trimap_of(self.probabilities()).flatten().tolist() == [0.0, 0.5, 1.0]

    def test_gradient_reaches_both_networks_through_soft_fusion(self):
        network = joint().train()
        network(*inputs((64, 64), 2)).sum().backward()
        for part in (network.net_t.head.weight, network.net_m.head.weight):
            assert part.grad.any()


class TestJointInference:
    @pytest.mark.slow
    @pytest.mark.parametrize("fusion", ["soft", "soft_sum", "hard"])
    def test_is_the_fusion_of_both_networks(self, fusion):
        network, (image, mask) = with_bands(joint(fusion)), inputs((48, 64), 2)
        with torch.no_grad():
            probabilities = network.net_t(image, mask).softmax(dim=1)
            trimap = probabilities.argmax(dim=1, keepdim=True) / 2
            assert {0.0, 0.5, 1.0} == set(trimap.unique().tolist())
            expected = networks.fuse(probabilities, network.net_m(image, trimap), fusion)
            assert_close(network(image, mask), expected)
            alpha, found = network.predict(image, mask)
        assert_close(alpha, expected)
        assert torch.equal(found, trimap)

    @pytest.mark.slow
    def test_arrays_and_tiles(self):
        network, scene = with_bands(joint("hard")), soft_disk((90, 120), seed=1)
        alpha, trimap = network.predict(scene.image, scene.alpha > 0.5)
        assert alpha.shape == trimap.shape == (90, 120)
        assert alpha.dtype == np.float32
        assert (alpha[trimap != 0.5] == trimap[trimap != 0.5]).all()
        tiles, same = network.predict(scene.image, scene.alpha > 0.5, max_pixels=4096)
        assert (same == trimap).all()
        assert 0 < np.abs(tiles - alpha).max() < 0.5

    @pytest.mark.slow
    def test_known_tiles_count_as_known(self):
        """In a tile without an unknown pixel, soft fusion uses the trimap's value as alpha, not 0."""
        network, scene = joint("soft_sum"), soft_disk((80, 256), seed=1)
        alpha, trimap = with_bands(network).predict(scene.image, scene.alpha > 0.5, max_pixels=4096)
        background, unknown, foreground = torch.tensor([-3.0, 1.0, 3.0]).softmax(dim=0).tolist()
        assert_close(alpha[:, -1], np.full(80, foreground + unknown, np.float32))
        assert_close(alpha[:, 0], np.full(80, background, np.float32))

    def test_large_images_are_shrunk_for_net_t(self):
        network, seen = joint("hard"), []
        network.net_t.register_forward_pre_hook(lambda _, arguments: seen.extend(x.shape for x in arguments))
        alpha, _ = network.predict(np.zeros((8, 2048, 3)), np.zeros((8, 2048)))
        assert alpha.shape == (8, 2048)
        assert seen == [(1, 3, 4, 1024), (1, 1, 4, 1024)]

    def test_saved_and_loaded(self, tmp_path):
        network, batch = joint("soft_sum"), inputs((40, 50))
        network.save_pretrained(tmp_path)
        again = networks.load_network(tmp_path)
        assert again.fusion == "soft_sum"
        assert not again.training
        with torch.no_grad():
            assert torch.equal(again(*batch), network(*batch))

    @pytest.mark.parametrize(
        ("call", "message"),
        [
            (lambda: joint("both"), "fusion is 'both'"),
            (
                lambda: networks.JointInference(networks.net_t("tiny"), networks.net_m("tiny", trimap=False)),
                "net_m is a .* that takes no trimap",
            ),
            (
                lambda: networks.JointInference(networks.net_m("tiny"), networks.net_t("tiny")),
                "net_t is a MattingNonlocal, expected a TrimapNetwork; net_t and net_m are exchanged",
            ),
            (lambda: joint().predict(np.zeros((8, 8, 3)), np.eye(8, dtype=np.uint8)), "mask has no value above 0.0039"),
            (lambda: joint().predict(np.zeros((8, 8, 3)), np.zeros((8, 9))), r"mask has shape \(8, 9\)"),
            (lambda: joint().predict(torch.zeros(1, 3, 8, 8), torch.full((1, 1, 8, 8), 2.0)), "mask has values from 2"),
        ],
        ids=["fusion", "no trimap", "swapped", "labels", "shape", "range"],
    )
    def test_bad_input(self, call, message):
        with pytest.raises(ValueError, match=message):
            call()
