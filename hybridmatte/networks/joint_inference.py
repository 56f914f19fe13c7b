"""Net-T and Net-M together: from an image and any rough mask to alpha."""

import json
from pathlib import Path

import torch
from torch import nn
from torch.nn.functional import interpolate

from hybridmatte._validation import check_choice, check_integer, is_torch
from hybridmatte._validation_torch import check_image_batch, check_range, check_together, promote
from hybridmatte.io.files import write_bytes
from hybridmatte.networks.network import predicting
from hybridmatte.networks.prediction import as_batch, estimate_alpha
from hybridmatte.networks.trimap_network import TrimapNetwork

__all__ = ["FUSIONS", "JointInference", "fuse", "predict_trimap", "region_probabilities", "trimap_of"]

FUSIONS = ("soft", "soft_sum", "hard")
SIDE = 1024  # pixels, longer side of what Net-T sees of a larger image


def fuse(probabilities, alpha, fusion="soft"):
    """Join Net-M's alpha with the probabilities of the regions.

    With B, U and F the probabilities of background, unknown and foreground, "soft" is
    ``(1 - U) F / (F + B) + U alpha`` and "soft_sum" is ``F + U alpha``: the paper writes both, and they are the same,
    as 1 - U is F + B. "hard" is alpha with the likeliest region's 0 or 1 where that is not the unknown.

    Parameters
    ----------
    probabilities : (B, 3, H, W) tensor
        Of background, unknown and foreground, of sum 1.
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


def trimap_of(probabilities):
    """Return the trimap (B, 1, H, W) of the likeliest region of each pixel: 0, 0.5 or 1; logits serve as well."""
    return probabilities.argmax(dim=1, keepdim=True).to(probabilities.dtype) / 2


class JointInference(nn.Module):
    """Net-T finds the trimap of an image and a mask, Net-M the alpha of image and trimap, and both are fused.

    Parameters
    ----------
    net_t : TrimapNetwork
    net_m : MattingNetwork
        One that takes a trimap.
    fusion : {"soft", "soft_sum", "hard"}, default "soft"
        See `fuse`.

    Shapes
    ------
    image : (B, 3, H, W), in [0, 1]
    segmentation : (B, 1, H, W), in [0, 1], 1 where the object is, soft or hard, rough
    alpha : (B, 1, H, W)

    Raises
    ------
    ValueError
        If there is no such fusion, net_t finds no trimap, or net_m takes none.

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

    def __init__(self, net_t, net_m, fusion="soft"):
        super().__init__()
        if not isinstance(net_t, TrimapNetwork):
            raise ValueError(f"net_t is a {type(net_t).__name__}, expected a TrimapNetwork")
        if not getattr(net_m, "takes_trimap", False):
            raise ValueError(f"net_m is a {type(net_m).__name__} that takes no trimap, expected a network that does")
        self.net_t, self.net_m, self.fusion = net_t, net_m, check_choice(fusion, "fusion", FUSIONS)

    @property
    def encoder_prefix(self):
        """What the names of both encoders' parameters begin with."""
        parts = ((name, getattr(self, name).encoder_prefix) for name in ("net_t", "net_m"))
        return tuple(f"{name}.{prefix}" for name, prefixes in parts
                     for prefix in ([prefixes] if isinstance(prefixes, str) else prefixes))

    def forward(self, image, segmentation):
        """Return the fused alpha of a batch."""
        probabilities = self.net_t(image, segmentation).softmax(dim=1)
        return fuse(probabilities, self.net_m(image, trimap_of(probabilities)), self.fusion)

    def predict(self, image, mask, *, max_pixels=1 << 20):
        """Estimate trimap and alpha of an image of any size.

        Net-T sees the image with its longer side at most 1024 pixels, Net-M in tiles of at most `max_pixels`.

        Parameters
        ----------
        image : (H, W, 3) array or (B, 3, H, W) tensor
            RGB in [0, 1]; arrays of uint8 and uint16 are scaled. Never modified.
        mask : (H, W) array or (B, 1, H, W) tensor
            In [0, 1].
        max_pixels : int, default 2**20

        Returns
        -------
        alpha : (H, W) float32 array or (B, 1, H, W) tensor
            In [0, 1].
        trimap : (H, W) float32 array or (B, 1, H, W) tensor
            0, 0.5 or 1: what Net-T found.

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
        where, given = next(self.parameters()), image
        image, mask = check_image_batch(image).to(where), promote(mask).to(where)
        with predicting(self):
            probabilities = region_probabilities(self.net_t, image, mask)
            trimap = trimap_of(probabilities)
            alpha = torch.cat([estimate_alpha(self.net_m, image[k:k + 1], trimap[k:k + 1], max_pixels)
                               for k in range(len(image))])
            planes = fuse(probabilities, alpha, self.fusion).clamp(0, 1), trimap
            return tuple(plane.to(given) for plane in planes)

    def save_pretrained(self, folder):
        """Write both networks and the fusion to a folder."""
        folder = Path(folder)
        for name in ("net_t", "net_m"):
            getattr(self, name).save_pretrained(folder / name)
        write_bytes(folder / "config.json", json.dumps({"network": "joint", "fusion": self.fusion}).encode())


def region_probabilities(net_t, image, mask):
    """Return Net-T's probabilities of a batch of any size, which it sees with the longer side at most 1024 pixels."""
    probabilities = net_t(*(_shrunk(tensor, SIDE) for tensor in (image, mask))).softmax(dim=1)
    if probabilities.shape[2:] == image.shape[2:]:
        return probabilities
    return interpolate(probabilities, image.shape[2:], mode="bilinear", align_corners=False)


def predict_trimap(network, image, segmentation):
    """Return Net-T's trimap (H, W), 0, 0.5 and 1, of an image (H, W, 3) and a soft segmentation (H, W)."""
    where = next(network.parameters())
    image, segmentation = (tensor.to(where) for tensor in as_batch(image, segmentation, "segmentation"))
    with network.predicting():
        probabilities = region_probabilities(network, image, segmentation)
        return trimap_of(probabilities)[0, 0].float().cpu().numpy()


def _shrunk(tensor, side):
    """Return a batch whose longer side is at most `side`."""
    factor = side / max(tensor.shape[2:])
    if factor >= 1:
        return tensor
    size = [max(round(factor * length), 1) for length in tensor.shape[2:]]
    return interpolate(tensor, size, mode="bilinear", align_corners=False, antialias=True)
