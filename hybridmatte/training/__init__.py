"""Train networks: configurations, one LightningModule a paradigm, and the loop that Lightning runs.

Needs torch and lightning: ``pip install hybridmatte[deep]``.
"""

from hybridmatte._lazy import lazy_names
from hybridmatte.errors import require_extra

require_extra("deep", "torch", "lightning", "torchmetrics", "tensorboard")

_MODULE_OF = {
    "AlphaFreeMatting": "alpha_free",
    "CompositionMatting": "composition",
    "DisentangledPretraining": "composition",
    "MatteLabelBlending": "label_blending",
    "MatteTraining": "label_blending",
    "MattingScores": "scores",
    "NonlocalMatting": "nonlocal_matting",
    "RealAdaptation": "real_adaptation",
    "SegmentationPretraining": "label_blending",
    "SupervisedMatting": "supervised",
    "TrainingConfig": "config",
    "TrimapGeneration": "trimap_generation",
    "TrimapScores": "scores",
    "is_first_process": "run",
    "make_optimizer": "optimizer",
    "open_scored": "samples",
    "read_config": "config",
    "score_alpha": "scores",
    "score_network": "scores",
    "train": "run",
}

__all__ = sorted(_MODULE_OF)
__getattr__ = lazy_names(__name__, _MODULE_OF)
