"""Weights between networks that differ in the trimap's plane or in the boundary head."""

import pytest
import torch

from hybridmatte import networks
from hybridmatte.networks.transfer import transfer_parts


@pytest.mark.parametrize("parts", ["all", "encoder"])
@pytest.mark.parametrize("name", ["unet", "vitmatte", "pyramid", pytest.param("gca", marks=pytest.mark.slow), "net_m"])
def test_from_four_planes_to_three_and_back(name, parts):
    """A network from the image alone starts from one that takes the trimap as the fourth plane."""
    torch.manual_seed(0)
    size = ("tf_efficientnet_lite0",) if name == "pyramid" else ("tiny",)
    four, three, again = (getattr(networks, name)(*size, trimap=trimap).eval() for trimap in (True, False, True))
    there = transfer_parts(three, four, parts, "four")
    assert there.narrowed
    assert not there.widened
    assert "without the plane of the trimap" in str(there)
    for key in there.narrowed:
        mine, its = three.state_dict()[key], four.state_dict()[key]
        if mine.ndim == 4:
            assert torch.equal(mine, its[:, :-1])
        else:  # a vector of a spectral norm
            assert torch.linalg.vector_norm(mine).item() == pytest.approx(1, abs=1e-5)
    back = transfer_parts(again, three, parts, "three")
    assert back.widened == there.narrowed
    for key in back.widened:
        if again.state_dict()[key].ndim == 4:
            assert torch.equal(again.state_dict()[key][:, :-1], three.state_dict()[key])
            assert not again.state_dict()[key][:, -1:].any()


def test_other_planes_do_not_fit():
    with pytest.raises(ValueError, match="do trimap_input and one_hot agree"):
        transfer_parts(networks.unet("tiny"), networks.unet("tiny", trimap="one-hot"), "all", "six")
    with pytest.raises(ValueError, match="do trimap_input and one_hot agree"):
        transfer_parts(networks.unet("tiny", trimap=True), networks.unet("tiny", trimap="one-hot"), "encoder", "six")


def test_a_boundary_head_may_be_missing_on_either_side():
    torch.manual_seed(0)
    with_head, without = networks.unet("tiny", boundary=True), networks.unet("tiny")
    transfer = transfer_parts(without, with_head, "all", "source")
    assert transfer.dropped == ("boundary_head.weight", "boundary_head.bias")
    assert transfer.left == ()
    assert "2 of the source not used: boundary_head.weight, boundary_head.bias" in str(transfer)
    assert torch.equal(without.head.weight, with_head.head.weight)
    other = networks.unet("tiny", boundary=True)
    before = other.boundary_head.weight.clone()
    transfer = transfer_parts(other, without, "all", "source")
    assert transfer.left == ("boundary_head.weight", "boundary_head.bias")
    assert torch.equal(other.boundary_head.weight, before)
    assert torch.equal(other.head.weight, with_head.head.weight)
