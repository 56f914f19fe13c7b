"""Public names of a package that load their module on first use."""

from __future__ import annotations

import sys

# Until the command line runs its first line, Ctrl-C ends it in a traceback. So what it imports before imports nothing.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

__all__ = ["lazy_names"]


def lazy_names(
    package: str, module_of: Mapping[str, str], renamed: Mapping[str, str] | None = None
) -> Callable[[str], Any]:
    """Return the ``__getattr__`` of a package.

    `module_of` gives the module, relative to the package, that defines each public name. `renamed` gives the new name
    of each deprecated one; a deprecated name still works, with a `DeprecationWarning`.
    """

    def load(name: str) -> Any:
        if renamed is not None and name in renamed:
            import warnings

            warnings.warn(
                f"{package}.{name} is deprecated, use {package}.{renamed[name]}", DeprecationWarning, stacklevel=2
            )
            return load(renamed[name])
        if name not in module_of:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        from importlib import import_module

        value = getattr(import_module(f"{package}.{module_of[name]}"), name)
        setattr(sys.modules[package], name, value)
        return value

    return load
