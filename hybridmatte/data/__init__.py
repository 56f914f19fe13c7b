"""Data sets for training and evaluation: folders on disk, named data sets, compositing and augmentation.

Arrays throughout, as in `hybridmatte`; only `crops` knows torch. Randomness comes from generators that are passed in.
"""

from hybridmatte._lazy import lazy_names

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
__getattr__ = lazy_names(__name__, _MODULE_OF)
