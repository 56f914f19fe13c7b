"""The methods, qualities and segmenters that a worker has, for ``GET /v1/methods``."""

from __future__ import annotations

from typing import Any

from hybridmatte.automatic.registry import load_segmenter
from hybridmatte.correction.matting import QUALITIES
from hybridmatte.methods.registry import METHODS

__all__ = ["list_all"]


def list_all(segmenters: tuple[str, ...]) -> dict[str, Any]:
    """Return what requests can name; segmenters are those that the service allows."""
    methods = [{"name": one.name, "summary": one.summary, "when": one.when} for one in METHODS.values()]
    qualities = [{"name": name, "summary": summary} for name, summary in QUALITIES.items()]
    return {"methods": methods, "qualities": qualities, "segmenters": [_described(name) for name in segmenters]}


def _described(name: str) -> dict[str, Any]:
    """Return a segmenter: whether it can run, and what it takes."""
    entry: dict[str, Any] = {"name": name, "is_available": True, "takes_box": False, "takes_points": False, "note": ""}
    try:
        loaded = load_segmenter(name)
    except (ValueError, TypeError, OSError, ImportError) as error:
        return entry | {"is_available": False, "note": str(error)}
    return entry | {"takes_box": loaded.takes_box, "takes_points": loaded.takes_points}
