"""Load a network of any kind from where it was saved."""

import json
from importlib import import_module
from pathlib import Path

from safetensors import SafetensorError

from hybridmatte.correction.weights import WEIGHTS

__all__ = ["load_network"]

CLASSES = {  # module and class, by the key "network" of config.json; a MattingUNet has the key "encoder"
    "gca": ("guided_attention", "MattingGCA"),
    "matteformer": ("matte_former", "MattingFormer"),
    "modnet": ("mod_net", "MattingMOD"),
    "net_m": ("nonlocal_matting", "MattingNonlocal"),
    "net_t": ("trimap_network", "TrimapNetwork"),
    "unet": ("u_net", "MattingUNet"),
}


def load_network(source):
    """Load a network that `save_pretrained` wrote, one that the package brings, or a public ViTMatte checkpoint.

    Parameters
    ----------
    source : str or path
        A folder with ``config.json`` and ``model.safetensors``; "people", a small network for people, from the image
        alone (a folder of that name is "./people"); or the name of a model on the Hugging Face hub, which is
        downloaded.

    Returns
    -------
    network : MattingNetwork, TrimapNetwork or JointInference
        In evaluation mode.

    Raises
    ------
    FileNotFoundError
        If source is a path without such files.
    ValueError
        If the configuration is of no known network.
    """
    source = WEIGHTS["people"] if source == "people" else source
    folder = Path(source)
    if folder.is_dir():
        path = folder / "config.json"
        if not path.is_file():
            raise FileNotFoundError(f"network {folder} has no config.json, expected one written by save_pretrained")
    elif _is_local(folder, str(source)):
        raise FileNotFoundError(f"network {source} is no folder, expected one written by save_pretrained, OWNER/NAME, "
                                "or people")
    else:
        path = _download(str(source))
    config = json.loads(Path(path).read_text(encoding="utf-8"))
    if "paradigm" in config:
        near = f"; perhaps {folder / 'network'}" if (folder / "network" / "config.json").is_file() else ""
        raise ValueError(f"network {source} is the folder of a training run, expected its network{near}")
    kind = "vitmatte" if config.get("model_type") == "vitmatte" else config.get("network", "unet")
    if kind == "joint":
        return _load_joint(source, config)
    if kind not in ("vitmatte", *CLASSES) or kind == "unet" and "encoder" not in config:
        raise ValueError(f"network {source} has the configuration of no known network, expected VitMatte's or one "
                         "written by save_pretrained")
    try:
        if kind == "vitmatte":
            return _load_vitmatte(source).eval()
        module, name = CLASSES[kind]
        return _load(getattr(import_module(f"hybridmatte.networks.{module}"), name), config, source).eval()
    except (SafetensorError, RuntimeError) as error:
        raise ValueError(f"network {source} has weights that cannot be read or do not fit its config.json: "
                         f"{str(error).splitlines()[0]}") from None


def _is_local(folder, name):
    """Tell whether what is no folder can only have been meant as one: the hub's names are OWNER/NAME."""
    return folder.exists() or name.count("/") != 1 or name.startswith((".", "/", "~")) \
        or (folder.parent / "config.json").is_file()  # of a run that has not ended


def _download(name):
    """Return the path of config.json of a model on the hub."""
    from huggingface_hub import hf_hub_download

    try:
        return hf_hub_download(name, "config.json")
    except OSError as error:  # the hub's errors are of this kind
        raise FileNotFoundError(f"network {name} is no folder here, and the hub does not give a model of that name: "
                                f"{str(error).strip().splitlines()[0]}") from error


def _load_joint(source, config):
    """Load both networks of a `JointInference` from the folders beside its config.json."""
    from hybridmatte.networks.joint_inference import JointInference

    folder = Path(source)
    if not folder.is_dir():
        from huggingface_hub import snapshot_download

        folder = Path(snapshot_download(str(source)))
    return JointInference(*(load_network(folder / name) for name in ("net_t", "net_m")), config.get("fusion")).eval()


def _load_vitmatte(source):
    from hybridmatte.networks.vit_matte import MattingViT

    return MattingViT.from_pretrained(str(source))


def _load(kind, config, source):
    from safetensors.torch import load_model

    folder = Path(source)
    if not folder.is_dir():
        return kind.from_pretrained(str(source))
    network = kind(**config)
    weights = folder / "model.safetensors"
    if not weights.is_file():
        raise FileNotFoundError(f"network {folder} has no model.safetensors, expected one written by save_pretrained")
    load_model(network, weights)
    return network
