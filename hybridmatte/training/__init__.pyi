from hybridmatte.training.alpha_free import AlphaFreeMatting
from hybridmatte.training.composition import CompositionMatting, DisentangledPretraining
from hybridmatte.training.config import (
    AlphaFreeConfig,
    BlendingConfig,
    CompositionConfig,
    DisentangledConfig,
    MatteConfig,
    NonlocalConfig,
    RealConfig,
    RefinementConfig,
    SegmentationConfig,
    SupervisedConfig,
    TrainingConfig,
    TrimapConfig,
)
from hybridmatte.training.config_file import read_config
from hybridmatte.training.label_blending import MatteLabelBlending, MatteTraining, SegmentationPretraining
from hybridmatte.training.mask_refinement import MaskRefinement
from hybridmatte.training.nonlocal_matting import NonlocalMatting
from hybridmatte.training.optimizer import make_optimizer
from hybridmatte.training.real_adaptation import RealAdaptation
from hybridmatte.training.run import train
from hybridmatte.training.run_folder import is_first_process
from hybridmatte.training.samples import open_scored
from hybridmatte.training.scores import MattingScores, TrimapScores, score_alpha, score_network
from hybridmatte.training.supervised import SupervisedMatting
from hybridmatte.training.trimap_generation import TrimapGeneration

__all__ = [
    "AlphaFreeConfig",
    "AlphaFreeMatting",
    "BlendingConfig",
    "CompositionConfig",
    "CompositionMatting",
    "DisentangledConfig",
    "DisentangledPretraining",
    "MaskRefinement",
    "MatteConfig",
    "MatteLabelBlending",
    "MatteTraining",
    "MattingScores",
    "NonlocalConfig",
    "NonlocalMatting",
    "RealAdaptation",
    "RealConfig",
    "RefinementConfig",
    "SegmentationConfig",
    "SegmentationPretraining",
    "SupervisedConfig",
    "SupervisedMatting",
    "TrainingConfig",
    "TrimapConfig",
    "TrimapGeneration",
    "TrimapScores",
    "is_first_process",
    "make_optimizer",
    "open_scored",
    "read_config",
    "score_alpha",
    "score_network",
    "train",
]
