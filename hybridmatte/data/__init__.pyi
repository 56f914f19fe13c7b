# The public names for type checkers; __init__.py loads them on first use.

from hybridmatte.data.augmentation import Augmentation, random_trimap
from hybridmatte.data.compositing import Composites, combine_foregrounds, composite_sample, fit_background
from hybridmatte.data.crops import FusedCrops, FusedStream, TrainingCrops, collate, unpack
from hybridmatte.data.folders import MattingFolder, Sample
from hybridmatte.data.fusion import fuse_photographs, layers_of_photographs, random_alpha, random_patch_trimap
from hybridmatte.data.labels import WithTrimaps
from hybridmatte.data.mask_errors import AsRefinementTask, random_mask_errors
from hybridmatte.data.named import NAMED, offers, open_named
from hybridmatte.data.photographs import Photographs, count_shards, is_stream, stream_photographs
from hybridmatte.data.scenes import random_scene
from hybridmatte.data.segmentation import AsRealTask, AsTrimapTask, TrimapTasks, random_segmentation, soft_segmentation
from hybridmatte.data.strands import random_hair
from hybridmatte.data.tasks import AsMaskTask, AsTwoViews, without_colours

__all__ = [
    "AsMaskTask",
    "AsRealTask",
    "AsRefinementTask",
    "AsTrimapTask",
    "AsTwoViews",
    "Augmentation",
    "Composites",
    "FusedCrops",
    "FusedStream",
    "MattingFolder",
    "NAMED",
    "Photographs",
    "Sample",
    "TrainingCrops",
    "TrimapTasks",
    "WithTrimaps",
    "collate",
    "combine_foregrounds",
    "composite_sample",
    "count_shards",
    "fit_background",
    "fuse_photographs",
    "is_stream",
    "layers_of_photographs",
    "offers",
    "open_named",
    "random_alpha",
    "random_hair",
    "random_mask_errors",
    "random_patch_trimap",
    "random_scene",
    "random_segmentation",
    "random_trimap",
    "soft_segmentation",
    "stream_photographs",
    "unpack",
    "without_colours",
]
