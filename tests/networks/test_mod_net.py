"""MODNet: its published size and resolutions, and its half-instance norm."""

import torch

from hybridmatte import networks
from hybridmatte.networks.mod_net import _HalfInstanceNorm
from tests.tolerances import assert_close


def test_number_of_parameters():
    """6.49 million, of which 10,434 belong to the two training heads that do not exist here."""
    network = networks.modnet()
    assert sum(parameter.numel() for parameter in network.parameters()) + 10_434 == 6_487_043


def test_features():
    """Channels and resolutions of the three branches as published."""
    network, shapes = networks.modnet().eval(), {}
    hooks = [
        module.register_forward_hook(lambda _, __, output, name=name: shapes.update({name: output.shape}))
        for name, module in network.named_modules()
        if name.count(".") <= 1 and not name.startswith("encoder")
    ]
    with torch.no_grad():
        network(torch.rand(1, 3, 64, 96))
    for hook in hooks:
        hook.remove()
    expected = {
        "widen": (1280, 32),
        "semantic.sixteenth": (96, 16),
        "semantic": (32, 8),
        "detail.down": (32, 4),
        "detail.join": (64, 4),
        "detail.at_quarter": (32, 4),
        "detail": (32, 2),
        "fusion.to_half": (32, 4),
        "fusion.join": (32, 2),
        "fusion.last": (16, 1),
        "fusion": (1, 1),
    }
    found = {name: shapes[name] for name in expected}
    assert found == {name: (1, n, 64 // by, 96 // by) for name, (n, by) in expected.items()}


def test_half_of_the_channels_have_instance_norm():
    norm, x = _HalfInstanceNorm(4).train(), torch.randn(3, 4, 5, 6) * 7 + 2
    y = norm(x)
    assert_close(y[:, 2:].mean(dim=(2, 3)).detach(), torch.zeros(3, 2), 1e-5)
    assert_close(y[:, :2].mean(dim=(0, 2, 3)).detach(), torch.zeros(2), 1e-5)
    assert y[:, :2].mean(dim=(2, 3)).abs().max() > 0.01
