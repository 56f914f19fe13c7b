"""Weight files that come with the package, read only if their checksum is right."""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from hybridmatte.correction.network import Perceptron, read_perceptron

__all__ = ["WEIGHTS", "checksum", "load_correction_network", "read_weights"]

WEIGHTS = {name: Path(__file__).parents[1] / "weights" / name for name in ("fusion", "finder", "refiner")}  # folders


@lru_cache(maxsize=1)
def load_correction_network() -> Perceptron:
    """Return the network of `hybridmatte.matte`; errors are those of `read_weights`."""
    return read_perceptron(read_weights(WEIGHTS["fusion"] / "model.safetensors"))


def read_weights(path: Path) -> bytes:
    """Return the content of a weight file.

    Raises
    ------
    ValueError
        If the file or the checksum beside it (suffix .sha256) cannot be read, or they do not match.
    """
    try:
        content, expected = path.read_bytes(), path.with_suffix(".sha256").read_text(encoding="ascii").strip()
    except OSError as error:
        raise ValueError(
            f"weights {path} or the checksum beside them cannot be read ({error}), expected the files "
            "that come with hybridmatte; install it again"
        ) from error
    if checksum(content) != expected:
        raise ValueError(
            f"weights {path} do not match the checksum in {path.stem}.sha256, expected the files that "
            "come with hybridmatte; install it again"
        )
    return content


def checksum(content: bytes) -> str:
    """Return the SHA-256 of bytes as hexadecimal digits."""
    return sha256(content).hexdigest()
