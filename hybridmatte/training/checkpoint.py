"""Read the checkpoint of a run without running code that it names, and check it before Lightning restores from it."""

from __future__ import annotations

import pickle
import re
import struct
import warnings
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch.plugins.io import TorchCheckpointIO

from hybridmatte.networks.config_schema import refused
from hybridmatte.networks.saved_weights import check_tensors, refuse_not_finite, same_tensors

__all__ = ["CheckedRestore", "LoadedCheckpoint", "check_checkpoint", "read_checkpoint"]

MAX_PICKLE = 1 << 26  # bytes of names and plain values; the tensors lie beside them
MAX_COUNT = 1 << 53
OLDEST_LIGHTNING = (2, 4)  # the first that this package allowed
READ_ERRORS = (  # of torch.load and zipfile, for a damaged file or one with other objects than tensors and plain values
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    pickle.UnpicklingError,
    struct.error,
    zipfile.BadZipFile,
)
CONTENTS: dict[str, type] = {
    "pytorch-lightning_version": str,
    "epoch": int,
    "global_step": int,
    "state_dict": dict,
    "loops": dict,
    "callbacks": dict,
    "optimizer_states": list,
    "lr_schedulers": list,
}
LATER_OPTIONS = ("decoupled_weight_decay",)  # of AdamW, in later versions of torch
CHECKPOINT_PATHS = ("best_model_path", "kth_best_model_path", "last_model_path")


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Return the content of a checkpoint, tensors on the CPU.

    Only tensors and plain values are accepted; code that the file names is never called, whatever version of Lightning
    is installed.

    Raises
    ------
    ValueError
        If the file is damaged, holds other objects, or would take more memory than its own size.
    """
    try:
        _check_archive(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except READ_ERRORS as error:
        if isinstance(error, OSError) and error.filename is not None:
            raise
        raise ValueError(
            f"checkpoint {path} is damaged, or holds other objects than tensors and plain values "
            f"({type(error).__name__}), expected one that train wrote"
        ) from error
    if not isinstance(checkpoint, dict):
        raise ValueError(f"checkpoint {path} holds a {type(checkpoint).__name__}, expected one that train wrote")
    return checkpoint


def _check_archive(path: Path) -> None:
    """Refuse a file whose parts, once unpacked, are larger than the file."""
    with zipfile.ZipFile(path) as archive:
        parts = archive.infolist()
    if any(part.compress_type != zipfile.ZIP_STORED for part in parts):
        raise zipfile.BadZipFile("a part is compressed")
    if sum(part.file_size for part in parts) > path.stat().st_size:
        raise zipfile.BadZipFile("parts overlap")
    if any(part.file_size > MAX_PICKLE for part in parts if part.filename.endswith(".pkl")):
        raise zipfile.BadZipFile("too many plain values")


def check_checkpoint(checkpoint: dict[str, Any], path: Path, module: lightning.LightningModule, epochs: int) -> None:
    """Refuse a checkpoint that Lightning could not restore into a module, or that another run wrote.

    Parameters
    ----------
    checkpoint : dict
        Result of `read_checkpoint`.
    path : path
        For messages.
    module : LightningModule
        Its tensors must be those of the checkpoint, by name, shape and kind of dtype.
    epochs : int
        Of the whole run.

    Raises
    ------
    ValueError
        It names the file and the key.
    """
    for key, kind in CONTENTS.items():
        if not isinstance(checkpoint.get(key), kind) or isinstance(checkpoint[key], bool):
            raise refused(path, key, checkpoint.get(key), f"a value of type {kind.__name__}")
    version = re.match(r"(\d{1,4})\.(\d{1,4})\.\d{1,4}[\w.+-]*$", checkpoint["pytorch-lightning_version"])
    if not version or tuple(map(int, version.groups())) < OLDEST_LIGHTNING:
        came = checkpoint["pytorch-lightning_version"]
        raise refused(path, "pytorch-lightning_version", came, "2.4.0 or later")
    for key, last in (("epoch", epochs), ("global_step", MAX_COUNT)):
        if not 0 <= checkpoint[key] <= last:
            raise refused(path, key, checkpoint[key], f"a number from 0 to {last}")
    _check_state(checkpoint["state_dict"], path, module)
    for key, state in checkpoint["callbacks"].items():
        _check_callback(key, state, path)
    if (samples := checkpoint.get("CropsModule")) is not None:
        _fitted_to(samples, {"samples": None if _is_none(samples) else 0}, "CropsModule", path)
    own: dict[str, Any] = {}
    module.on_save_checkpoint(own)
    _fitted_to({key: checkpoint[key] for key in own if key in checkpoint}, own, "checkpoint", path)


def _is_none(samples: Any) -> bool:
    """Return whether a number of samples is None, that of a stream."""
    return isinstance(samples, dict) and samples.get("samples", 0) is None


def _check_state(state: dict[Any, Any], path: Path, module: torch.nn.Module) -> None:
    """Refuse tensors that are not exactly those of a module, or not finite."""
    for name, tensor in state.items():
        if not isinstance(name, str) or not _is_plain(tensor):
            raise refused(path, f"state_dict of {str(name)[:200]}", tensor, "a tensor in memory")
    check_tensors(module, same_tensors(state, path), f"checkpoint {path} does not fit this run")
    refuse_not_finite(state, f"checkpoint {path}")


def _is_plain(tensor: object) -> bool:
    """Return whether an object is a dense tensor in the memory of the CPU."""
    is_dense = isinstance(tensor, torch.Tensor) and tensor.layout is torch.strided and not tensor.is_quantized
    return is_dense and tensor.device.type == "cpu"


def _check_callback(key: Any, state: Any, path: Path) -> None:
    """Refuse the state of a callback that is no dictionary, and paths by which Lightning would remove other files."""
    if not isinstance(key, str) or not isinstance(state, dict):
        raise refused(path, f"callbacks of {str(key)[:200]}", state, "a dictionary by name")
    if not key.startswith("ModelCheckpoint"):
        return
    best = state.get("best_k_models", {})
    if not isinstance(best, dict):
        raise refused(path, "callbacks best_k_models", best, "a dictionary")
    paths = [state.get(name, "" if name != "best_model_path" else None) for name in CHECKPOINT_PATHS]
    for file in (*paths, *best):
        if not isinstance(file, str) or ".." in Path(file).parts or "://" in file:
            raise refused(path, "callbacks path", file, "that of a checkpoint of this run")
    for score in (state.get("best_model_score"), state.get("kth_value"), *best.values()):
        is_scalar = isinstance(score, torch.Tensor) and _is_plain(score) and score.numel() == 1
        if score is not None and not is_scalar and not isinstance(score, int | float):
            raise refused(path, "callbacks score", score, "a number")
    if "best_model_score" not in state:
        raise refused(path, "callbacks best_model_score", None, "a number or None")


class LoadedCheckpoint(TorchCheckpointIO):
    """Gives Lightning a checkpoint that was read and checked before; it opens no file to load one.

    Parameters
    ----------
    checkpoint : dict, optional
        None for a new run.
    """

    def __init__(self, checkpoint: dict[str, Any] | None = None) -> None:
        super().__init__()
        self.checkpoint = checkpoint

    def load_checkpoint(self, path: Any, *_: Any, **__: Any) -> dict[str, Any]:
        """Return the checkpoint."""
        if self.checkpoint is None:
            raise ValueError(f"checkpoint {path} was not read, expected resume")
        return self.checkpoint


class CheckedRestore(lightning.Callback):
    """Checks progress, optimisers and schedules of a checkpoint against those of the new run, before they are restored.

    Lightning calls `on_fit_start` when the optimisers exist and before it changes them.

    Parameters
    ----------
    checkpoint : dict
        Result of `read_checkpoint`; it is modified: values that this version does not know are left out.
    path : path
        For messages.
    """

    def __init__(self, checkpoint: dict[str, Any], path: Path) -> None:
        self._checkpoint, self._path = checkpoint, path

    def on_fit_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:  # noqa: ARG002
        """Refuse what cannot be restored."""
        checkpoint, path = self._checkpoint, self._path
        own_progress = trainer.fit_loop.state_dict()
        progress = _fitted_to(checkpoint["loops"].get("fit_loop"), own_progress, "loops.fit_loop", path)
        for name, count in progress["epoch_progress"]["current"].items():
            if count > (trainer.max_epochs or 0):
                raise refused(path, f"epoch_progress.{name}", count, f"at most {trainer.max_epochs}")
        checkpoint["loops"] = {"fit_loop": progress}
        schedules = [config.scheduler.state_dict() for config in trainer.lr_scheduler_configs]
        checkpoint["lr_schedulers"] = _fitted_to(checkpoint["lr_schedulers"], schedules, "lr_schedulers", path)
        checkpoint["optimizer_states"] = _optimizer_states(checkpoint["optimizer_states"], trainer.optimizers, path)
        checkpoint.pop("native_amp_scaling_state", None)  # of Lightning before 2.0
        precision = trainer.precision_plugin.__class__.__qualname__
        if precision in checkpoint:
            wanted = trainer.precision_plugin.state_dict()
            checkpoint[precision] = _fitted_to(checkpoint[precision], wanted, precision, path)


def _optimizer_states(states: list[Any], optimizers: Sequence[torch.optim.Optimizer], path: Path) -> list[Any]:
    """Return the states of optimisers, each checked against its optimiser."""
    if len(states) != len(optimizers):
        raise ValueError(f"{path} has {len(states)} optimizer_states, expected {len(optimizers)}")
    return [
        _optimizer_state(state, optimizer, f"optimizer_states[{k}]", path)
        for k, (state, optimizer) in enumerate(zip(states, optimizers, strict=True))
    ]


def _optimizer_state(state: Any, optimizer: torch.optim.Optimizer, name: str, path: Path) -> dict[str, Any]:
    """Return the state of Adam or AdamW: the options of each group, and moments in the shape of their parameter."""
    if not isinstance(state, dict) or not isinstance(state.get("state"), dict):
        raise refused(path, name, state, "a dictionary with state and param_groups")
    wanted = optimizer.state_dict()["param_groups"]
    groups = _fitted_to(state.get("param_groups"), wanted, f"{name}.param_groups", path)
    for k, (group, own) in enumerate(zip(groups, wanted, strict=True)):
        if group["params"] != own["params"]:  # another order would give a parameter the moments of another
            raise refused(
                path, f"{name}.param_groups[{k}].params", group["params"], f"{own['params'][:9]} in this order"
            )
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    for index, moments in state["state"].items():
        if type(index) is not int or not 0 <= index < len(parameters) or not isinstance(moments, dict):
            raise refused(path, f"{name}.state", index, f"a parameter's number from 0 to {len(parameters) - 1}")
        for key, shape in _moments(parameters[index], groups):
            tensor = moments.get(key)
            if not _is_plain(tensor) or tuple(tensor.shape) != shape or not tensor.is_floating_point():
                raise refused(path, f"{name}.state[{index}].{key}", tensor, f"floating-point numbers of shape {shape}")
        if set(moments) != {key for key, _ in _moments(parameters[index], groups)}:
            raise refused(path, f"{name}.state[{index}]", sorted(map(str, moments)), "the moments of Adam alone")
        refuse_not_finite(moments, f"checkpoint {path}")
    return {"state": state["state"], "param_groups": groups}


def _moments(parameter: torch.Tensor, groups: list[dict[str, Any]]) -> list[tuple[str, tuple[int, ...]]]:
    """Return the names and shapes of what Adam keeps for a parameter."""
    own = tuple(parameter.shape)
    largest = [("max_exp_avg_sq", own)] if any(group.get("amsgrad") for group in groups) else []
    return [("step", ()), ("exp_avg", own), ("exp_avg_sq", own), *largest]


def _fitted_to(value: Any, template: Any, name: str, path: Path) -> Any:
    """Return a nested value from a file, refused unless it has the keys, lengths and types of a template.

    Keys that the template lacks are left out. Private keys and `LATER_OPTIONS` may be missing from the value, and are
    taken from the template: versions of torch and Lightning differ there.
    """
    if isinstance(template, dict):
        if not isinstance(value, dict):
            raise refused(path, name, value, "a dictionary")
        missing = [key for key in template if key not in value]
        for key in missing:
            if not str(key).startswith("_") and key not in LATER_OPTIONS:
                raise refused(path, f"{name}.{key}", None, f"a value like {template[key]!r}"[:200])
        fitted = {key: _fitted_to(value[key], template[key], f"{name}.{key}", path) for key in template if key in value}
        return fitted | {key: template[key] for key in missing}
    if isinstance(template, list | tuple):
        if not isinstance(value, list | tuple) or len(value) != len(template):
            raise refused(path, name, value, f"a list of {len(template)}")
        pairs = enumerate(zip(value, template, strict=True))
        return type(template)(_fitted_to(given, own, f"{name}[{k}]", path) for k, (given, own) in pairs)
    if not _has_type_of(value, template):
        raise refused(path, name, value, f"a value like {template!r}")
    return value


def _has_type_of(value: Any, template: Any) -> bool:
    """Return whether a plain value has the type of a template; numbers must be finite and at least 0."""
    if template is None or isinstance(template, bool):
        return isinstance(value, bool) or value is None and template is None
    if isinstance(template, int | float):
        allowed = (int,) if isinstance(template, int) else (int, float)
        return type(value) in allowed and 0 <= value <= MAX_COUNT
    return type(value) is type(template)
