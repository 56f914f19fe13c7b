"""What the commands on networks have in common: a network that takes no mask, and its input files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from hybridmatte.cli.streams import sources

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from hybridmatte.networks import MattingNetwork

__all__ = ["image_and_trimap", "load_matting_network", "network_sources"]


def load_matting_network(name: str) -> MattingNetwork:
    """Return the network of that name; refuse one that takes a mask."""
    from hybridmatte.networks import MattingNetwork, load_network

    network: Any = load_network(name)
    if not isinstance(network, MattingNetwork):
        raise ValueError(
            f"network {name} is a {type(network).__name__}, which takes a mask, expected one from image "
            "and trimap to alpha; a joint network is for: hybridmatte auto"
        )
    return network


def network_sources(image: str, trimap: str | None) -> list[Path | BinaryIO]:
    """Return the input files: the image, and the trimap if there is one."""
    return sources(image) if trimap is None else sources(image, trimap)


def image_and_trimap(inputs: list[Path | BinaryIO], max_pixels: int) -> list[npt.NDArray[np.float32]]:
    """Read the files of `network_sources`."""
    from hybridmatte.io.pictures import read_image, read_trimap

    return [read(file, max_pixels=max_pixels) for read, file in zip((read_image, read_trimap), inputs, strict=False)]
