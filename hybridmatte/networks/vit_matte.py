"""ViTMatte by transformers: a plain vision transformer with window attention, and a small convolutional decoder."""

import re
from os import PathLike
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from transformers import VitDetConfig, VitMatteConfig, VitMatteForImageMatting
from transformers.utils import logging

from hybridmatte._validation import check_choice
from hybridmatte.io.documents import read_json_object
from hybridmatte.networks.config_schema import NOTES, check_rules
from hybridmatte.networks.encoder_weights import renormalize
from hybridmatte.networks.network import MEAN, STD, MattingNetwork, TrimapOption, count_planes
from hybridmatte.networks.saved_network import CONFIG, download_config, weights_folder
from hybridmatte.networks.saved_weights import load_saved
from hybridmatte.networks.transformer_weights import load_vit, timm_tensors
from hybridmatte.networks.vit_matte_schema import vit_matte_options

__all__ = ["MattingViT", "vitmatte"]


class Size(NamedTuple):
    """The transformer of a size, and the channels of the decoder."""

    channels: int
    heads: int
    layers: int
    global_layers: tuple[int, ...]  # layers with attention over the whole image; the others use windows
    decoder: tuple[int, ...]
    detail: tuple[int, ...]  # of the convolutions on the input, which bring detail to the decoder


SIZES = {
    "base": Size(768, 12, 12, (2, 5, 8, 11), (256, 128, 64, 32), (48, 96, 192)),
    "small": Size(384, 6, 12, (2, 5, 8, 11), (256, 128, 64, 32), (48, 96, 192)),
    "tiny": Size(96, 3, 4, (1, 3), (64, 48, 32, 16), (12, 24, 48)),
}
DINO = {"small": "vit_small_patch16_224.dino", "base": "vit_base_patch16_224.dino"}  # of timm
WINDOW = 14  # side of a window, in patches


