"""What the commands on networks have in common: the network as asked for, and its input files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from hybridmatte.cli.streams import sources

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["image_and_plane", "load_chosen", "network_sources", "refuse_missing_mask", "takes_mask"]


def load_chosen(name: str, *, fusion: str | None = None, coarse: bool = False) -> Any:
    """Return the network of that name, with another fusion, or without its refinement."""
    from hybridmatte._validation import check_choice
    from hybridmatte.networks import JointInference, MattingNonlocal, load_network
    from hybridmatte.networks.joint_inference import FUSIONS

    network: Any = load_network(name)
    if fusion is not None:
        check_choice(fusion, "--fusion", FUSIONS)
        if not isinstance(network, JointInference):
            raise ValueError(f"--fusion {fusion} came, expected none: network {name} is a {type(network).__name__}")
        network.fusion = fusion
    if coarse:
        net_m = network.net_m if isinstance(network, JointInference) else network
        if not isinstance(net_m, MattingNonlocal) or net_m.refinement is None:
            raise ValueError(f"--coarse came, expected none: network {name} has no Net-M that refines its alpha")
        network = network.coarse().eval()
    return network


def takes_mask(network: Any) -> bool:
    """Return whether a network takes a mask, as Net-T and joint networks do."""
    from hybridmatte.networks import MattingNetwork

    return not isinstance(network, MattingNetwork)


def refuse_missing_mask(network: Any, name: str, plane: str | None) -> None:
    """Refuse a network that takes a mask where none is given."""
    if takes_mask(network) and plane is None:
        raise ValueError(
            f"network {name} is a {type(network).__name__}, which takes a mask, expected one from image and trimap to "
            "alpha, or the mask after the image"
        )


def network_sources(image: str, trimap: str | None) -> list[Path | BinaryIO]:
    """Return the input files: the image, and the trimap or mask if there is one."""
    return sources(image) if trimap is None else sources(image, trimap)


def image_and_plane(network: Any, inputs: list[Path | BinaryIO], max_pixels: int) -> list[npt.NDArray[np.float32]]:
    """Read the files of `network_sources`, the second as the network takes it: a trimap or a mask."""
    from hybridmatte.automatic.mask_checks import INVERT, fit_mask
    from hybridmatte.io.pictures import read_image, read_plane, read_trimap

    image = read_image(inputs[0], max_pixels=max_pixels)
    if len(inputs) == 1:
        return [image]
    if takes_mask(network):
        mask = read_plane(inputs[1], "mask", max_pixels=max_pixels)
        return [image, fit_mask(mask, image.shape[:2], advice=INVERT)]
    return [image, read_trimap(inputs[1], max_pixels=max_pixels)]
