"""The losses over similar pixels against the oracles in `baselines`, and their properties from the theory."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from baselines import losses as oracle
from hybridmatte import losses, window_topk
from hybridmatte.losses.affinity import affinity_by_tensors
from hybridmatte.losses.pairs import FORMS, penalty_by_tensors
from tests.losses.cases import PAIR_LOSSES, batch

numbers = st.floats(-1.0, 1.0)
distances = st.floats(0.0, 1.7)
every_pair_loss = pytest.mark.parametrize("name", PAIR_LOSSES)


@every_pair_loss
def test_equals_the_loops(name):
    data = batch((1, 9, 12))
    found = window_topk(data["image"][0].permute(1, 2, 0).numpy(), 5)
    expected = oracle.pair_losses_by_loops(data["alpha"][0, 0].numpy(), found.distances, found.offsets)
    assert PAIR_LOSSES[name](data["alpha"], data["image"], window_size=5).item() == pytest.approx(expected[name])


@pytest.mark.parametrize("name", ["affinity", "dc", "ddc", "hinge"])
def test_equals_the_unfolded_form_with_its_zero_border(name):
    data = batch((2, 15, 14))
    values = []
    for loss, options in ((getattr(oracle, PAIR_LOSSES[name].__name__), {}), (PAIR_LOSSES[name], {"padding": "zeros"})):
        alpha = data["alpha"].clone().requires_grad_()
        value = loss(alpha, data["image"], window_size=5, **options)
        value.backward()
        values.append((value.item(), alpha.grad))
    assert values[1][0] == pytest.approx(values[0][0], rel=1e-6)  # distances are float32
    assert torch.allclose(values[1][1], values[0][1], atol=1e-7)


@every_pair_loss
@pytest.mark.parametrize("padding", ["cut", "zeros"])
def test_kernel_equals_tensor_operations(name, padding):
    data = batch((2, 33, 29))
    similarity = window_topk(data["image"], 7, padding=padding)
    values = []
    for by_tensors in (False, True):
        alpha = data["alpha"].clone().requires_grad_()
        if not by_tensors:
            value = PAIR_LOSSES[name](alpha, data["image"], similarity=similarity)
        elif name == "affinity":
            value = affinity_by_tensors(alpha, similarity)
        else:
            value = penalty_by_tensors(FORMS[name], alpha, similarity)
        value.backward()
        values.append((value.item(), alpha.grad))
    assert values[0][0] == pytest.approx(values[1][0], rel=1e-12)
    assert torch.allclose(values[0][1], values[1][1], atol=1e-14)


@every_pair_loss
def test_same_bits_for_one_thread_and_many(name):
    data = batch((2, 120, 50), dtype=torch.float32)
    results = []
    for count in (1, 2):
        before = torch.get_num_threads()
        torch.set_num_threads(count)
        try:
            alpha = data["alpha"].clone().requires_grad_()
            value = PAIR_LOSSES[name](alpha, data["image"])
            value.backward()
            results.append((value.item(), alpha.grad))
        finally:
            torch.set_num_threads(before)
    assert results[0][0] == results[1][0]
    assert torch.equal(results[0][1], results[1][1])


@every_pair_loss
def test_similarity_once_for_many_steps(name):
    data = batch()
    similarity = window_topk(data["image"], 5)
    direct = PAIR_LOSSES[name](data["alpha"], data["image"], window_size=5)
    assert PAIR_LOSSES[name](data["alpha"], data["image"], similarity=similarity).item() == direct.item()
    with pytest.raises(ValueError, match=r"similarity has shape \(2, 13, 17, 5\), expected \(1, 13, 17\) and K"):
        PAIR_LOSSES[name](data["alpha"][:1], data["image"][:1], similarity=similarity)
    with pytest.raises(TypeError, match="similarity is a ndarray, expected a WindowTopK of tensors"):
        PAIR_LOSSES[name](data["alpha"], data["image"], similarity=np.zeros(3))


@given(x=numbers, d=distances)
def test_a_mutual_pair_costs_at_least_twice_its_distance(x, d):
    both = FORMS["ddc"](torch.tensor(x), torch.tensor(d)) + FORMS["ddc"](torch.tensor(-x), torch.tensor(d))
    assert both.item() == pytest.approx(2 * max(abs(x), d), abs=1e-6)
    assert both.item() >= 2 * d - 1e-6
    if abs(x) <= d:
        assert both.item() == pytest.approx(2 * d, abs=1e-6)
    elif abs(x) > d + 1e-3:
        assert both.item() > 2 * d + 1e-4


@given(x=numbers, d=distances)
def test_hinge_is_below_dc_is_below_ddc(x, d):
    hinge, dc, ddc = (FORMS[name](torch.tensor(x), torch.tensor(d)).item() for name in ("hinge", "dc", "ddc"))
    assert hinge <= dc + 1e-7
    assert dc <= ddc + 1e-7


@pytest.mark.parametrize("name", ["affinity", "ddc", "symmetric_ddc", "hinge"])
@given(seed=st.integers(0, 2**32 - 1), t=st.floats(0.0, 1.0))
def test_convex_along_random_segments(name, seed, t):
    data = batch((1, 7, 8), seed=seed)
    start, end = data["alpha"], data["target"]
    at_start, at_end, between = (
        PAIR_LOSSES[name](alpha, data["image"], window_size=3).item()
        for alpha in (start, end, (1 - t) * start + t * end)
    )
    assert between <= (1 - t) * at_start + t * at_end + 1e-12


def test_dc_is_not_convex():
    """Two mirrored ramps that follow the colours have no penalty; every pair of their mean, a constant, has one."""
    ramp = torch.linspace(0, 1, 9, dtype=torch.float64).repeat(1, 1, 5, 1)
    image = (ramp / 3**0.5).repeat(1, 3, 1, 1)
    costs = [
        losses.dc_loss(alpha, image, window_size=3).item() for alpha in (ramp, 1 - ramp, torch.full_like(ramp, 0.5))
    ]
    assert max(costs[:2]) < 1e-7
    assert costs[2] > 0.01


def test_symmetric_ddc_less_its_least_value_is_the_hinge():
    data = batch()
    least = window_topk(data["image"], 5).distances.double().mean().item()
    symmetric, hinge = (
        PAIR_LOSSES[name](data["alpha"], data["image"], window_size=5).item() for name in ("symmetric_ddc", "hinge")
    )
    assert symmetric - least == pytest.approx(hinge, rel=1e-6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda image: image * 2 - 1, "expected finite RGB in \\[0, 1\\], before any normalisation"),
        (lambda image: image * float("nan"), "image has NaN"),
    ],
    ids=["normalised", "nan"],
)
def test_refuses_images_out_of_range(change, message):
    data = batch()
    with pytest.raises(ValueError, match=message):
        losses.ddc_loss(data["alpha"], change(data["image"]))


def test_refuses_a_similarity_whose_offsets_leave_the_image():
    data = batch((1, 9, 12))
    padded = window_topk(data["image"], padding="zeros")
    with pytest.raises(ValueError, match="similarity has offsets that lead out of the image"):
        losses.dc_loss(data["alpha"], data["image"], similarity=padded._replace(padding="cut"))


def test_window_larger_than_the_image_is_named():
    with pytest.raises(ValueError, match="window_size is 11, expected at most 9 for an image of 3 x 3 pixels"):
        losses.ddc_loss(torch.rand(1, 1, 3, 3), torch.rand(1, 3, 3, 3))
