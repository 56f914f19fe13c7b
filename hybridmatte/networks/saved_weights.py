"""Read the tensors of a saved network, after a check of each one's name, shape and dtype."""

from __future__ import annotations

import re
import struct
import warnings
from collections.abc import Callable, Mapping
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from torch.nn.functional import normalize
from torch.overrides import TorchFunctionMode

from hybridmatte.io.documents import read_json_object
from hybridmatte.io.streams import naming
from hybridmatte.networks.config_schema import refused

__all__ = ["StoredTensor", "check_tensors", "load_saved", "refuse_not_finite", "same_tensors", "stored_tensors"]

AnyModule = TypeVar("AnyModule", bound=torch.nn.Module)
WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
MAX_HEADER = MAX_INDEX = 1 << 24  # bytes; 100 for each tensor are usual
FLOATS = ("float16", "bfloat16", "float32", "float64")
TORCH_NAMES = {  # of the dtypes of safetensors that a network may need
    "F16": "float16",
    "BF16": "bfloat16",
    "F32": "float32",
    "F64": "float64",
    "I64": "int64",
    "I32": "int32",
    "U8": "uint8",
    "BOOL": "bool",
}
BUILD_ERRORS = (  # of torch, timm and transformers, for an architecture that cannot be built
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
)


class StoredTensor(NamedTuple):
    """Shape and dtype of a tensor in a file, the dtype by torch's name."""

    shape: tuple[int, ...]
    dtype: str
    path: Path


class _Skeleton(TorchFunctionMode):
    """Keeps small numbers and the power iterations of spectral norms cheap while a module is built without memory."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func is torch.linspace:  # the rates of stochastic depth, whose values are read
            return func(*args, **{"device": "cpu", **kwargs})
        if func is normalize:
            return args[0] if kwargs.get("out") is None else kwargs["out"]
        if func is torch.mv:
            return args[0].new_empty(args[0].shape[0])
        return func(*args, **kwargs)


def load_saved(make: Callable[[], AnyModule], folder: str | PathLike[str]) -> AnyModule:
    """Build a network and load the tensors of its folder.

    The network is first built without memory for its tensors. Memory is taken only if the files hold exactly the
    tensors that the network needs, so that it is bounded by the size of the files.

    Parameters
    ----------
    make : callable
        Builds the network, by a configuration that was checked.
    folder : str or path
        It holds model.safetensors, or several files and model.safetensors.index.json.

    Returns
    -------
    network : Module
        In evaluation mode.

    Raises
    ------
    FileNotFoundError
        If the folder has no weights.
    ValueError
        If the network cannot be built, a tensor is missing, left over, of another shape or kind of dtype, or not
        finite, or a file cannot be read. The message names the file and the tensor.
    """
    folder = Path(folder)
    stored = stored_tensors(folder)
    try:
        with warnings.catch_warnings(), torch.device("meta"), _Skeleton():
            warnings.simplefilter("ignore")
            skeleton = make()
    except BUILD_ERRORS as error:
        raise ValueError(
            f"{folder / 'config.json'} describes a network that cannot be built "
            f"({type(error).__name__}: {str(error)[:200]}), expected one that save_pretrained wrote"
        ) from error
    check_tensors(skeleton, stored, f"network {folder} has weights that cannot be read or do not fit its config.json")
    network = make()
    network.load_state_dict(_read_tensors(network, stored), strict=False)
    return network.eval()


def check_tensors(network: torch.nn.Module, found: Mapping[str, StoredTensor], prefix: str) -> None:
    """Refuse tensors that are not exactly those of a network, by name, shape and kind of dtype.

    A tensor that the network has under several names may be stored under one of them. The prefix begins the message.
    """
    expected = network.state_dict(keep_vars=True)
    known = {id(expected[name]) for name in found if name in expected}
    missing = [name for name, tensor in expected.items() if id(tensor) not in known]
    if missing:
        shape = tuple(expected[missing[0]].shape)
        raise ValueError(f"{prefix}: there is no tensor {_named(missing)}, expected one of shape {shape}")
    extra = [name for name in found if name not in expected]
    if extra:
        raise ValueError(f"{prefix}: there is a tensor {_named(extra)}, expected none of that name")
    for name, tensor in found.items():
        wanted = expected[name]
        if tensor.shape != tuple(wanted.shape):
            raise ValueError(f"{prefix}: tensor {name} has shape {tensor.shape}, expected {tuple(wanted.shape)}")
        kinds = FLOATS if wanted.is_floating_point() else (_dtype_name(wanted),)
        if tensor.dtype not in kinds:
            raise ValueError(f"{prefix}: tensor {name} has dtype {tensor.dtype}, expected {' or '.join(kinds)}")


def same_tensors(tensors: Mapping[str, torch.Tensor], path: Path) -> dict[str, StoredTensor]:
    """Return the descriptions of tensors in memory that were read from a file."""
    return {name: StoredTensor(tuple(tensor.shape), _dtype_name(tensor), path) for name, tensor in tensors.items()}


def _dtype_name(tensor: torch.Tensor) -> str:
    """Return the name of a tensor's dtype."""
    return str(tensor.dtype).removeprefix("torch.")


