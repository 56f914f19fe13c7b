"""Networks that estimate alpha from images, with or without trimaps; prediction, saving, loading and export.

Needs torch, timm and transformers: ``pip install hybridmatte[deep]``. The names below load their module on first use;
``__init__.pyi`` lists them for type checkers.
"""

from hybridmatte._lazy import lazy_names
from hybridmatte.errors import require_extra

require_extra("deep", "torch", "timm", "transformers", "huggingface_hub")

_MODULE_OF = {  # no module may have a public name: importing the module would replace the function
    "JointInference": "joint_inference",
    "MattingFormer": "matte_former",
    "MattingGCA": "guided_attention",
    "MattingMOD": "mod_net",
    "MattingNetwork": "network",
    "MattingNonlocal": "nonlocal_matting",
    "MattingPyramid": "feature_pyramid",
    "MattingUNet": "u_net",
    "MattingViT": "vit_matte",
    "NonlocalAttention": "nonlocal_matting",
    "SolverFusion": "fusion_network",
    "TrimapNetwork": "trimap_network",
    "blend_labels": "labels",
    "export_onnx": "export",
    "fuse": "joint_inference",
    "gca": "guided_attention",
    "load_network": "checkpoint",
    "load_parts": "transfer",
    "matteformer": "matte_former",
    "modnet": "mod_net",
    "measure_speed": "speed",
    "net_m": "nonlocal_matting",
    "net_t": "trimap_network",
    "predict_alpha": "prediction",
    "predict_labels": "labels",
    "pyramid": "feature_pyramid",
    "unet": "u_net",
    "vitmatte": "vit_matte",
}

__all__ = sorted(_MODULE_OF)  # pyright: ignore[reportUnsupportedDunderAll]
__getattr__ = lazy_names(__name__, _MODULE_OF)
