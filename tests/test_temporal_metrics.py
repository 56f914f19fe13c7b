"""Temporal metrics: properties, values computed by hand, pixel-by-pixel oracles, bounded memory, and bad clips."""

import tracemalloc
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import baselines.metrics as oracle
import hybridmatte
from hybridmatte import dtssd, messddt
from tests.synthetic import soft_disk
from tests.tolerances import assert_close

METRICS = [pytest.param(metric, id=metric.__name__) for metric in (dtssd, messddt)]
SHAPE, COUNT = (13, 29), 5


class Clip:
    """A clip of random alphas, true alphas, trimaps and motion."""

    def __init__(self, seed=0, shape=SHAPE, count=COUNT):
        generator = np.random.default_rng(seed)
        self.alphas, self.targets = generator.random((2, count, *shape), dtype=np.float32)
        self.trimaps = generator.choice(np.float32([0, 0.5, 1]), (count, *shape))
        self.flows = generator.uniform(-6, 6, (count - 1, *shape, 2))
        self.planes = self.alphas, self.targets, self.trimaps


def moved(plane, right, down):
    return np.roll(plane, (down, right), axis=(0, 1))


@pytest.mark.parametrize("metric", METRICS)
class TestBoth:
    def test_public(self, metric):
        assert getattr(hybridmatte, metric.__name__) is metric

    def test_zero_for_the_true_alphas(self, metric):
        clip = Clip()
        assert metric(clip.targets, clip.targets, clip.trimaps) == 0.0

    def test_symmetric_and_positive(self, metric):
        clip = Clip(1)
        error = partial(metric, flows=clip.flows) if metric is messddt else metric
        forth = error(clip.alphas, clip.targets, clip.trimaps)
        assert isinstance(forth, float)
        assert forth > 0.0
        assert error(clip.targets, clip.alphas, clip.trimaps) == pytest.approx(forth, rel=1e-12)

    def test_zero_for_one_error_in_every_frame_of_a_still(self, metric):
        """What is wrong in the same way in every frame does not flicker."""
        alpha, target = Clip(2).alphas[0] / 2, Clip(3).alphas[0] / 2
        assert metric([alpha] * 4, [target] * 4, region="whole") == 0.0

    def test_an_iterator_is_read_once(self, metric):
        clip = Clip(4)
        expected = metric(*clip.planes)
        assert metric(*(iter(planes) for planes in clip.planes)) == expected
        assert metric(*((plane for plane in planes) for planes in clip.planes)) == expected

    def test_integers_are_scaled(self, metric):
        planes = [np.rint(255 * plane).astype(np.uint8) for plane in Clip(5).planes]
        floats = [plane / np.float32(255) for plane in planes]
        flows = {"flows": Clip(5).flows} if metric is messddt else {}
        assert metric(*planes, **flows) == pytest.approx(metric(*floats, **flows), rel=1e-6)

    def test_region_matters(self, metric):
        clip = Clip(6)
        unknown, whole = metric(*clip.planes), metric(*clip.planes[:2], region="whole")
        assert unknown != pytest.approx(whole, rel=1e-3)
        assert metric(*clip.planes, region="whole") == whole

    def test_the_region_is_that_of_the_earlier_frame(self, metric):
        """The trimap of the last frame changes nothing."""
        clip = Clip(7)
        changed = clip.trimaps.copy()
        changed[-1] = 0.5
        assert metric(*clip.planes[:2], changed) == metric(*clip.planes)

    def test_a_pair_without_unknown_pixels_is_left_out(self, metric):
        """An object that is out of the picture for a while does not make the error smaller."""
        clip = Clip(8, count=3)
        only_first = np.stack([clip.trimaps[0], np.zeros(SHAPE, np.float32), clip.trimaps[2]])
        pair = metric(clip.alphas[:2], clip.targets[:2], clip.trimaps[:2])
        assert metric(clip.alphas, clip.targets, only_first) == pair

    def test_inputs_are_not_modified(self, metric):
        clip = Clip(9)
        metric(*clip.planes)
        assert all(np.array_equal(ours, fresh) for ours, fresh in zip(clip.planes, Clip(9).planes, strict=True))

    def test_memory_does_not_grow_with_the_clip(self, metric):
        def peak(count):
            def planes(value):
                return (np.full((60, 80), value * (k % 2), np.float32) for k in range(count))

            tracemalloc.start()
            metric(planes(0.25), planes(0.5), region="whole")
            most = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            return most

        peak(3)
        assert peak(60) < 1.2 * peak(6)

    @pytest.mark.parametrize(
        ("change", "error", "message"),
        [
            pytest.param(
                {"alphas": np.zeros((4, *SHAPE))},
                ValueError,
                "alphas has 4 frames but targets has more",
                id="alphas end",
            ),
            pytest.param(
                {"targets": np.zeros((2, *SHAPE))},
                ValueError,
                "targets has 2 frames but alphas has more",
                id="targets end",
            ),
            pytest.param(
                {"trimaps": np.full((4, *SHAPE), 0.5)}, ValueError, "trimaps has 4 frames but alphas", id="trimaps end"
            ),
            pytest.param(
                {"targets": np.zeros((COUNT, 29, 13))},
                ValueError,
                r"targets\[0\] has shape \(29, 13\) but alphas\[0\] has",
                id="transposed",
            ),
            pytest.param(
                {"alphas": [*np.zeros((4, *SHAPE)), np.zeros((13, 28))]},
                ValueError,
                r"alphas\[4\] has shape \(13, 28\) but alphas\[0\]",
                id="a frame of another size",
            ),
            pytest.param({"trimaps": None}, ValueError, "trimaps is None, expected trimaps for", id="no trimaps"),
            pytest.param(
                {"trimaps": np.zeros((COUNT, *SHAPE))},
                ValueError,
                "trimaps has no unknown pixel in any",
                id="all known",
            ),
            pytest.param(
                {"region": "edges"}, ValueError, "region is 'edges', expected 'unknown' or 'whole'", id="region"
            ),
            pytest.param(
                {"alphas": np.full((COUNT, *SHAPE), np.nan)}, ValueError, r"alphas\[0\] has 377 NaN", id="NaN"
            ),
            pytest.param(
                {"alphas": np.full((COUNT, *SHAPE), 1.5)}, ValueError, r"alphas\[0\] has float", id="out of range"
            ),
            pytest.param({"alphas": np.zeros(SHAPE)}, ValueError, r"alphas\[0\] has shape \(29,\)", id="one plane"),
            pytest.param({"alphas": "clip.mov"}, TypeError, "alphas is 'clip.mov', expected an iterable", id="text"),
            pytest.param({"targets": Path("clip.mov")}, TypeError, "targets is .*clip.mov.*, expected an", id="path"),
            pytest.param({"trimaps": 3}, TypeError, "trimaps is 3, expected an iterable of arrays", id="number"),
            pytest.param({"alphas": ["a.png"] * COUNT}, TypeError, r"alphas\[0\] is the path 'a.png'", id="paths"),
        ],
    )
    def test_bad_input(self, metric, change, error, message):
        planes = {"alphas": np.zeros((COUNT, *SHAPE)), "targets": np.zeros((COUNT, *SHAPE))}
        inputs = {**planes, "trimaps": np.full((COUNT, *SHAPE), 0.5), **change}
        with pytest.raises(error, match=message):
            metric(**inputs)

    @pytest.mark.parametrize("count", [0, 1])
    def test_a_clip_of_one_frame_has_no_change(self, metric, count):
        with pytest.raises(ValueError, match=f"alphas has {count} frames, expected at least 2"):
            metric(np.zeros((count, *SHAPE)), np.zeros((count, *SHAPE)), region="whole")


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("region", ["unknown", "whole"])
class TestOracle:
    """Both metrics against loops over pixels."""

    @staticmethod
    def regions(clip, region):
        return [(trimap == 0.5) | (region == "whole") for trimap in clip.trimaps]

    def test_dtssd(self, seed, region):
        clip = Clip(seed)
        expected = oracle.change_over_time(clip.alphas, clip.targets, self.regions(clip, region))
        assert_close(dtssd(*clip.planes, region=region), expected)

    def test_messddt(self, seed, region):
        clip = Clip(seed)
        expected = oracle.change_along_motion(clip.alphas, clip.targets, clip.flows, self.regions(clip, region))
        assert_close(messddt(*clip.planes, flows=clip.flows, region=region), expected)