def _named(names: list[str]) -> str:
    """Return the first of some names, and how many follow."""
    return names[0][:200] + (f" (and {len(names) - 1} more)" if len(names) > 1 else "")


def stored_tensors(folder: Path) -> dict[str, StoredTensor]:
    """Return the descriptions of all tensors of a folder, by name, from the headers of its files."""
    if (folder / WEIGHTS).is_file():
        return _read_header(folder / WEIGHTS)
    if not (folder / INDEX).is_file():
        raise FileNotFoundError(f"network {folder} has no {WEIGHTS}, expected one written by save_pretrained")
    place = _file_of_each(folder / INDEX)
    stored: dict[str, StoredTensor] = {}
    for file in dict.fromkeys(place.values()):
        for name, tensor in _read_header(folder / file).items():
            if place.get(name) != file:
                raise refused(folder / INDEX, f"weight_map of {name}", place.get(name), f"{file!r}, which holds it")
            stored[name] = tensor
    for name, file in place.items():
        if name not in stored:
            raise refused(folder / INDEX, f"weight_map of {name}", file, "a file that holds this tensor")
    return stored


def _file_of_each(index: Path) -> dict[str, str]:
    """Return the file of each tensor, from an index; refuse files outside its folder, and missing ones."""
    place = read_json_object(index, max_bytes=MAX_INDEX).get("weight_map")
    if not isinstance(place, dict) or not place:
        raise refused(index, "weight_map", place, "an object from tensors to files")
    for name, file in place.items():
        if not isinstance(file, str) or not re.fullmatch(r"[\w-][\w.-]*\.safetensors", file):
            raise refused(index, f"weight_map of {name[:200]}", file, "the name of a .safetensors file in this folder")
    for file in dict.fromkeys(place.values()):
        if not (index.parent / file).is_file():
            raise FileNotFoundError(f"{index} names {file}, expected such a file beside it")
    return place


def _read_header(path: Path) -> dict[str, StoredTensor]:
    """Return the descriptions of the tensors in a file of safetensors."""
    with naming(path), path.open("rb") as file:
        start = file.read(8)
    length = struct.unpack("<Q", start)[0] if len(start) == 8 else -1
    if not 0 < length <= min(MAX_HEADER, path.stat().st_size - 8):
        raise _unreadable(path, "its header does not fit into it")
    try:
        with safe_open(path, framework="pt") as file:
            slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
            dtypes = {name: s.get_dtype() for name, s in slices.items()}
            return {
                name: StoredTensor(tuple(s.get_shape()), TORCH_NAMES.get(dtypes[name], dtypes[name]), path)
                for name, s in slices.items()
            }
    except (SafetensorError, OSError, ValueError) as error:
        raise _unreadable(path, error) from None


def _read_tensors(network: torch.nn.Module, stored: Mapping[str, StoredTensor]) -> dict[str, torch.Tensor]:
    """Return the tensors in the dtypes of the network; refuse values that are not finite there."""
    dtypes = {name: tensor.dtype for name, tensor in network.state_dict().items()}
    tensors: dict[str, torch.Tensor] = {}
    for path in dict.fromkeys(tensor.path for tensor in stored.values()):
        try:
            with safe_open(path, framework="pt") as file:
                names = [name for name, tensor in stored.items() if tensor.path == path]
                read = {name: file.get_tensor(name).to(dtypes[name]) for name in names}
        except (SafetensorError, OSError) as error:
            raise _unreadable(path, error) from None
        refuse_not_finite(read, path)
        tensors |= read
    return tensors


def refuse_not_finite(tensors: Mapping[str, torch.Tensor], source: object) -> None:
    """Refuse tensors with NaN or infinite values."""
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise ValueError(f"{source} has NaN or infinite values in tensor {name}, expected finite ones")


def _unreadable(path: Path, reason: object) -> ValueError:
    """Return the error for a file of safetensors that is damaged."""
    return ValueError(
        f"network {path.parent} has weights that cannot be read or do not fit its config.json: {path.name}: "
        f"{(str(reason) or type(reason).__name__).splitlines()[0][:200]}"
    )
