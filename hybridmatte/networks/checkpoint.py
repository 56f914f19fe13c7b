"""Load a saved network of any class."""

from __future__ import annotations

import json
from os import PathLike
from pathlib import Path
from typing import Any, cast

from huggingface_hub import hf_hub_download, snapshot_download
from safetensors import SafetensorError
from safetensors.torch import load_model

from hybridmatte import networks
from hybridmatte.correction.weights import WEIGHTS

__all__ = ["load_network"]

# classes by the key "network" of config.json; functions, since the package imports a class when it is first named
CLASSES = {
    "gca": lambda: networks.MattingGCA,
    "matteformer": lambda: networks.MattingFormer,
    "modnet": lambda: networks.MattingMOD,
    "net_m": lambda: networks.MattingNonlocal,
    "net_t": lambda: networks.TrimapNetwork,
    "unet": lambda: networks.MattingUNet,
}


def load_network(
    source: str | PathLike[str],
) -> networks.MattingNetwork | networks.TrimapNetwork | networks.JointInference:
    """Load a network that `save_pretrained` wrote, one that comes with the package, or a public ViTMatte checkpoint.

    Parameters
    ----------
    source : str or path
        A folder with ``config.json`` and ``model.safetensors``; "people" for the small network for people that comes
        with the package and takes the image alone (write "./people" for a folder of that name); or OWNER/NAME of a
        model on the Hugging Face hub, which is downloaded.

    Returns
    -------
    network : MattingNetwork, TrimapNetwork or JointInference
        In evaluation mode.

    Raises
    ------
    FileNotFoundError
        If source is a path without these files, or the hub has no such model.
    ValueError
        If config.json is not that of a known network, or the weights cannot be read or do not fit.
    """
    source = WEIGHTS["people"] if source == "people" else source
    config = _read_config(source)
    kind = "vitmatte" if config.get("model_type") == "vitmatte" else config.get("network", "unet")
    if kind == "joint":
        return _load_joint(source, config)
    if kind not in ("vitmatte", *CLASSES) or kind == "unet" and "encoder" not in config:
        raise ValueError(
            f"network {source} has the config.json of no known network, expected one of VitMatte or one "
            "written by save_pretrained"
        )
    try:
        if kind == "vitmatte":
            return networks.MattingViT.from_pretrained(str(source)).eval()
        return _load(CLASSES[kind](), config, source).eval()
    except (SafetensorError, RuntimeError) as error:
        raise ValueError(
            f"network {source} has weights that cannot be read or do not fit its config.json: "
            f"{str(error).splitlines()[0]}"
        ) from None


def _read_config(source: str | PathLike[str]) -> dict[str, Any]:
    """Return the content of a network's config.json, downloaded if the source names a model on the hub."""
    folder = Path(source)
    if folder.is_dir():
        path = folder / "config.json"
        if not path.is_file():
            raise FileNotFoundError(f"network {folder} has no config.json, expected one written by save_pretrained")
    elif _is_local(folder, str(source)):
        raise FileNotFoundError(
            f"network {source} is no folder, expected one written by save_pretrained, OWNER/NAME "
            "on the Hugging Face hub, or people"
        )
    else:
        path = _download(str(source))
    config = json.loads(Path(path).read_text(encoding="utf-8"))
    if "paradigm" in config:
        near = f", perhaps {folder / 'network'}" if (folder / "network" / "config.json").is_file() else ""
        raise ValueError(f"network {source} is the folder of a training run, expected the folder of a network{near}")
    return config


def _is_local(folder: Path, name: str) -> bool:
    """Return whether a name that is not a folder can only mean a folder; names on the hub are OWNER/NAME."""
    is_inside_run = (folder.parent / "config.json").is_file()  # a run that has not written its network yet
    return folder.exists() or name.count("/") != 1 or name.startswith((".", "/", "~")) or is_inside_run


def _download(name: str) -> str:
    """Return the path of config.json of a model on the hub."""
    try:
        return hf_hub_download(name, "config.json")
    except OSError as error:  # the errors of the hub are subclasses
        raise FileNotFoundError(
            f"network {name} is no folder here, and the hub does not give a model of that name: "
            f"{str(error).strip().splitlines()[0]}"
        ) from error


def _load_joint(source: str | PathLike[str], config: dict[str, Any]) -> networks.JointInference:
    """Load both networks of a `JointInference` from the folders net_t and net_m beside its config.json."""
    folder = Path(source)
    if not folder.is_dir():
        folder = Path(snapshot_download(str(source)))
    # JointInference itself refuses a network of another class
    net_t = cast("networks.TrimapNetwork", load_network(folder / "net_t"))
    net_m = cast("networks.MattingNetwork", load_network(folder / "net_m"))
    return networks.JointInference(net_t, net_m, config.get("fusion", "")).eval()


def _load(kind, config: dict[str, Any], source: str | PathLike[str]):
    """Return a network of a class, made by its configuration, with the weights of a folder or of the hub."""
    folder = Path(source)
    if not folder.is_dir():
        return kind.from_pretrained(str(source))
    network = kind(**config)
    weights = folder / "model.safetensors"
    if not weights.is_file():
        raise FileNotFoundError(f"network {folder} has no model.safetensors, expected one written by save_pretrained")
    load_model(network, weights)
    return network
