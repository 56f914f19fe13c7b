"""Train networks: configurations, one LightningModule a paradigm, and the loop that Lightning runs.

Needs torch and lightning: ``pip install hybridmatte[deep]``.
"""

from importlib import import_module

from hybridmatte.errors import require_extra

require_extra("deep", "torch", "lightning", "torchmetrics", "tensorboard")

_MODULE_OF = {
    "AlphaFreeMatting": "alpha_free",
    "MattingScores": "scores",
    "SupervisedMatting": "supervised",
    "TrainingConfig": "config",
    "make_optimizer": "optimizer",
    "read_config": "config",
    "score_alpha": "scores",
    "score_network": "scores",
    "train": "run",
}

__all__ = sorted(_MODULE_OF)


def __getattr__(name):
    """Load a public name from its module on first use."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'hybridmatte.training' has no attribute {name!r}")
    value = getattr(import_module(f"hybridmatte.training.{_MODULE_OF[name]}"), name)
    globals()[name] = value
    return value
