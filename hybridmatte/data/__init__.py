"""Data for training and evaluation: folders on disk, named data sets, compositing, drawn scenes and augmentation.

Samples consist of NumPy arrays, as everywhere in `hybridmatte`; only `crops` makes tensors. Functions with random
choices take a generator or a seed.
"""

from hybridmatte._lazy import lazy_names

_MODULE_OF = {
    "AsMaskTask": "tasks",
    "AsRealTask": "segmentation",
    "AsRefinementTask": "mask_errors",
    "AsTrimapTask": "segmentation",
    "AsTwoViews": "tasks",
    "Augmentation": "augmentation",
    "Composites": "compositing",
    "FusedCrops": "crops",
    "FusedStream": "crops",
    "MattingFolder": "folders",
    "NAMED": "named",
    "Photographs": "photographs",
    "Sample": "folders",
    "TrainingCrops": "crops",
    "TrimapTasks": "segmentation",
    "WithTrimaps": "labels",
    "collate": "crops",
    "combine_foregrounds": "compositing",
    "composite_sample": "compositing",
    "count_shards": "photographs",
    "fit_background": "compositing",
    "fuse_photographs": "fusion",
    "is_stream": "photographs",
    "layers_of_photographs": "fusion",
    "offers": "named",
    "open_named": "named",
    "random_alpha": "fusion",
    "random_hair": "strands",
    "random_mask_errors": "mask_errors",
    "random_patch_trimap": "fusion",
    "random_scene": "scenes",
    "random_segmentation": "segmentation",
    "random_trimap": "augmentation",
    "soft_segmentation": "segmentation",
    "stream_photographs": "photographs",
    "unpack": "crops",
    "without_colours": "tasks",
}

__all__ = sorted(_MODULE_OF)
__getattr__ = lazy_names(__name__, _MODULE_OF)