def vitmatte(
    size: Literal["small", "base", "tiny"] = "small",
    *,
    trimap: TrimapOption = True,
    pretrained: bool | str | PathLike[str] = False,
) -> "MattingViT":
    """Make a `MattingViT` with random weights; `MattingViT.from_pretrained` loads trained ones.

    Parameters
    ----------
    size : {"small", "base", "tiny"}, default "small"
        26 million parameters, 97 million, or 0.8 million, which can be trained on two CPU cores.
    trimap : {True, False, "one-hot"}, default True
        Whether the network takes a trimap: as the fourth plane, like public checkpoints, or one-hot as three planes.
    pretrained : bool, str or path, default False
        Start the transformer from DINO's weights of timm, which are downloaded, for "small" and "base"; or from a local
        file, or an installed package, of weights of DINO, of MAE or of timm's plain vision transformers with patches of
        16 pixels, see `hybridmatte.networks.transformer_weights.load_vit`. They are taken to be trained with colours
        normalised by ImageNet's mean and deviation, as those of DINO and MAE; the patch embedding is changed to this
        network's, which are those of public checkpoints.

    Returns
    -------
    network : MattingViT

    Raises
    ------
    ValueError
        If size or trimap is none of these, or the weights do not fit.
    FileNotFoundError
        If pretrained names neither a file nor a package.

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
    channels, heads, layers, global_layers, decoder, detail = SIZES[check_choice(size, "size", tuple(SIZES))]
    backbone = VitDetConfig(
        hidden_size=channels,
        num_attention_heads=heads,
        num_hidden_layers=layers,
        num_channels=3 + count_planes(trimap),
        image_size=512,
        pretrain_image_size=224,
        patch_size=16,
        window_size=WINDOW,
        window_block_indices=[k for k in range(layers) if k not in global_layers],
        residual_block_indices=list(global_layers),
        use_relative_position_embeddings=True,
        out_features=[f"stage{layers}"],
    )  # pyright: ignore[reportCallIssue]
    config = VitMatteConfig(
        backbone_config=backbone,
        hidden_size=channels,
        fusion_hidden_sizes=list(decoder),
        convstream_hidden_sizes=list(detail),
    )
    network = MattingViT(VitMatteForImageMatting(config))
    if pretrained is not False:
        if pretrained is True and size not in DINO:
            raise ValueError(f"size is {size!r}, expected {' or '.join(map(repr, DINO))} with weights of timm")
        load_vit(network.model.backbone, timm_tensors(DINO[size]) if pretrained is True else pretrained)
        embedding = network.model.backbone.embeddings.projection
        renormalize(embedding, (MEAN, STD), (network.mean, network.std))
    return network


def _build(options: dict[str, Any], backbone: dict[str, Any]) -> VitMatteForImageMatting:
    """Return a model with random weights, by the options of its two configurations."""
    inner = VitDetConfig(**backbone)
    return VitMatteForImageMatting(VitMatteConfig(backbone_config=inner, **options))


class MattingViT(MattingNetwork):
    """A transformers `VitMatteForImageMatting` as a `MattingNetwork`.

    Parameters
    ----------
    model : VitMatteForImageMatting
        With three input channels, or four or six for a network that takes a trimap.

    Shapes
    ------
    image : (B, 3, H, W), RGB in [0, 1]
    trimap : (B, 1, H, W); None for a network without trimap
    alpha : (B, 1, H, W), in [0, 1]
    """

    mean = std = (0.5, 0.5, 0.5)
    encoder_prefix = "model.backbone."
    has_fixed_size = True  # the padding of the windows is computed while the graph is recorded

    def __init__(self, model: VitMatteForImageMatting) -> None:
        super().__init__()
        self.model = model
        self.backbone_config: Any = model.config.backbone_config
        self.trimap_planes = self.backbone_config.num_channels - 3

    @classmethod
    def from_pretrained(cls, source: str | PathLike[str]) -> "MattingViT":
        """Load a folder written by `save_pretrained`, or a public checkpoint of transformers' class by its name.

        Parameters
        ----------
        source : str or path
            Folder, or OWNER/NAME of a model on the Hugging Face hub.

        Returns
        -------
        network : MattingViT
            In evaluation mode.

        Raises
        ------
        FileNotFoundError
            If a file is missing.
        ValueError
            If config.json has an unknown key or a value out of its range, or the tensors are not exactly those of the
            network. The message names the file, and the key or the tensor.
        """
        path = Path(source) / CONFIG if Path(source).is_dir() else download_config(str(source))
        config = read_json_object(path)
        side = {"side": config.pop("side")} if "side" in config else {}
        check_rules(NOTES, side, path)
        options, inside = vit_matte_options(config, path)
        network = cls(load_saved(lambda: _build(options, inside), weights_folder(source))).eval()
        network.side = side.get("side")
        return network

    def save_pretrained(self, folder: str | PathLike[str]) -> None:
        """Write the weights (safetensors) and the configuration (JSON) to a folder."""
        if self.side is None:
            vars(self.model.config).pop("side", None)
        else:
            self.model.config.side = self.side
        shows_bars = logging.is_progress_bar_enabled()
        logging.disable_progress_bar()  # it would show the writing of a single file
        try:
            self.model.save_pretrained(folder)
        finally:
            if shows_bars:
                logging.enable_progress_bar()

    def estimate(self, planes: torch.Tensor) -> torch.Tensor:
        """Return alpha of the planes that `prepared` returns."""
        return self.model(planes).alphas

    def layer_depths(self) -> dict[str, int]:
        """Return the depth of each parameter: 0 for the embedding, k + 1 for layer k, the largest for the decoder."""
        last = self.backbone_config.num_hidden_layers + 1
        depths = {}
        for name, _ in self.named_parameters():
            layer = re.search(r"encoder\.layer\.(\d+)\.", name)
            outside = 0 if ".embeddings." in name else last
            depths[name] = int(layer.group(1)) + 1 if layer else outside
        return depths
