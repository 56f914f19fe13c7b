"""Networks from images to alphas, with trimaps or without, and how to run, keep and load them.

Needs torch, timm and transformers: ``pip install hybridmatte[deep]``.
"""

from importlib import import_module

from hybridmatte.errors import require_extra

require_extra("deep", "torch", "timm", "transformers", "huggingface_hub")

_MODULE_OF = {
    "MattingNetwork": "network",
    "MattingUNet": "unet",
    "MattingViT": "vitmatte",
    "export_onnx": "export",
    "load_network": "checkpoint",
    "predict_alpha": "prediction",
    "unet": "unet",
    "vitmatte": "vitmatte",
}

__all__ = sorted(_MODULE_OF)


def __getattr__(name):
    """Load a public name from its module on first use: one network's packages are not the other's."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'hybridmatte.networks' has no attribute {name!r}")
    value = getattr(import_module(f"hybridmatte.networks.{_MODULE_OF[name]}"), name)
    globals()[name] = value
    return value
