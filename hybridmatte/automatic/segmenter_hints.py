"""What an unknown segmenter was meant to be: a file or a folder without its kind, or a name with a slip."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path

__all__ = ["CONFIGURATION", "KIND_OF_FILE", "unknown_segmenter"]

KIND_OF_FILE = {".onnx": "onnx", ".tflite": "mediapipe"}  # by extension
CONFIGURATION = "config.json"  # of a model of transformers


def unknown_segmenter(text: str, names: Iterable[str]) -> ValueError:
    """Return the error for a text that is no segmenter; names are those that are, such as ``rembg:MODEL``."""
    path, listed = Path(text), list(dict.fromkeys(names))
    nearest = _nearest(text, listed)
    kind = KIND_OF_FILE.get(path.suffix.lower())
    if kind is not None and not nearest:
        return ValueError(f"segmenter is {text!r}, expected {kind}:{text} for a network in a file")
    if text and (path / CONFIGURATION).is_file():
        return ValueError(f"segmenter is {text!r}, expected transformers:{text} for a model in a folder")
    return ValueError(f"segmenter is {text!r}, expected one of {', '.join(listed)}{nearest}")


def _nearest(text: str, names: list[str]) -> str:
    """Return a question for the name that is spelt most like the text, or nothing."""
    word, colon, argument = text.partition(":")
    words = {name.partition(":")[0]: ":" in name for name in names}
    near = difflib.get_close_matches(word.strip().lower(), [name.lower() for name in words], 1)
    if not near:
        return ""
    name = next(name for name in words if name.lower() == near[0])
    behind = f"{colon}{argument}" if argument and words[name] else ":..." if words[name] else ""
    return f"; did you mean {name + behind!r}?"
