"""Start a network from the weights of another, and report which tensors were loaded."""

from os import PathLike
from typing import Literal, NamedTuple

import torch

from hybridmatte._validation import check_choice
from hybridmatte.networks.checkpoint import load_network
from hybridmatte.networks.joint_inference import JointInference
from hybridmatte.networks.network import MattingNetwork
from hybridmatte.networks.trimap_network import TrimapNetwork

__all__ = ["Transfer", "load_parts"]

Shape = tuple[int, ...]


class Transfer(NamedTuple):
    """Names of a network's tensors: those loaded, those of them padded with zeros, and those left unchanged."""

    loaded: tuple[str, ...]
    widened: tuple[str, ...]
    left: tuple[str, ...]

    def __str__(self) -> str:
        """Return a summary in one line."""
        widened = f" ({', '.join(self.widened)} widened by planes of zeros)" if self.widened else ""
        roots = ", ".join(dict.fromkeys(name.split(".")[0] for name in self.left))
        left = f"{len(self.left)} left as they were, in {roots}" if self.left else "none left"
        return f"{len(self.loaded)} tensors loaded{widened}, {left}"


def load_parts(
    network: MattingNetwork | TrimapNetwork | JointInference,
    source: str | PathLike[str],
    parts: Literal["all", "encoder"] = "all",
) -> Transfer:
    """Load another network's weights into one of the same kind.

    Parameters
    ----------
    network : MattingNetwork, TrimapNetwork or JointInference
        Modified in place.
    source : str or path
        Folder or hub name, see `load_network`.
    parts : {"all", "encoder"}, default "all"
        Every tensor, or the encoder's tensors only.

    Returns
    -------
    transfer : Transfer

    Raises
    ------
    ValueError
        If a tensor of these parts is missing on either side or has another shape; nothing is loaded then. Only tensors
        that process the input may be wider than those of the source: a network that takes a trimap can start from one
        without trimap, and the weights of its additional planes start at zero.
    """
    prefix = {"all": "", "encoder": network.encoder_prefix}[check_choice(parts, "parts", ("all", "encoder"))]
    other = load_network(source)
    own, found = (
        {name: tensor for name, tensor in each.state_dict().items() if name.startswith(prefix)}
        for each in (network, other)
    )
    if not own:
        raise ValueError(f"network has no tensor whose name begins with {prefix!r}, expected its encoder_prefix to fit")
    planes = 0
    if isinstance(network, MattingNetwork) and isinstance(other, MattingNetwork) and not other.takes_trimap:
        planes = network.trimap_planes
    _compare(own, found, source, parts, planes)
    widened = [name for name in own if own[name].shape != found[name].shape]
    for name in widened:
        found[name] = _pad_with_zeros(found[name], own[name])
    network.load_state_dict(found, strict=False)
    return Transfer(tuple(own), tuple(widened), tuple(name for name in network.state_dict() if name not in own))


def _compare(
    own: dict[str, torch.Tensor], found: dict[str, torch.Tensor], source: str | PathLike[str], parts: str, planes: int
) -> None:
    """Refuse tensors that differ in name or shape; `planes` additional planes of the input are allowed."""
    for name in (*own, *found):
        if name not in own or name not in found:
            here, there = ("network", f"init_from {source}") if name in own else (f"init_from {source}", "network")
            raise ValueError(f"{there} has no tensor {name} but {here} has, expected the same in parts {parts!r}")
        mine, its = tuple(own[name].shape), tuple(found[name].shape)
        if mine != its and not _is_wider(mine, its, planes):
            raise ValueError(
                f"init_from {source} has {name} of shape {its}, expected the network's {mine}" + _hint(mine, its)
            )


def _hint(mine: Shape, its: Shape) -> str:
    """Return a hint for the error message if two shapes differ in the planes of the input alone."""
    same = len(mine) == len(its) == 4 and mine[:1] + mine[2:] == its[:1] + its[2:]
    return "; do trimap_input and one_hot agree?" if same and max(mine[1], its[1]) <= 6 else ""


def _is_wider(mine: Shape, its: Shape, planes: int) -> bool:
    """Return whether a shape is another with more planes: of a convolution's weight, or a vector of its spectral norm.

    The additional planes come last, as they do in the input.
    """
    if planes == 0 or len(mine) != len(its):
        return False
    if len(mine) == 4:
        return mine == (its[0], its[1] + planes, *its[2:])
    return len(mine) == 1 and mine[0] > its[0] and (mine[0] - its[0]) % planes == 0 and mine[0] % (3 + planes) == 0


def _pad_with_zeros(tensor: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """Return a tensor in the shape of another, with zeros at the end of each dimension."""
    wide = torch.zeros_like(like)
    wide[tuple(slice(side) for side in tensor.shape)] = tensor
    return wide
