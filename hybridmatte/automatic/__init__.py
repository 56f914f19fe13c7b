"""Alpha without a trimap: from a rough mask, from the image alone, or from a smaller alpha."""

from hybridmatte._lazy import lazy_names

_MODULE_OF = {
    "AutomaticResult": "from_mask",
    "Segmenter": "finding",
    "SegmenterInfo": "registry",
    "find_mask": "registry",
    "list_segmenters": "registry",
    "load_segmenter": "registry",
    "matte_from_image": "from_image",
    "matte_from_mask": "from_mask",
    "refine": "refinement",
    "register_segmenter": "registry",
}
_RENAMED = {"FromMask": "AutomaticResult", "matte_alone": "matte_from_image"}  # the old names go after 0.2

__getattr__ = lazy_names(__name__, _MODULE_OF, _RENAMED)
