"""Weight files that come with the package, read only if their checksum is right."""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256
from os import PathLike
from pathlib import Path
from typing import Final, Literal, cast

from hybridmatte._validation import check_choice
from hybridmatte.correction.network import Perceptron, read_perceptron

__all__ = [
    "BUNDLED_NAMES",
    "RESEARCH",
    "RESEARCH_ONLY",
    "WEIGHTS",
    "WEIGHTS_KINDS",
    "WeightsKind",
    "check_weights",
    "checksum",
    "correction_folder",
    "load_correction_network",
    "read_weights",
    "refuse_research_network",
    "research_only",
]

WeightsKind = Literal["research", "free"]
RESEARCH: Final = "research"  # the default
WEIGHTS_KINDS = {  # what each kind may be used for
    RESEARCH: "research only, as they were learned from photographs for research use; the most accurate",
    "free": "anything (MIT), as they were learned from rendered and drawn scenes alone; less accurate",
}
CORRECTION = {RESEARCH: "fusion", "free": "fusion_free"}  # folders of the network of `matte`
ResearchOnly = Literal["finder", "refiner"]  # networks without free weights
RESEARCH_ONLY: dict[ResearchOnly, str] = {
    "finder": "the bundled finder",
    "refiner": "the network that corrects masks",
}
BUNDLED_NAMES = {"finder": "finder", "people": "finder", "refiner": "refiner"}  # what is asked for, to its folder
WEIGHTS = {name: Path(__file__).parents[1] / "weights" / name for name in (*CORRECTION.values(), *RESEARCH_ONLY)}


def check_weights(weights: str) -> WeightsKind:
    """Return the kind of weights, checked."""
    return cast(WeightsKind, check_choice(weights, "weights", list(WEIGHTS_KINDS)))


def research_only(name: ResearchOnly) -> str:
    """Say that a network has no free weights, for errors and descriptions."""
    return f"weights is 'free', and {RESEARCH_ONLY[name]} has research weights only"


def refuse_research_network(source: str | PathLike[str], weights: WeightsKind) -> None:
    """Refuse a network that comes with the package and has research weights only, by its name or folder."""
    name = BUNDLED_NAMES.get(str(source))
    for only in RESEARCH_ONLY if weights != RESEARCH else ():
        if only == name or Path(source).resolve() == WEIGHTS[only].resolve():
            raise ValueError(f"{research_only(only)}, expected another network than {source}")


def correction_folder(weights: WeightsKind = RESEARCH) -> Path:
    """Return the folder of the network of `hybridmatte.matte`, in torch and ONNX too."""
    return WEIGHTS[CORRECTION[check_weights(weights)]]


@lru_cache(maxsize=2 * len(WEIGHTS_KINDS))  # twice, as a default counts as another call
def load_correction_network(weights: WeightsKind = RESEARCH) -> Perceptron:
    """Return the network of `hybridmatte.matte`; errors are those of `check_weights` and `read_weights`.

    Weights without the second output, which says how likely alpha is wrong, are refused.
    """
    path = correction_folder(weights) / "model.safetensors"
    network = read_perceptron(read_weights(path))
    if network.outputs == 1:
        raise ValueError(
            f"weights {path} have 1 output, expected 2: the second says how likely alpha is wrong; install hybridmatte "
            "again"
        )
    return network


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
            f"weights {path} or the checksum beside them cannot be read ({error.strerror or error}), expected the "
            f"files that come with hybridmatte; install it again{_alternative(path.parent)}"
        ) from error
    if checksum(content) != expected:
        raise ValueError(
            f"weights {path} do not match the checksum in {path.stem}.sha256, expected the files that "
            "come with hybridmatte; install it again"
        )
    return content


def _alternative(folder: Path) -> str:
    """Say how to do without the weights of a folder, if they are for research use and may have been removed."""
    if folder == WEIGHTS["finder"]:
        return ", or give a mask (--mask) or another segmenter (--segmenter) and weights='free' (--weights free)"
    if folder in (WEIGHTS[CORRECTION[RESEARCH]], WEIGHTS["refiner"]):
        return ", or choose weights='free' (--weights free), which needs none of these"
    return ""


def checksum(content: bytes) -> str:
    """Return the SHA-256 of bytes as hexadecimal digits."""
    return sha256(content).hexdigest()
