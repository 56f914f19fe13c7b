"""ViTMatte, as transformers has it: a plain vision transformer with window attention and a light decoder."""

import re

from transformers import VitDetConfig, VitMatteConfig, VitMatteForImageMatting
from transformers.utils import logging

from hybridmatte._validation import check_choice
from hybridmatte.networks.network import MattingNetwork, count_planes

__all__ = ["MattingViT", "vitmatte"]

SIZES = {  # channels, heads, layers, layers with attention over the whole image, decoder channels
    "base": (768, 12, 12, (2, 5, 8, 11), (256, 128, 64, 32)),
    "small": (384, 6, 12, (2, 5, 8, 11), (256, 128, 64, 32)),
    "tiny": (96, 3, 4, (1, 3), (64, 48, 32, 16)),
}
STREAM = {"base": (48, 96, 192), "small": (48, 96, 192), "tiny": (12, 24, 48)}
WINDOW = 14  # patches on a side of the windows of the other layers


def vitmatte(size="small", *, trimap=True):
    """Make a `MattingViT` with random weights; `MattingViT.from_pretrained` loads trained ones.

    Parameters
    ----------
    size : {"small", "base", "tiny"}, default "small"
        26 million parameters, 97 million, or 0.8 million, which train on two CPU cores.
    trimap : {True, False, "one-hot"}, default True
        Whether the network takes a trimap, as its fourth plane, as public checkpoints do, or one-hot as three.

    Returns
    -------
    network : MattingViT

    References
    ----------
    .. [1] J. Yao, X. Wang, S. Yang, B. Wang. ViTMatte. Information Fusion 2023.

    Examples
    --------
    >>> import torch
    >>> network = vitmatte("tiny").eval()
    >>> network(torch.rand(1, 3, 40, 50), torch.rand(1, 1, 40, 50)).shape
    torch.Size([1, 1, 40, 50])
    """
    channels, heads, layers, whole, decoder = SIZES[check_choice(size, "size", tuple(SIZES))]
    backbone = VitDetConfig(
        hidden_size=channels, num_attention_heads=heads, num_hidden_layers=layers,
        num_channels=3 + count_planes(trimap), image_size=512, pretrain_image_size=224, patch_size=16,
        window_size=WINDOW,
        window_block_indices=[k for k in range(layers) if k not in whole], residual_block_indices=list(whole),
        use_relative_position_embeddings=True, out_features=[f"stage{layers}"])
    config = VitMatteConfig(backbone_config=backbone, hidden_size=channels, fusion_hidden_sizes=list(decoder),
                            convstream_hidden_sizes=list(STREAM[size]))
    return MattingViT(VitMatteForImageMatting(config))


class MattingViT(MattingNetwork):
    """A transformers `VitMatteForImageMatting` as a `MattingNetwork`; three channels or, with trimap, four or six.

    Parameters
    ----------
    model : VitMatteForImageMatting
    """

    mean = std = (0.5, 0.5, 0.5)
    encoder_prefix = "model.backbone."
    has_fixed_size = True  # the windows' padding is computed from the size while the graph is recorded

    def __init__(self, model):
        super().__init__()
        self.model = model
        self.trimap_planes = model.config.backbone_config.num_channels - 3

    @classmethod
    def from_pretrained(cls, source):
        """Load a folder written by `save_pretrained`, or a public checkpoint of transformers' class by its name."""
        return cls(VitMatteForImageMatting.from_pretrained(source))

    def save_pretrained(self, folder):
        """Write the weights (safetensors) and the configuration (JSON) to a folder."""
        shows_bars = logging.is_progress_bar_enabled()
        logging.disable_progress_bar()  # of one file
        try:
            self.model.save_pretrained(folder)
        finally:
            if shows_bars:
                logging.enable_progress_bar()

    def estimate(self, planes):
        """Return alpha of normalised planes."""
        return self.model(planes).alphas

    def layer_depths(self):
        """Return 0 for the embedding, k + 1 for layer k of the transformer, and the decoder after the last."""
        last = self.model.config.backbone_config.num_hidden_layers + 1
        depths = {}
        for name, _ in self.named_parameters():
            layer = re.search(r"encoder\.layer\.(\d+)\.", name)
            embedding = 0 if ".embeddings." in name else last
            depths[name] = int(layer.group(1)) + 1 if layer else embedding
        return depths
