"""Published vision transformers as the start of a ViTMatte or of a MatteFormer: their tensors under the names here."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path

import timm
import torch
from torch.nn.functional import interpolate

from hybridmatte.networks.encoder_weights import fitted_planes, published_tensors

__all__ = ["load_swin", "load_vit", "timm_tensors"]

Tensors = dict[str, torch.Tensor]
Names = Sequence[tuple[str, str]]
PREFIX = re.compile(r"^(?:module\.)?(?:backbone\.)?")  # of the networks that DINO wraps
POSITIONS = "embeddings.position_embeddings"
VIT_NAMES: Names = (  # of timm, DINO and MAE, which are the same, to transformers' VitDet
    (r"^pos_embed$", POSITIONS),
    (r"^patch_embed\.proj\.", "embeddings.projection."),
    (r"^blocks\.(\d+)\.attn\.", r"encoder.layer.\1.attention."),
    (r"^blocks\.(\d+)\.", r"encoder.layer.\1."),
)
TRANSFORMERS_NAMES: Names = (  # of transformers' ViT to timm
    (r"^embeddings\.cls_token$", "cls_token"),
    (r"^embeddings\.mask_token$", "mask_token"),
    (r"^embeddings\.position_embeddings$", "pos_embed"),
    (r"^embeddings\.patch_embeddings\.projection\.", "patch_embed.proj."),
    (r"^encoder\.layer\.", "blocks."),
    (r"\.attention\.output\.dense\.", ".attn.proj."),
    (r"\.intermediate\.dense\.", ".mlp.fc1."),
    (r"\.output\.dense\.", ".mlp.fc2."),
    (r"\.layernorm_before\.", ".norm1."),
    (r"\.layernorm_after\.", ".norm2."),
    (r"^layernorm\.", "norm."),
    (r"^(pooler|classifier|decoder)\.", "head."),
)
TRANSFORMERS_PREFIX = re.compile(r"^vit\.")
TRANSFORMERS_MARK = ".attention.attention.query."  # in a name of each block
VIT_UNUSED = re.compile(r"^(cls_token$|mask_token$|decoder_|norm\.|fc_norm\.|head\.)")  # heads, and MAE's decoder
RELATIVE = re.compile(r"\.rel_pos_[hw]$")
VIT_OWN = re.compile(r"\.rel_pos_[hw]$|\.residual\.")  # of VitDet alone
SWIN_NAMES: Names = (  # of timm and of Swin's authors to PriorEncoder
    (r"^patch_embed\.proj\.", "embedding."),
    (r"^patch_embed\.norm\.", "norm."),
    (r"^layers\.(\d)\.downsample\.", r"stages.\1.merging."),
    (r"\.attn\.relative_position_bias_table$", ".attention.position_bias"),
    (r"\.attn\.proj\.", ".attention.projection."),
    (r"\.attn\.", ".attention."),
    (r"^layers\.(\d)\.", r"stages.\1."),
)
SWIN_UNUSED = re.compile(r"^(norm\d?\.|head\.)|relative_position_index$|attn_mask$")
SWIN_OWN = re.compile(r"\.prior_bias$|^stages\.\d\.norm\.")


def load_vit(backbone: torch.nn.Module, source: str | PathLike[str] | Tensors) -> None:
    """Load a plain vision transformer of DINO, MAE, timm or transformers into the backbone of a ViTMatte.

    Patch embedding, position embeddings and blocks are loaded. Position embeddings of another size are interpolated.
    The weights of the trimap's planes are 0. Relative positions, which VitDet has beside them, start at 0. Its
    residual convolutions start as they are, at nothing.

    Parameters
    ----------
    backbone : transformers' VitDetBackbone
    source : str, path or dict of tensors
        A file of weights or an installed package with one, see `hybridmatte.networks.encoder_weights`.

    Raises
    ------
    FileNotFoundError
        If there is no such file or package.
    ValueError
        If a tensor is missing, is left over, or has another shape.
    """
    path, found = _published(source)
    if any(TRANSFORMERS_MARK in name for name in found):
        found = _of_transformers(found)
    found = _renamed(found, VIT_NAMES, VIT_UNUSED)
    if POSITIONS in found:
        found[POSITIONS] = _fitted_positions(found[POSITIONS], backbone.state_dict()[POSITIONS])
    _load(backbone, found, path, VIT_OWN)
    for name, parameter in backbone.named_parameters():
        if RELATIVE.search(name):
            torch.nn.init.zeros_(parameter)


def load_swin(encoder: torch.nn.Module, source: str | PathLike[str] | Tensors) -> None:
    """Load a Swin transformer of timm or of its authors into the encoder of a MatteFormer.

    Patch embedding, blocks and mergings are loaded. The weights of the trimap's planes are 0. The norms after the
    stages and the biases of the prior tokens stay as they are. Parameters and errors are those of `load_vit`.
    """
    path, found = _published(source)
    if any(name.startswith("layers.0.downsample.") for name in found):  # the authors merge at the end of a stage
        found = {
            re.sub(r"^layers\.(\d)\.downsample", lambda match: f"layers.{int(match[1]) + 1}.downsample", name): tensor
            for name, tensor in found.items()
        }
    _load(encoder, _renamed(found, SWIN_NAMES, SWIN_UNUSED), path, SWIN_OWN)


def timm_tensors(name: str) -> Tensors:
    """Return the tensors of timm's network of that name; its weights are downloaded."""
    return timm.create_model(name, pretrained=True).state_dict()


