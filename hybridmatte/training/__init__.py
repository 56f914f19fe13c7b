"""Train matting networks: a configuration, one LightningModule for each paradigm, and the loop that Lightning runs.

* `config`, `config_file`, `options`: the options of each paradigm, read from a flat TOML file.
* `alpha_free`, `supervised`, `composition`, `nonlocal_matting`, `trimap_generation`, `real_adaptation`,
  `label_blending`, `mask_refinement`: the paradigms, each from its data to its loss. `module` is their base.
* `samples`, `sources`, `crops_module`: from data sets to the training crops of each epoch.
* `run`: the function `train`; `initial_network`, `run_folder`, `optimizer` and `callbacks` are its parts.
* `scores`: the scores of a network over a data set.

Needs torch and lightning: ``pip install hybridmatte[deep]``.
"""

from hybridmatte._lazy import lazy_names
from hybridmatte.errors import require_extra

require_extra("deep", "torch", "lightning", "torchmetrics", "tensorboard")

_MODULE_OF = {  # __init__.pyi has the same names, for type checkers
    "AlphaFreeConfig": "config",
    "AlphaFreeMatting": "alpha_free",
    "BlendingConfig": "config",
    "CompositionConfig": "config",
    "CompositionMatting": "composition",
    "DisentangledConfig": "config",
    "DisentangledPretraining": "composition",
    "MaskRefinement": "mask_refinement",
    "MatteConfig": "config",
    "MatteLabelBlending": "label_blending",
    "MatteTraining": "label_blending",
    "MattingScores": "scores",
    "NonlocalConfig": "config",
    "NonlocalMatting": "nonlocal_matting",
    "RealAdaptation": "real_adaptation",
    "RealConfig": "config",
    "RefinementConfig": "config",
    "SegmentationConfig": "config",
    "SegmentationPretraining": "label_blending",
    "SupervisedConfig": "config",
    "SupervisedMatting": "supervised",
    "TrainingConfig": "config",
    "TrimapConfig": "config",
    "TrimapGeneration": "trimap_generation",
    "TrimapScores": "scores",
    "is_first_process": "run_folder",
    "make_optimizer": "optimizer",
    "open_scored": "samples",
    "read_config": "config_file",
    "score_alpha": "scores",
    "score_network": "scores",
    "train": "run",
}

__all__ = sorted(_MODULE_OF)  # pyright: ignore[reportUnsupportedDunderAll]
__getattr__ = lazy_names(__name__, _MODULE_OF)
