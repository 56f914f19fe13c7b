"""MatteFormer: its attention, prior tokens and refinement, and properties that every network needs."""

import json

import cv2
import numpy as np
import pytest
import torch
from torch.nn.functional import linear
from torch.nn.utils.parametrize import is_parametrized

from hybridmatte import networks
from hybridmatte.networks.matte_former import MattingFormer, matteformer
from hybridmatte.networks.prior_attention import PriorAttention, PriorBlock, region_means, separated_pairs
from tests.synthetic import soft_disk
from tests.tolerances import assert_close

ALL_SIX = pytest.mark.parametrize("trimap", ["one-hot", True])


def small(seed=0, **options):
    """Return a network in evaluation mode, with residual paths that are not 0, as they would be before training."""
    torch.manual_seed(seed)
    network = MattingFormer(
        **{
            "channels": 8,
            "depths": (2, 1, 3, 1),
            "heads": (1, 2, 2, 4),
            "drop_path": 0.0,
            "decoder": (16, 12, 8, 8, 8),
            **options,
        }
    )
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
    return network.eval()


def inputs(shape, batch=1, seed=0):
    """Return noise and a trimap of 8 x 8 pixel blocks."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.randint(3, (batch, 1, *(-(-side // 8) for side in shape)), generator=generator) / 2
    trimap = coarse.repeat_interleave(8, 2).repeat_interleave(8, 3)[:, :, : shape[0], : shape[1]]
    return torch.rand((batch, 3, *shape), generator=generator), trimap


def tokens_and_regions(height, width, channels=8, seed=0):
    """Return random tokens (1, H, W, C) and three random regions (1, 3, H, W) that cover them."""
    generator = torch.Generator().manual_seed(seed)
    tokens = torch.randn((1, height, width, channels), generator=generator)
    label = torch.randint(3, (1, 1, height, width), generator=generator)
    return tokens, label == torch.arange(3)[:, None, None]


def watched(network, kind):
    """Return a list that collects (inputs, output) of each module of a class, in the order of execution."""
    seen = []
    for module in network.modules():
        if isinstance(module, kind):
            module.register_forward_hook(lambda _, taken, given: seen.append((taken, given)))
    return seen


class TestSize:
    @pytest.mark.slow
    def test_published(self):
        """44.8 million; as in the released code, the count includes the two vectors of each spectral norm."""
        network = matteformer()
        count = sum(parameter.numel() for parameter in network.parameters())
        vectors = sum(buffer.numel() for name, buffer in network.named_buffers() if name.endswith(("_u", "_v")))
        assert count + vectors == pytest.approx(44.8e6, rel=5e-4)
        assert count == 44_747_130

    def test_tiny(self):
        assert 0.5e6 < sum(parameter.numel() for parameter in matteformer("tiny").parameters()) < 1e6

    @ALL_SIX
    def test_strides(self, trimap):
        network = small(trimap=trimap)
        planes = network.join(*inputs((64, 96)))
        assert planes.shape[1] == (6 if trimap == "one-hot" else 4)
        with torch.no_grad():
            features = network.encoder(planes, network._regions(planes))
            sides = network.side_outputs(planes)
        assert [tuple(feature.shape[1:]) for feature in features] == [
            (8, 16, 24),
            (8, 16, 24),
            (16, 8, 12),
            (32, 4, 6),
            (64, 2, 3),
        ]
        assert [side.shape for side in sides] == [(1, 1, 64, 96)] * 3
        assert all(0 <= side.min() < side.max() <= 1 for side in sides)

    def test_alphas_of_the_heads(self):
        """Each head runs at its own resolution; its logit is enlarged, then mapped to [0, 1]."""
        network = small()
        heads = (network.decoder.head1, network.decoder.head4, network.decoder.head8)
        seen = []
        for head in heads:
            head.register_forward_hook(lambda _, taken, given: seen.append((taken[0].shape, given)))
        with torch.no_grad():
            sides = network.side_outputs(network.join(*inputs((64, 96))))
        for side, scale, (taken, given) in zip(sides, (1, 4, 8), reversed(seen), strict=True):
            assert taken == (1, 8, 64 // scale, 96 // scale)
            logit = torch.nn.Upsample(scale_factor=scale, mode="bilinear")(given)
            assert_close(side, (torch.tanh(logit) + 1) / 2)


class TestAttention:
    def test_number_of_tokens(self):
        """Block k of a stage attends to 49 + 3 (k + 1) tokens; a new stage starts with an empty memory."""
        network = small()
        seen = watched(network, torch.nn.Softmax)
        with torch.no_grad():
            network(*inputs((64, 96)))
        assert [taken[0].shape[3:] for taken, _ in seen] == [
            (49, 52),
            (49, 55),
            (49, 52),
            (49, 52),
            (49, 55),
            (49, 58),
            (49, 52),
        ]

    def test_naive_attention(self):
        """Against a computation for each head and window, with an independent table of relative positions."""
        torch.manual_seed(0)
        attention = PriorAttention(6, 2, 3)
        torch.nn.init.normal_(attention.position_bias)
        torch.nn.init.normal_(attention.prior_bias)
        windows, priors = torch.randn(2, 4, 49, 6), torch.randn(2, 3, 6)
        given, _ = attention(windows, priors, torch.zeros(2, 3, dtype=torch.bool))
        place = [(i // 7, i % 7) for i in range(49)]
        where = torch.tensor([[13 * (p[0] - q[0] + 6) + p[1] - q[1] + 6 for q in place] for p in place])
        for batch, window in ((0, 0), (1, 2)):
            own, everything = windows[batch, window], torch.cat([windows[batch, window], priors[batch]])
            weight, bias = attention.qkv.weight.view(3, 2, 3, 6), attention.qkv.bias.view(3, 2, 3)
            mixed = []
            for head in range(2):
                query, key, value = (
                    linear(tokens, weight[k, head], bias[k, head])
                    for k, tokens in enumerate((own, everything, everything))
                )
                extra = attention.prior_bias[:, head].expand(49, 3)
                scores = query @ key.T / 3**0.5 + torch.cat([attention.position_bias[where, head], extra], dim=1)
                mixed.append(scores.softmax(dim=1) @ value)
            expected = attention.projection(torch.cat(mixed, dim=1))
            assert_close(given[batch, window].detach(), expected.detach())

    def test_other_windows_have_an_effect_through_the_prior_tokens_only(self):
        """A distant token has an effect through its region's mean: two changes that cancel there change nothing."""
        torch.manual_seed(0)
        block, (tokens, _) = PriorBlock(8, 2, 0).eval(), tokens_and_regions(14, 21)
        regions = torch.zeros(1, 3, 14, 21, dtype=torch.bool)
        regions[:, 1] = True
        moved, cancelled = tokens.clone(), tokens.clone()
        moved[0, 9, 16] += 50 * tokens[0, 0, 0]
        cancelled[0, 9, 16] += 50 * tokens[0, 0, 0]
        cancelled[0, 13, 20] -= 50 * tokens[0, 0, 0]
        with torch.no_grad():
            before, by_one, by_two = (block(x, None, regions, None)[0][:, :7, :7] for x in (tokens, moved, cancelled))
            none = torch.zeros_like(regions)
            alone, alone_moved = (block(x, None, none, None)[0][:, :7, :7] for x in (tokens, moved))
        assert (by_one - before).abs().max() > 1e-3
        assert_close(by_two, before)
        assert torch.equal(alone, alone_moved)

    @pytest.mark.parametrize(
        ("index", "side", "bands"),
        [
            pytest.param(0, 16, [0] * 7 + [1] * 7 + [2] * 2, id="whole windows, padded"),
            pytest.param(1, 16, [0] * 3 + [1] * 7 + [2] * 6, id="shifted by three, padded"),
            pytest.param(1, 14, [0] * 3 + [1] * 7 + [2] * 4, id="shifted by three"),
        ],
    )
    def test_reach_without_regions(self, index, side, bands):
        """The gradient of one token reaches its own window only."""
        torch.manual_seed(0)
        block, (tokens, regions) = PriorBlock(8, 2, index).eval(), tokens_and_regions(side, side)
        memory = torch.zeros(1, 3, 8) if index else None
        tokens.requires_grad_()
        bands = torch.tensor(bands)
        for row, column in ((0, 0), (2, 5), (8, side - 1), (side - 1, 3), (10, side - 1)):
            out, _ = block(tokens, memory, torch.zeros_like(regions), separated_pairs(side, side))
            (gradient,) = torch.autograd.grad(out[0, row, column].square().sum(), tokens)
            expected = (bands == bands[row])[:, None] & (bands == bands[column])
            assert torch.equal((gradient[0] != 0).any(dim=2), expected)


