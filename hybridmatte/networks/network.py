"""The base class of matting networks: image and perhaps trimap in, alpha out, at any size."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Literal, TypeAlias, TypeVar

import torch
from torch.nn.functional import pad

from hybridmatte._validation_torch import check_batch, check_together, split_planes

__all__ = [
    "CARD",
    "MattingNetwork",
    "TrimapOption",
    "count_planes",
    "model_card",
    "normalized",
    "padded_to",
    "predicting",
]

AnyModule = TypeVar("AnyModule", bound=torch.nn.Module)
TrimapOption: TypeAlias = bool | Literal["one-hot"]
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of the RGB values of ImageNet
PLANES: dict[bool | str, int] = {False: 0, True: 1, "one-hot": 3}


def model_card(usage: str) -> str:
    """Return the model card of a saved network: its purpose with an example of its use, then what is unknown."""
    return f"""---
{{{{ card_data }}}}
---

# A matting network of hybridmatte

{usage}
Training data, configuration, scores and known failures: not documented yet.
"""


CARD = model_card("""Estimates alpha from a photograph, and from a trimap if `trimap` in `config.json` is not false:

    from hybridmatte.networks import load_network, predict_alpha

    network = load_network("FOLDER, OR OWNER/NAME ON THE HUB")
    alpha = predict_alpha(network, image, trimap)

Or `hybridmatte predict FOLDER IMAGE [TRIMAP] -o ALPHA.png`.
""")


def count_planes(trimap: TrimapOption) -> int:
    """Return the number of planes that an option ``trimap`` of False, True or "one-hot" adds to the image's three."""
    if not isinstance(trimap, (bool, str)) or trimap not in PLANES:
        raise ValueError(f"trimap is {trimap!r}, expected False, True or 'one-hot'")
    return PLANES[trimap]


def normalized(image: torch.Tensor, mean: Sequence[float] = MEAN, std: Sequence[float] = STD) -> torch.Tensor:
    """Return images (B, 3, H, W) minus the mean, divided by the standard deviation, each one value a channel."""
    means, deviations = (image.new_tensor(values)[:, None, None] for values in (mean, std))
    return (image - means) / deviations


def padded_to(planes: torch.Tensor, stride: int) -> torch.Tensor:
    """Return planes whose height and width are multiples of a stride, the last row and column repeated."""
    height, width = planes.shape[2:]
    return pad(planes, (0, -width % stride, 0, -height % stride), mode="replicate")


@contextmanager
def predicting(module: AnyModule) -> Iterator[AnyModule]:
    """Put a module into evaluation mode without gradients for the block, then restore its mode."""
    was_training = module.training
    module.eval()
    try:
        with torch.no_grad():
            yield module
    finally:
        module.train(was_training)


class MattingNetwork(torch.nn.Module):
    """A network from images, and trimaps if it takes them, to alphas.

    A subclass sets the attributes and implements ``estimate(planes)``. It takes planes (B, 3, 4 or 6, H, W) whose
    height and width are multiples of the stride, and returns alpha (B, 1, H, W) in [0, 1].

    Attributes
    ----------
    trimap_planes : int
        0 for a network without trimap; 1 if the trimap is the fourth plane; 3 if background, unknown and foreground
        are one plane each, of values 0 and 1.
    takes_trimap : bool
        Whether `forward` needs a trimap.
    side : int or None
        Shorter side in pixels of the image that the network sees in `predict_alpha`; None: the image as it is. It is
        saved with the network.
    boundary_trained : bool or None
        Whether a boundary head was trained; None if that is not known. It is saved with the network.
    stride : int
        Height and width are padded to multiples of the stride, by repeating the last row and column.
    mean, std : (3,) sequences
        Mean and standard deviation of the colours that the encoder was trained with; the network normalises by them.
    encoder_prefix : str or tuple of str
        Beginning of the names of the encoder's parameters.
    has_side_alphas : bool
        Whether `weighted_alphas` has the alpha at full size first, and then coarser ones.
    has_fixed_size : bool
        Whether an ONNX file of the network accepts one image size only.

    Shapes
    ------
    image : (B, 3, H, W), RGB in [0, 1]
    trimap : (B, 1, H, W), background at most 0.1, foreground at least 0.9; None for a network without trimap
    alpha : (B, 1, H, W), in [0, 1]
    """

    trimap_planes: int = 0
    side: int | None = None
    boundary_trained: bool | None = None
    stride: int = 32
    encoder_prefix: str | tuple[str, ...] = "encoder."
    has_side_alphas: bool = False
    has_fixed_size: bool = False
    mean: tuple[float, float, float] = MEAN
    std: tuple[float, float, float] = STD

    @property
    def takes_trimap(self) -> bool:
        """Whether `forward` needs a trimap."""
        return self.trimap_planes > 0

    def forward(self, image: torch.Tensor, trimap: torch.Tensor | None = None) -> torch.Tensor:
        """Return alpha (B, 1, H, W) in [0, 1] of a batch."""
        planes = self.prepared(image, trimap)
        return self.estimate(planes)[:, :, : image.shape[2], : image.shape[3]]

    def weighted_alphas(
        self, image: torch.Tensor, trimap: torch.Tensor | None = None
    ) -> list[tuple[float, torch.Tensor]]:
        """Return the alphas that the training loss applies to, as pairs (weight, alpha); the weights sum to 1.

        Most networks have a single pair, with the alpha of `forward`.
        """
        return [(1.0, self(image, trimap))]

    def prepared(self, image: torch.Tensor, trimap: torch.Tensor | None = None) -> torch.Tensor:
        """Return the checked, normalised and padded planes of a batch, the input of `estimate`."""
        if self.takes_trimap and trimap is None:
            raise ValueError("trimap is missing, expected one: the network was made with a trimap")
        if not self.takes_trimap and trimap is not None:
            raise ValueError("trimap was given, expected None: the network was made without a trimap")
        check_batch(image, "image", 3)
        check_together(image=image, trimap=trimap)
        return self.padded(self.join(image, trimap))

    def predicting(self) -> AbstractContextManager["MattingNetwork"]:
        """Return a context manager for evaluation mode without gradients; it restores the mode at its end."""
        return predicting(self)

    def padded(self, planes: torch.Tensor) -> torch.Tensor:
        """Return planes whose height and width are multiples of the stride, the last row and column repeated."""
        return padded_to(planes, self.stride)

    def join(self, image: torch.Tensor, trimap: torch.Tensor | None = None) -> torch.Tensor:
        """Return the normalised image with the trimap's planes appended, (B, 3, 4 or 6, H, W)."""
        planes = normalized(image, self.mean, self.std)
        if trimap is None:
            return planes
        if self.trimap_planes == 3:
            is_foreground, is_background, is_unknown = split_planes(trimap)
            trimap = torch.cat([is_background, is_unknown, is_foreground], dim=1).to(planes.dtype)
        return torch.cat([planes, trimap], dim=1)

    def estimate(self, planes: torch.Tensor) -> torch.Tensor:
        """Return alpha (B, 1, H, W) of the planes that `prepared` returns."""
        raise NotImplementedError

    def layer_depths(self) -> dict[str, int]:
        """Return, for each parameter's name, the number of encoder layers below it.

        Layer-wise decay of the learning rate uses these depths. Of n encoder layers, layer k has the depth k. The
        parameters of heads and decoders have the depth n.
        """
        raise NotImplementedError
