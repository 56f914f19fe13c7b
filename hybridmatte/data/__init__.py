"""Data sets for training and evaluation: folders on disk, named data sets, compositing and augmentation.

Arrays throughout, as in `hybridmatte`; only `crops` knows torch. Randomness comes from generators that are passed in.
"""

from importlib import import_module

_MODULE_OF = {
    "Augmentation": "augmentation",
    "Composites": "compositing",
    "MattingFolder": "folders",
    "NAMED": "named",
    "Sample": "folders",
    "TrainingCrops": "crops",
    "WithTrimaps": "labels",
    "combine_foregrounds": "compositing",
    "composite_sample": "compositing",
    "fit_background": "compositing",
    "offers": "named",
    "open_named": "named",
    "random_trimap": "augmentation",
}

__all__ = sorted(_MODULE_OF)


def __getattr__(name):
    """Load a public name from its module on first use."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'hybridmatte.data' has no attribute {name!r}")
    value = getattr(import_module(f"hybridmatte.data.{_MODULE_OF[name]}"), name)
    globals()[name] = value
    return value
