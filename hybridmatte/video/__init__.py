"""Clips: alphas that hold still, trimaps carried between key frames, and the files that clips are read from and to."""

from hybridmatte._lazy import lazy_names

_MODULE_OF = {
    "Clip": "clips",
    "ColourTags": "colours",
    "Frame": "clips",
    "read_clip": "reading",
    "write_clip": "writing",
}

__all__ = sorted(_MODULE_OF)
__getattr__ = lazy_names(__name__, _MODULE_OF)
