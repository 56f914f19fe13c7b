"""Joint inference: Net-T estimates a trimap from an image and a rough mask, Net-M estimates alpha, both are fused."""

import json
import math
from os import PathLike
from pathlib import Path
from typing import Literal, TypeAlias, overload

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn.functional import interpolate

from hybridmatte._validation import check_choice, check_integer, is_torch
from hybridmatte._validation_torch import check_image_batch, check_range, check_together, promote
from hybridmatte.io.files import write_bytes
from hybridmatte.networks.network import MattingNetwork, predicting
from hybridmatte.networks.nonlocal_matting import MattingNonlocal
from hybridmatte.networks.prediction import as_batch, estimate_alpha
from hybridmatte.networks.trimap_network import TrimapNetwork

__all__ = ["FUSIONS", "JointInference", "fuse", "predict_trimap", "region_probabilities", "trimap_of"]

Fusion: TypeAlias = Literal["soft", "soft_sum", "hard"]
FUSIONS: tuple[Fusion, ...] = ("soft", "soft_sum", "hard")
MAX_SIDE = 1024  # pixels; a larger image is shrunk to this longer side for Net-T


def fuse(probabilities: torch.Tensor, alpha: torch.Tensor, fusion: Fusion = "soft") -> torch.Tensor:
    """Fuse Net-M's alpha with Net-T's probabilities of the three regions.

    Let B, U and F be the probabilities of background, unknown and foreground. "soft" is
    ``(1 - U) F / (F + B) + U alpha`` and "soft_sum" is ``F + U alpha``. The paper gives both formulas; they are equal,
    since 1 - U is F + B. "hard" is alpha where the unknown region is the likeliest, else 0 or 1 of the likeliest
    region.

    Parameters
    ----------
    probabilities : (B, 3, H, W) tensor
        Of background, unknown and foreground; their sum is 1.
    alpha : (B, 1, H, W) tensor
    fusion : {"soft", "soft_sum", "hard"}, default "soft"

    Returns
    -------
    fused : (B, 1, H, W) tensor

    References
    ----------
    .. [1] Y. Zhou, L. Zhou, T. L. Lam, Y. Xu. Semantic-guided automatic natural image matting with light-weight
       non-local attention. Section 4.1, Joint Inference.
    """
    check_choice(fusion, "fusion", FUSIONS)
    if fusion == "hard":
        trimap = trimap_of(probabilities)
        return torch.where(trimap == 0.5, alpha, trimap.to(alpha.dtype))
    _, unknown, foreground = probabilities.split(1, dim=1)
    return foreground + unknown * alpha


def trimap_of(probabilities: torch.Tensor) -> torch.Tensor:
    """Return the trimap (B, 1, H, W) of the likeliest region of each pixel: 0, 0.5 or 1. Logits work as well."""
    return probabilities.argmax(dim=1, keepdim=True).to(probabilities.dtype) / 2


