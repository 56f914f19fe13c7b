"""Start a network from another's weights, and say which."""

from typing import NamedTuple

import torch

from hybridmatte._validation import check_choice
from hybridmatte.networks.checkpoint import load_network

__all__ = ["Transfer", "load_parts"]


class Transfer(NamedTuple):
    """Names of a network's tensors: those loaded, of these the ones widened by zeros, and those left as they were."""

    loaded: tuple
    widened: tuple
    left: tuple

    def __str__(self):
        """Say it in one line."""
        widened = f" ({', '.join(self.widened)} widened by planes of zeros)" if self.widened else ""
        roots = ", ".join(dict.fromkeys(name.split(".")[0] for name in self.left))
        left = f"{len(self.left)} left as they were, in {roots}" if self.left else "none left"
        return f"{len(self.loaded)} tensors loaded{widened}, {left}"


def load_parts(network, source, parts="all"):
    """Load another network's weights into one of the same kind.

    Parameters
    ----------
    network : MattingNetwork
        Changed in place.
    source : str or path
        Folder or hub name, see `load_network`.
    parts : {"all", "encoder"}, default "all"
        Every tensor, or the encoder's.

    Returns
    -------
    transfer : Transfer

    Raises
    ------
    ValueError
        If a tensor of these parts is missing on either side or has another shape; nothing is loaded then. Only tensors
        that see the input may be wider than the source's: a network that takes a trimap can start from one that did
        not, the weights of its further planes at zero.
    """
    prefix = {"all": "", "encoder": network.encoder_prefix}[check_choice(parts, "parts", ("all", "encoder"))]
    other = load_network(source)
    own, found = ({name: tensor for name, tensor in each.state_dict().items() if name.startswith(prefix)}
                  for each in (network, other))
    if not own:
        raise ValueError(f"network has no tensor whose name begins with {prefix!r}, expected its encoder_prefix to fit")
    planes = getattr(network, "trimap_planes", 0) if getattr(other, "trimap_planes", None) == 0 else 0
    _compare(own, found, source, parts, planes)
    widened = [name for name in own if own[name].shape != found[name].shape]
    for name in widened:
        found[name] = _widened(found[name], own[name])
    network.load_state_dict(found, strict=False)
    return Transfer(tuple(own), tuple(widened), tuple(name for name in network.state_dict() if name not in own))


def _compare(own, found, source, parts, planes):
    """Refuse names and shapes that differ, but for what more planes of the input account for."""
    for name in (*own, *found):
        if name not in own or name not in found:
            here, there = ("network", f"init_from {source}") if name in own else (f"init_from {source}", "network")
            raise ValueError(f"{there} has no tensor {name} but {here} has, expected the same in parts {parts!r}")
        mine, its = tuple(own[name].shape), tuple(found[name].shape)
        if mine != its and not _is_wider(mine, its, planes):
            raise ValueError(f"init_from {source} has {name} of shape {its}, expected the network's {mine}"
                             + _hint(mine, its))


def _hint(mine, its):
    """Say what may be the matter where two shapes differ in the planes of the input alone."""
    same = len(mine) == len(its) == 4 and mine[:1] + mine[2:] == its[:1] + its[2:]
    return "; do trimap_input and one_hot agree?" if same and max(mine[1], its[1]) <= 6 else ""


def _is_wider(mine, its, planes):
    """Tell whether a shape is another with more planes: of a convolution's weight, or a vector of its spectral norm.

    Both have the new planes last, as the input has.
    """
    if planes == 0 or len(mine) != len(its):
        return False
    if len(mine) == 4:
        return mine == (its[0], its[1] + planes, *its[2:])
    return len(mine) == 1 and mine[0] > its[0] and (mine[0] - its[0]) % planes == 0 and mine[0] % (3 + planes) == 0


def _widened(tensor, like):
    """Return a tensor with zeros behind, of another's shape."""
    wide = torch.zeros_like(like)
    wide[tuple(slice(side) for side in tensor.shape)] = tensor
    return wide
