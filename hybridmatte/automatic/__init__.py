"""Alpha without a trimap: from a rough mask, from the image alone, or from a smaller alpha."""

import warnings
from importlib import import_module

_RENAMED = {  # old name: module and new name
    "FromMask": ("from_mask", "AutomaticResult"),
    "matte_alone": ("from_image", "matte_from_image"),
}


def __getattr__(name: str) -> object:
    """Return an object by its old name, with a warning; the old names end with the next minor version."""
    if name not in _RENAMED:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, new_name = _RENAMED[name]
    warnings.warn(f"hybridmatte.automatic.{name} is now hybridmatte.automatic.{module}.{new_name}",
                  DeprecationWarning, stacklevel=2)
    return getattr(import_module(f"{__name__}.{module}"), new_name)