class TestPriorTokens:
    def test_means(self):
        tokens, regions = tokens_and_regions(5, 9)
        expected = np.stack([tokens[0].numpy()[region].mean(axis=0) for region in regions[0].numpy()])
        assert_close(region_means(tokens, regions)[0], expected)

    def test_each_block_adds_the_means_of_its_own_tokens(self):
        """The order is unknown, background, foreground; regions are the trimap's pixels at the stride of the stage."""
        network, (image, trimap) = small(), inputs((64, 96), batch=2)
        seen = watched(network, PriorBlock)
        taken_by_norms = []
        for stage in network.encoder.stages:
            for block in stage.blocks:
                block.norm1.register_forward_hook(lambda _, taken, __: taken_by_norms.append(taken[0]))
        with torch.no_grad():
            network(image, trimap)
        memories = [taken for taken in taken_by_norms if taken.ndim == 3]
        strides = [4, 4, 8, 16, 16, 16, 32]
        for stride, memory, (taken, _) in zip(strides, memories, seen, strict=True):
            tokens, before = taken[:2]
            label = trimap[:, 0, ::stride, ::stride]
            for b, (row, value) in ((b, pair) for b in range(2) for pair in enumerate((0.5, 0.0, 1.0))):
                chosen = tokens[b][label[b] == value]
                expected = chosen.mean(dim=0) if len(chosen) else torch.zeros(tokens.shape[3])
                assert_close(memory[b, row - 3], expected)
            assert before is None or torch.equal(memory[:, :-3], before)
        assert [taken[1] is None for taken, _ in seen] == [True, False, True, True, False, False, True]

    def test_memory_goes_through_the_block(self):
        """A memory token is updated by its own attention value and by the perceptron."""
        torch.manual_seed(0)
        block, (tokens, regions) = PriorBlock(8, 2, 0).eval(), tokens_and_regions(7, 7)
        with torch.no_grad():
            _, memory = block(tokens, None, regions, None)
            mean = region_means(tokens, regions)
            value = block.attention.qkv(block.norm1(mean))[..., 16:]
            mean = mean + block.attention.projection(value)
            expected = mean + block.mlp(block.norm2(mean))
        assert_close(memory, expected)

    @pytest.mark.slow
    @pytest.mark.parametrize("missing", [(0.0,), (0.5,), (0.0, 1.0), (0.5, 1.0)])
    def test_empty_regions(self, missing):
        """An empty region gets no weight, now or in the memory; other regions do. Values and gradients are finite."""
        network, (image, trimap) = small().train(), inputs((64, 96), batch=2)
        present = next(value for value in (1.0, 0.0, 0.5) if value not in missing)
        for value in missing:
            trimap[trimap == value] = present
        trimap[1] = inputs((64, 96), seed=3)[1]  # the second image has all regions at strides 4 and 8
        seen = watched(network, torch.nn.Softmax)
        network(image, trimap).sum().backward()
        assert all(parameter.grad is None or parameter.grad.isfinite().all() for parameter in network.parameters())
        for _, weights in seen[:3]:
            far = weights[..., 49:].amax(dim=(1, 2, 3))
            is_empty = torch.tensor([value in missing for value in (0.5, 0.0, 1.0)]).repeat(far.shape[1] // 3)
            assert (far[0, is_empty] == 0).all()
            assert (far[0, ~is_empty] > 0).all()
            assert (far[1] > 0).all()

    def test_trimap_as_a_plane_or_one_hot_has_the_same_regions(self):
        image, trimap = inputs((32, 64))
        regions = [network._regions(network.join(image, trimap)) for network in (small(), small(trimap=True))]
        assert torch.equal(*regions)
        assert torch.equal(regions[0], torch.cat([trimap == value for value in (0.5, 0.0, 1.0)], dim=1))


class TestRefinement:
    def test_certain_pixels_stay_coarse(self, monkeypatch):
        """Against OpenCV's dilation by disks of 15 and 7 pixels."""
        generator = torch.Generator().manual_seed(0)
        os8 = (torch.rand((2, 1, 64, 96), generator=generator) > 0.5).float()
        os8[0, 0, 20, 30], os8[1, 0, 0, 95], os8[1, 0, 40:44, 40] = 0.5, 0.01, 0.99
        os8[0, 0, 60, 60] = 1 - 0.5 / 255  # certain
        os4 = (torch.rand((2, 1, 64, 96), generator=generator) > 0.03).float() * 0.998
        os4[0, 0, 22, 28] = 0.3
        os1 = torch.rand((2, 1, 64, 96), generator=generator)
        network = small()
        monkeypatch.setattr(network, "side_outputs", lambda _: (os1, os4, os8))
        alpha = network.estimate(None)
        for k in range(2):
            expected = os8[k, 0].numpy()
            for finer, diameter in ((os4, 15), (os1, 7)):
                disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (diameter, diameter))
                is_between = (expected >= 1 / 255) & (expected <= 1 - 1 / 255)
                expected = np.where(cv2.dilate(is_between.astype(np.uint8), disk), finer[k, 0].numpy(), expected)
            assert np.array_equal(alpha[k, 0].numpy(), expected)
            assert (expected == os8[k, 0].numpy()).mean() > 0.5

    @pytest.mark.slow
    def test_alpha_before_training_is_the_finest(self):
        """No pixel is certain before training, so every pixel is refined."""
        network = small()
        planes = network.join(*inputs((64, 64)))
        with torch.no_grad():
            os1, os4, os8 = network.side_outputs(planes)
            assert torch.equal(network.estimate(planes), os1)
            assert torch.equal(network.train().estimate(planes) > 0, os1 > 0)
        assert not torch.equal(os4, os8)