class JointInference(nn.Module):
    """Net-T estimates the trimap of an image and a mask, Net-M the alpha of image and trimap, and both are fused.

    Parameters
    ----------
    net_t : TrimapNetwork
    net_m : MattingNetwork
        A network that takes a trimap.
    fusion : {"soft", "soft_sum", "hard"}, default "soft"
        See `fuse`.

    Shapes
    ------
    image : (B, 3, H, W), RGB in [0, 1]
    segmentation : (B, 1, H, W), in [0, 1], 1 on the object; rough, soft or hard
    alpha : (B, 1, H, W), in [0, 1]

    Raises
    ------
    ValueError
        If there is no such fusion, net_t is not a TrimapNetwork, or net_m takes no trimap.

    References
    ----------
    .. [1] Y. Zhou, L. Zhou, T. L. Lam, Y. Xu. Semantic-guided automatic natural image matting with light-weight
       non-local attention. Fig. 4.

    Examples
    --------
    >>> from hybridmatte import networks
    >>> joint = networks.JointInference(networks.net_t("tiny"), networks.net_m("tiny")).eval()
    >>> joint(torch.rand(1, 3, 40, 50), torch.rand(1, 1, 40, 50)).shape
    torch.Size([1, 1, 40, 50])
    """

    has_fixed_size: bool = False

    def __init__(self, net_t: TrimapNetwork, net_m: MattingNetwork, fusion: Fusion = "soft") -> None:
        super().__init__()
        if not isinstance(net_t, TrimapNetwork):
            is_swapped = isinstance(net_m, TrimapNetwork) and getattr(net_t, "takes_trimap", False)
            swapped = "; net_t and net_m are exchanged" if is_swapped else ""
            raise ValueError(f"net_t is a {type(net_t).__name__}, expected a TrimapNetwork{swapped}")
        if not isinstance(net_m, MattingNetwork) or not net_m.takes_trimap:
            raise ValueError(f"net_m is a {type(net_m).__name__} that takes no trimap, expected a network that does")
        self.net_t, self.net_m = net_t, net_m
        self.fusion: Fusion = check_choice(fusion, "fusion", FUSIONS)
        self.stride = math.lcm(net_t.stride, net_m.stride)
        self.has_fixed_size = net_m.has_fixed_size

    @property
    def encoder_prefix(self) -> tuple[str, ...]:
        """Beginnings of the names of the parameters of both encoders."""
        parts = (("net_t", self.net_t.encoder_prefix), ("net_m", self.net_m.encoder_prefix))
        return tuple(
            f"{name}.{prefix}"
            for name, prefixes in parts
            for prefix in ([prefixes] if isinstance(prefixes, str) else prefixes)
        )

    def forward(self, image: torch.Tensor, segmentation: torch.Tensor) -> torch.Tensor:
        """Return the fused alpha of a batch."""
        probabilities = self.net_t(image, segmentation).softmax(dim=1)
        return fuse(probabilities, self.net_m(image, trimap_of(probabilities)), self.fusion)

    def coarse(self) -> "JointInference":
        """Return the same networks without Net-M's refinement; they share all weights."""
        if not isinstance(self.net_m, MattingNonlocal):
            raise ValueError(f"net_m is a {type(self.net_m).__name__}, which has no coarse alpha, expected Net-M")
        return JointInference(self.net_t, self.net_m.coarse(), self.fusion).train(self.training)

    @overload
    def predict(
        self, image: torch.Tensor, mask: torch.Tensor, *, max_pixels: int = 1 << 20
    ) -> tuple[torch.Tensor, torch.Tensor]: ...
    @overload
    def predict(
        self, image: npt.ArrayLike, mask: npt.ArrayLike, *, max_pixels: int = 1 << 20
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]: ...
    def predict(self, image, mask, *, max_pixels=1 << 20):
        """Estimate trimap and alpha of an image of any size.

        Net-T processes the image with its longer side reduced to at most 1024 pixels, Net-M processes it in tiles of at
        most `max_pixels`.

        Parameters
        ----------
        image : (H, W, 3) array or (B, 3, H, W) tensor
            RGB in [0, 1]; arrays of uint8 and uint16 are scaled. Never modified.
        mask : (H, W) array or (B, 1, H, W) tensor
            In [0, 1], 1 on the object.
        max_pixels : int, default 2**20
            Largest number of pixels of an image that Net-M processes at once, at least 4096.

        Returns
        -------
        alpha : (H, W) float32 array or (B, 1, H, W) tensor
            In [0, 1].
        trimap : (H, W) float32 array or (B, 1, H, W) tensor
            Net-T's trimap: 0, 0.5 or 1.

        Raises
        ------
        ValueError
            If image and mask do not fit each other, or a value is outside its range.
        """
        max_pixels = check_integer(max_pixels, "max_pixels", low=1 << 12)
        if not is_torch(image):
            planes = self.predict(*as_batch(image, mask, "mask"), max_pixels=max_pixels)
            return tuple(plane[0, 0].float().numpy() for plane in planes)
        check_together(image=image, mask=mask)
        check_range(mask, "mask")
        parameter, given = next(self.parameters()), image
        image, mask = check_image_batch(image).to(parameter), promote(mask).to(parameter)
        with predicting(self):
            probabilities = region_probabilities(self.net_t, image, mask)
            trimap = trimap_of(probabilities)
            alpha = torch.cat(
                [estimate_alpha(self.net_m, image[k : k + 1], trimap[k : k + 1], max_pixels) for k in range(len(image))]
            )
            planes = fuse(probabilities, alpha, self.fusion).clamp(0, 1), trimap
            return tuple(plane.to(given) for plane in planes)

    def save_pretrained(self, folder: str | PathLike[str]) -> None:
        """Write both networks and the fusion to a folder."""
        folder = Path(folder)
        self.net_t.save_pretrained(folder / "net_t")
        self.net_m.save_pretrained(folder / "net_m")  # pyright: ignore[reportCallIssue]
        write_bytes(folder / "config.json", json.dumps({"network": "joint", "fusion": self.fusion}).encode())


def region_probabilities(net_t: TrimapNetwork, image: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Return Net-T's probabilities (B, 3, H, W) of a batch, whose longer side is reduced to 1024 pixels for Net-T."""
    probabilities = net_t(*(_shrunk(tensor, MAX_SIDE) for tensor in (image, mask))).softmax(dim=1)
    if probabilities.shape[2:] == image.shape[2:]:
        return probabilities
    return interpolate(probabilities, image.shape[2:], mode="bilinear", align_corners=False)


def predict_trimap(
    network: TrimapNetwork, image: npt.ArrayLike, segmentation: npt.ArrayLike
) -> npt.NDArray[np.float32]:
    """Return Net-T's trimap (H, W), 0, 0.5 and 1, of an image (H, W, 3) and a soft segmentation (H, W)."""
    parameter = next(network.parameters())
    planes, soft = (tensor.to(parameter) for tensor in as_batch(image, segmentation, "segmentation"))
    with network.predicting():
        probabilities = region_probabilities(network, planes, soft)
        return trimap_of(probabilities)[0, 0].float().cpu().numpy()


def _shrunk(tensor: torch.Tensor, side: int) -> torch.Tensor:
    """Return a batch reduced so that its longer side is at most `side` pixels."""
    factor = side / max(tensor.shape[2:])
    if factor >= 1:
        return tensor
    size = [max(round(factor * length), 1) for length in tensor.shape[2:]]
    return interpolate(tensor, size, mode="bilinear", align_corners=False, antialias=True)
