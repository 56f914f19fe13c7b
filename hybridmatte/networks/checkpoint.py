"""Load a saved network of any class."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Any, cast

from huggingface_hub import hf_hub_download

from hybridmatte import networks
from hybridmatte.correction.weights import BUNDLED_NAMES, WEIGHTS
from hybridmatte.io.documents import read_json_object
from hybridmatte.networks.config_schema import check_config
from hybridmatte.networks.saved_network import CONFIG, hub_folder, quiet_hub, weights_folder

__all__ = ["load_network", "load_trained"]

HUB = "hf:"
NETWORK = "network"  # folder of the network in that of a training run
PARTS_OF_JOINT = ("net_t", "net_m")
# classes by the key "network" of config.json; functions, since the package imports a class when it is first named
CLASSES = {
    "gca": lambda: networks.MattingGCA,
    "matteformer": lambda: networks.MattingFormer,
    "modnet": lambda: networks.MattingMOD,
    "net_m": lambda: networks.MattingNonlocal,
    "net_t": lambda: networks.TrimapNetwork,
    "pyramid": lambda: networks.MattingPyramid,
    "unet": lambda: networks.MattingUNet,
}


def load_network(
    source: str | PathLike[str],
) -> networks.MattingNetwork | networks.TrimapNetwork | networks.JointInference:
    """Load a network that `save_pretrained` wrote, one that comes with the package, or a public ViTMatte checkpoint.

    Parameters
    ----------
    source : str or path
        A folder with ``config.json`` and ``model.safetensors``; one of the networks that come with the package (write
        "./finder" for a folder of that name): "finder", with the old name "people", finds people and animals in the
        image alone, and "refiner" corrects a mask, which it takes in the trimap's place (the weights of both are for
        research use); or OWNER/NAME of a model on the Hugging Face hub, which is downloaded; or hf:OWNER/NAME, which is
        never a folder.

    Returns
    -------
    network : MattingNetwork, TrimapNetwork or JointInference
        In evaluation mode.

    Raises
    ------
    FileNotFoundError
        If source is a path without these files, or the hub has no such model.
    ValueError
        If config.json is not that of a known network, has an unknown key or a value out of its range; or if a tensor
        is missing, left over, of another shape or dtype, or not finite. The message names the file, and the key or the
        tensor. Nothing is built before config.json is checked, and no other model is looked up on a hub.
    """
    source = WEIGHTS[BUNDLED_NAMES[source]] if isinstance(source, str) and source in BUNDLED_NAMES else source
    if isinstance(source, str) and source.startswith(HUB):
        _download(source.removeprefix(HUB))  # a missing one is one sentence
        source = hub_folder(source.removeprefix(HUB))
    config, path = _read_config(source)
    kind = _kind_of(config)
    if kind == "joint":
        return _load_joint(source, config, path)
    if kind == "vitmatte":
        return networks.MattingViT.from_pretrained(source)
    if kind not in CLASSES or kind == "unet" and "encoder" not in config:
        raise ValueError(
            f"network {source} has the config.json of no known network, expected one of VitMatte or one "
            "written by save_pretrained"
        )
    return CLASSES[kind]().from_pretrained(source)


def _kind_of(config: dict[str, Any]) -> str:
    """Return the name of the class that a configuration describes, which may be unknown."""
    if config.get("model_type") == "vitmatte":
        return "vitmatte"
    name = config.get("network", "unet")
    return name if isinstance(name, str) else ""


def _read_config(source: str | PathLike[str]) -> tuple[dict[str, Any], Path]:
    """Return the content and the path of a network's config.json, downloaded if the source names a model on the hub."""
    folder = Path(source)
    if folder.is_dir():
        path = folder / CONFIG
        if not path.is_file():
            raise FileNotFoundError(f"network {folder} has no config.json, expected one written by save_pretrained")
    elif _is_local(folder, str(source)):
        raise FileNotFoundError(
            f"network {source} is no folder, expected one written by save_pretrained, OWNER/NAME "
            "on the Hugging Face hub, finder or refiner"
        )
    else:
        path = _download(str(source))
    config = read_json_object(path)
    if "paradigm" in config:
        near = f", perhaps {folder / 'network'}" if (folder / "network" / "config.json").is_file() else ""
        raise ValueError(f"network {source} is the folder of a training run, expected the folder of a network{near}")
    return config, path


def load_trained(name: str, option: str) -> networks.MattingNetwork | networks.TrimapNetwork | networks.JointInference:
    """Load the network that an option of a training run names: a folder, one of the package's, or hf:OWNER/NAME.

    A folder that is missing is never looked for on a hub.
    """
    if not Path(name).is_dir() and name not in BUNDLED_NAMES and not name.startswith(HUB):
        raise FileNotFoundError(
            f"{option} {name} is no folder, expected one written by save_pretrained, or hf:OWNER/NAME for a model on "
            "the Hugging Face hub"
        )
    return load_network(name)


def _is_local(folder: Path, name: str) -> bool:
    """Return whether a name that is not a folder can only mean a folder; names on the hub are OWNER/NAME.

    A name whose first part is a folder, and the name of a run's network, mean folders too.
    """
    if name.count("/") != 1 or name.startswith((".", "/", "~")):
        return True
    return folder.exists() or folder.parent.is_dir() or folder.name in (NETWORK, *PARTS_OF_JOINT)


def _download(name: str) -> Path:
    """Return the path of config.json of a model on the hub."""
    try:
        with quiet_hub():
            return Path(hf_hub_download(name, CONFIG))
    except OSError as error:  # the errors of the hub are subclasses
        raise FileNotFoundError(
            f"network {name} is no folder here, and the hub does not give a model of that name: "
            f"{str(error).strip().splitlines()[0]}"
        ) from error


def _load_joint(source: str | PathLike[str], config: dict[str, Any], path: Path) -> networks.JointInference:
    """Load both networks of a `JointInference` from the folders net_t and net_m beside its config.json."""
    check_config("joint", config, path)
    folder = weights_folder(source)
    net_t, net_m = (cast("Any", _load_part(folder / name)) for name in PARTS_OF_JOINT)
    try:
        return networks.JointInference(net_t, net_m, config["fusion"]).eval()
    except ValueError as error:  # of a network of another class
        raise ValueError(f"network {source}: {error}") from None


def _load_part(folder: Path) -> networks.MattingNetwork | networks.TrimapNetwork | networks.JointInference:
    """Load a part of a joint network: always a folder, and never a joint network again."""
    if not folder.is_dir():
        raise FileNotFoundError(f"network {folder} is no folder, expected one written by save_pretrained")
    if _kind_of(_read_config(folder)[0]) == "joint":
        raise ValueError(f"network {folder} is a joint network inside a joint network, expected net_t or net_m")
    return load_network(folder)