class TestNetwork:
    @pytest.mark.slow
    @ALL_SIX
    @pytest.mark.parametrize("shape", [(64, 96), (47, 81), (9, 70)])
    def test_any_size(self, trimap, shape):
        with torch.no_grad():
            alpha = small(trimap=trimap)(*inputs(shape, batch=2))
        assert alpha.shape == (2, 1, *shape)
        assert 0 <= alpha.min() < alpha.max() <= 1

    def test_batch_of_two_is_two_batches_of_one(self):
        network, (image, trimap) = small(), inputs((64, 96), batch=2)
        trimap[0][trimap[0] == 1] = 0.5
        with torch.no_grad():
            together = network(image, trimap)
            alone = torch.cat([network(image[k : k + 1], trimap[k : k + 1]) for k in range(2)])
        assert_close(together, alone)

    @pytest.mark.slow
    def test_gradient_reaches_every_parameter(self):
        network, (image, trimap) = small().train(), inputs((64, 96), batch=2)
        sides = network.side_outputs(network.join(image, trimap))
        sum((side - target).square().mean() for side, target in zip(sides, (0.1, 0.5, 0.9), strict=True)).backward()
        unreached = [name for name, parameter in network.named_parameters() if not parameter.grad.abs().max() > 0]
        assert unreached == []

    @pytest.mark.slow
    @ALL_SIX
    def test_saved_and_loaded(self, trimap, tmp_path):
        network = small(trimap=trimap)
        network.save_pretrained(tmp_path)
        config = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
        assert config["network"] == "matteformer"
        assert config["trimap"] == trimap
        loaded = MattingFormer.from_pretrained(str(tmp_path)).eval()
        with torch.no_grad():
            assert torch.equal(loaded(*inputs((40, 50))), network(*inputs((40, 50))))

    def test_half_precision(self):
        network, batch = small(), inputs((64, 96), batch=2)
        with torch.no_grad():
            expected = network(*batch)
            with torch.autocast("cpu", dtype=torch.bfloat16):
                alpha = network(*batch)
        assert alpha.dtype == torch.float32
        assert 0 < (alpha - expected).abs().max() < 0.05  # bfloat16 has 8 bits

    @pytest.mark.slow
    def test_training_in_half_precision(self):
        network = small().train()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = network(*inputs((64, 64), batch=2)).square().mean()
        loss.backward()
        assert all(parameter.grad.isfinite().all() for parameter in network.parameters())

    def test_layer_depths(self):
        network = small()
        depths = network.layer_depths()
        assert set(depths) == {name for name, _ in network.named_parameters()}
        assert set(depths.values()) == set(range(9))
        assert depths["encoder.embedding.weight"] == depths["encoder.norm.bias"] == 0
        assert depths["encoder.stages.0.blocks.1.attention.qkv.weight"] == 2
        assert depths["encoder.stages.2.merging.reduction.weight"] == 4
        assert depths["encoder.stages.2.blocks.0.norm1.weight"] == 4
        assert depths["encoder.stages.3.blocks.0.mlp.fc1.weight"] == 7
        assert depths["encoder.stages.3.norm.weight"] == depths["decoder.head1.3.bias"] == 8

    def test_image_and_trimap_both_matter(self):
        network, (image, trimap) = small(), inputs((64, 64))
        with torch.no_grad():
            alpha = network(image, trimap)
            assert not torch.equal(alpha, network(1 - image, trimap))
            assert not torch.equal(alpha, network(image, 1 - trimap))

    def test_spectral_norm_is_one(self):
        """Of every normed convolution, as a matrix with a row for each first index, after the power iteration."""
        network = small().train()
        normed = [module for module in network.modules() if is_parametrized(module)]
        assert len(normed) == 6 * 2 + 10 * 2 + 4 + 1  # shortcuts, residual blocks, their shortcuts, the last
        for convolution in normed:
            for _ in range(200):
                weight = convolution.weight.detach()
            assert torch.linalg.matrix_norm(weight.flatten(1), 2).item() == pytest.approx(1, abs=1e-3)

    @pytest.mark.parametrize(
        ("call", "message"),
        [
            (lambda: matteformer("huge"), "size is 'huge', expected 'swin_tiny' or 'tiny'"),
            (
                lambda: matteformer("tiny", trimap=False),
                "trimap is False, expected 'one-hot' or True: the prior tokens",
            ),
            (lambda: matteformer("tiny", trimap=2), "trimap is 2, expected False, True or 'one-hot'"),
            (lambda: small(network="unet"), "network is 'unet', expected 'matteformer'"),
        ],
        ids=["size", "no trimap", "trimap", "network"],
    )
    def test_bad_options(self, call, message):
        with pytest.raises(ValueError, match=message):
            call()

    @pytest.mark.slow
    def test_onnx_gives_the_same_alpha(self, tmp_path):
        """At another size than that of the export; takes a minute."""
        onnxruntime = pytest.importorskip("onnxruntime")
        network, scene, path = small(depths=(2, 1, 1, 1)), soft_disk((61, 83)), tmp_path / "network.onnx"
        assert networks.export_onnx(network, path, scene.image, scene.trimap) < 1e-5
        image, trimap = inputs((160, 96), batch=3)
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        (alpha,) = session.run(None, {"image": image.numpy(), "trimap": trimap.numpy()})
        with torch.no_grad():
            assert np.abs(alpha - network(image, trimap).numpy()).max() < 1e-5