def _published(source: str | PathLike[str] | Tensors) -> tuple[Path, Tensors]:
    """Return the tensors of a source without the prefixes of wrapped networks, and what to call it."""
    path, found = (Path("timm"), source) if isinstance(source, dict) else published_tensors(source)
    return path, {PREFIX.sub("", name): tensor for name, tensor in found.items()}


def _of_transformers(found: Tensors) -> Tensors:
    """Return the tensors of transformers' ViT under the names of timm, which has query, key and value in one tensor."""
    found = {TRANSFORMERS_PREFIX.sub("", name): tensor for name, tensor in found.items()}
    for name in [name for name in found if TRANSFORMERS_MARK in name]:
        parts = [found.pop(name.replace(".query.", f".{part}.")) for part in ("query", "key", "value")]
        found[name.replace(TRANSFORMERS_MARK, ".attn.qkv.")] = torch.cat(parts)
    return _renamed(found, TRANSFORMERS_NAMES, re.compile(r"(?!)"))


def _renamed(found: Mapping[str, torch.Tensor], names: Names, unused: re.Pattern[str]) -> Tensors:
    """Return tensors under other names, without the unused ones."""
    renamed = {}
    for name, tensor in found.items():
        if unused.search(name):
            continue
        for pattern, replacement in names:
            name = re.sub(pattern, replacement, name)
        renamed[name] = tensor
    return renamed


def _load(module: torch.nn.Module, found: Tensors, path: Path, own_names: re.Pattern[str]) -> None:
    """Load tensors that must be all of a module's, but those of its own names."""
    own = module.state_dict()
    lacking = [name for name in own if name not in found and not own_names.search(name)]
    if lacking:
        raise ValueError(f"pretrained {path} has no tensor for {lacking[0]}, expected weights of the same transformer")
    extra = [name for name in found if name not in own]
    if extra:
        raise ValueError(f"pretrained {path} has a tensor {extra[0]}, expected weights of the same transformer")
    module.load_state_dict({name: fitted_planes(found[name], own[name], name, path) for name in found}, strict=False)


def _fitted_positions(found: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """Return position embeddings (1, 1 + n, C) of another number n of patches; those of the class token come first."""
    count = found.shape[1] - 1 if int(found.shape[1] ** 0.5) ** 2 != found.shape[1] else found.shape[1]
    first, grid = found[:, : found.shape[1] - count], found[:, found.shape[1] - count :]
    if first.shape[1] == 0:
        first = torch.zeros_like(found[:, :1])
    side, wanted = round(count**0.5), round((like.shape[1] - 1) ** 0.5)
    if side * side != count:
        return found  # no square: refused with its shape
    if side != wanted:
        planes = grid.mT.unflatten(2, (side, side)).float()
        planes = interpolate(planes, (wanted, wanted), mode="bicubic", align_corners=False, antialias=False)
        grid = planes.flatten(2).mT.to(grid.dtype)
    return torch.cat([first, grid], dim=1)
