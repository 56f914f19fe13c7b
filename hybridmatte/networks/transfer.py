"""Start a network from the weights of another, and report which tensors were loaded."""

from os import PathLike
from typing import Literal, NamedTuple, TypeAlias

import torch
from torch.nn.functional import normalize

from hybridmatte._validation import check_choice
from hybridmatte.networks.checkpoint import load_network
from hybridmatte.networks.joint_inference import JointInference
from hybridmatte.networks.network import MattingNetwork
from hybridmatte.networks.trimap_network import TrimapNetwork
from hybridmatte.networks.u_net import BOUNDARY_HEAD

__all__ = ["Transfer", "load_parts", "transfer_parts"]

AnyNetwork: TypeAlias = MattingNetwork | TrimapNetwork | JointInference
Shape = tuple[int, ...]
Tensors = dict[str, torch.Tensor]


class Transfer(NamedTuple):
    """Names of tensors: the network's own, and what the source had beside them.

    Attributes
    ----------
    loaded : tuple of str
    widened, narrowed : tuple of str
        Those of the loaded that were padded with zeros, or lost the plane of a trimap.
    left : tuple of str
        Those of the network left unchanged.
    dropped : tuple of str
        Those of the source's boundary head, which the network lacks.
    """

    loaded: tuple[str, ...]
    widened: tuple[str, ...]
    left: tuple[str, ...]
    narrowed: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return a summary in one line."""
        widened = f" ({', '.join(self.widened)} widened by planes of zeros)" if self.widened else ""
        narrowed = f" ({', '.join(self.narrowed)} without the plane of the trimap)" if self.narrowed else ""
        roots = ", ".join(dict.fromkeys(name.split(".")[0] for name in self.left))
        left = f"{len(self.left)} left as they were, in {roots}" if self.left else "none left"
        dropped = f", {len(self.dropped)} of the source not used: {', '.join(self.dropped)}" if self.dropped else ""
        return f"{len(self.loaded)} tensors loaded{widened}{narrowed}, {left}{dropped}"


def load_parts(
    network: AnyNetwork,
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
        If a tensor of these parts is missing on either side or has another shape; nothing is loaded then. There are two
        exceptions. Tensors that process the input may differ in the trimap: a network that takes a trimap can start
        from one without, and the weights of its additional planes start at zero; a network without trimap can start
        from one that takes the trimap as the fourth plane, whose weights are left out. A boundary head may be missing
        on either side: the network's own then stays as it is.
    """
    return transfer_parts(network, load_network(source), parts, source)


def transfer_parts(
    network: AnyNetwork, other: AnyNetwork, parts: Literal["all", "encoder"], source: str | PathLike[str]
) -> Transfer:
    """Load the weights of another network; `source` names it in messages, the rest is as for `load_parts`."""
    prefix = {"all": "", "encoder": network.encoder_prefix}[check_choice(parts, "parts", ("all", "encoder"))]
    own, found = (
        {name: tensor for name, tensor in each.state_dict().items() if name.startswith(prefix)}
        for each in (network, other)
    )
    if not own:
        raise ValueError(f"network has no tensor whose name begins with {prefix!r}, expected its encoder_prefix to fit")
    own, found, dropped = _without_lone_heads(own, found)
    _compare(own, found, source, parts, _more_planes(network, other))
    widened, narrowed = [], []
    for name, tensor in own.items():
        if tensor.shape != found[name].shape:
            (widened if tensor.numel() > found[name].numel() else narrowed).append(name)
            found[name] = _fitted(found[name], tensor)
    network.load_state_dict(found, strict=False)
    left = tuple(name for name in network.state_dict() if name not in own)
    return Transfer(tuple(own), tuple(widened), left, tuple(narrowed), dropped)


def _without_lone_heads(own: Tensors, found: Tensors) -> tuple[Tensors, Tensors, tuple[str, ...]]:
    """Return the tensors without those of a boundary head that the other side lacks, and the names of its tensors."""
    dropped = tuple(name for name in found if name.startswith(BOUNDARY_HEAD) and name not in own)
    own = {name: tensor for name, tensor in own.items() if not name.startswith(BOUNDARY_HEAD) or name in found}
    return own, {name: tensor for name, tensor in found.items() if name not in dropped}, dropped


def _more_planes(network: AnyNetwork, other: AnyNetwork) -> int:
    """Return how many planes of the input a network has more than another, where these may be added or left out."""
    if not isinstance(network, MattingNetwork) or not isinstance(other, MattingNetwork):
        return 0
    if not other.takes_trimap:
        return network.trimap_planes
    return -1 if other.trimap_planes == 1 and not network.takes_trimap else 0


def _compare(own: Tensors, found: Tensors, source: str | PathLike[str], parts: str, planes: int) -> None:
    """Refuse tensors that differ in name or shape; the input may have `planes` more, or less below 0."""
    for name in (*own, *found):
        if name not in own or name not in found:
            here, there = ("network", f"init_from {source}") if name in own else (f"init_from {source}", "network")
            raise ValueError(f"{there} has no tensor {name} but {here} has, expected the same in parts {parts!r}")
        mine, its = tuple(own[name].shape), tuple(found[name].shape)
        wide, narrow = (mine, its) if planes > 0 else (its, mine)
        if mine != its and not _is_wider(wide, narrow, abs(planes)):
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


def _fitted(tensor: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """Return a tensor in the shape of another, with zeros at the end of each dimension, or without its end.

    A vector that gets shorter, of a spectral norm, keeps its length of 1.
    """
    fitted = torch.zeros_like(like)
    both = tuple(slice(min(sides)) for sides in zip(tensor.shape, like.shape, strict=True))
    fitted[both] = tensor[both]
    return normalize(fitted, dim=0) if like.ndim == 1 and like.numel() < tensor.numel() else fitted
