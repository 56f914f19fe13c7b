"""Names of a package that load their module on first use."""

import sys
from importlib import import_module

__all__ = ["lazy_names"]


def lazy_names(package, module_of):
    """Return the ``__getattr__`` of a package whose public names lie in modules of it, ``{name: module}``."""

    def load(name):
        if name not in module_of:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(import_module(f"{package}.{module_of[name]}"), name)
        setattr(sys.modules[package], name, value)
        return value

    return load