def test_dtssd_ignores_an_offset_that_stays():
    clip = Clip(10)
    targets, offset = clip.targets / 2, Clip(11).alphas[0] / 2
    assert dtssd(targets + offset, targets, region="whole") == pytest.approx(0.0, abs=1e-6)  # float32 sums


def test_dtssd_by_hand():
    """Of two pairs, one changes by 0.5 in one of two unknown pixels."""
    targets = np.zeros((3, 1, 4))
    alphas, trimaps = targets.copy(), np.tile([0, 0.5, 0.5, 1], (3, 1, 1))
    alphas[1:, 0, 1] = 0.5
    assert dtssd(alphas, targets, trimaps) == pytest.approx(np.sqrt(0.25 / 2) / 2)


def test_dtssd_grows_with_flicker_and_not_with_blur_of_a_still():
    target = soft_disk().alpha * 0.8
    signs = np.array([1, -1, 1, -1])[:, None, None]
    weak, strong = (dtssd(target + 0.1 + size * signs, [target] * 4, region="whole") for size in (0.02, 0.06))
    assert [weak, strong] == pytest.approx([0.04, 0.12], rel=1e-5)


def test_messddt_follows_the_motion():
    """An error that moves with the object is free with the true motion, and is counted without motion."""
    target, wrong = np.zeros((20, 30)), np.zeros((20, 30))
    target[6:12, 5:12], wrong[6:12, 5] = 1.0, 0.5
    targets = [moved(target, 3 * t, t) for t in range(4)]
    alphas = [np.abs(plane - moved(wrong, 3 * t, t)) for t, plane in enumerate(targets)]
    flow = np.broadcast_to([3.0, 1.0], (20, 30, 2))
    assert messddt(alphas, targets, flows=[flow] * 3, region="whole") == 0.0
    assert messddt(alphas, targets, flows=[0 * flow] * 3, region="whole") == pytest.approx(2 * 6 * 0.25 / 600)


def test_messddt_finds_the_motion_of_the_true_alphas():
    """Without given motion, an error that moves with the object counts much less than one that stays in place."""
    disk = np.pad(soft_disk().alpha, 20)
    targets = [moved(disk, 4 * t, 2 * t) for t in range(4)]
    edge = np.where((disk > 0.05) & (disk < 0.95), 0.3, 0.0)
    with_object = [(plane + moved(edge, 4 * t, 2 * t)).clip(0, 1) for t, plane in enumerate(targets)]
    in_place = [(plane + edge).clip(0, 1) for plane in targets]
    follows, stays = (messddt(alphas, targets, region="whole") for alphas in (with_object, in_place))
    assert follows < 0.5 * stays


@pytest.mark.parametrize(
    ("flows", "error", "message"),
    [
        pytest.param(np.zeros((3, *SHAPE, 2)), ValueError, "flows has 3 fields, expected one for each pair", id="few"),
        pytest.param(np.zeros((5, *SHAPE, 2)), ValueError, "flows has more fields than pairs", id="many"),
        pytest.param(np.zeros((4, 29, 13, 2)), ValueError, r"flows\[0\] has shape \(29, 13, 2\) but", id="transposed"),
        pytest.param(np.zeros((4, *SHAPE)), ValueError, r"flows\[0\] has shape \(13, 29\), expected", id="one plane"),
        pytest.param(
            np.zeros((4, *SHAPE, 3)), ValueError, r"flows\[0\] has shape .*, expected \(H, W, 2\)", id="three"
        ),
        pytest.param(np.full((4, *SHAPE, 2), np.inf), ValueError, r"flows\[0\] has NaN or infinite", id="infinite"),
        pytest.param(np.full((4, *SHAPE, 2), 1j), TypeError, r"flows\[0\] has dtype complex128", id="complex"),
        pytest.param(7, TypeError, "flows is 7, expected an iterable of arrays", id="number"),
    ],
)
def test_bad_flows(flows, error, message):
    with pytest.raises(error, match=message):
        messddt(np.zeros((COUNT, *SHAPE)), np.zeros((COUNT, *SHAPE)), flows=flows, region="whole")


def test_huge_motion_leaves_the_image():
    """Motion of any size is compared with the image before it becomes an index."""
    flows = np.full((COUNT - 1, *SHAPE, 2), 1e30)
    with pytest.raises(ValueError, match="flows move every pixel of the region out of the image"):
        messddt(np.zeros((COUNT, *SHAPE)), np.zeros((COUNT, *SHAPE)), flows=flows, region="whole")
