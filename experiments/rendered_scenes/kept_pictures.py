"""From what Blender rendered to 16-bit PNG files, and back."""

import io
from pathlib import Path

import cv2
import numpy as np

from experiments.rendered_scenes import GROUND
from hybridmatte import write_image
from hybridmatte._validation import to_float
from hybridmatte.data import Sample
from hybridmatte.io.files import write_bytes

BRIGHT, GAINS = 0.75, (0.4, 3.0)  # linear brightness that 95% of an object's pixels stay below, and gains to reach it
SEEN = 0.02  # alpha below which a colour is taken from its neighbours
REACHES = (1, 2, 4, 8, 16, 32, 64)  # pixels, deviations of the filters that fill colours in


def picture_path(name: str, kept: Path) -> Path:
    """Return the file of a foreground or a ground."""
    return Path(kept, f"{name.replace('/', '_')}.png")


def keep_picture(name: str, planes: np.ndarray, kept: Path) -> None:
    """Write what was rendered as PNG: a foreground with its alpha and straight colours, a ground without alpha."""
    picture = ground_picture(planes) if name.startswith(f"{GROUND}/") else foreground_picture(planes)
    buffer = io.BytesIO()
    write_image(buffer, picture, bits=16)
    write_bytes(picture_path(name, kept), buffer.getvalue())


def read_foreground(name: str, kept: Path) -> Sample:
    """Return the foreground colours and alpha of a name."""
    planes = _read(name, kept)
    return Sample(name, foreground=np.ascontiguousarray(planes[:, :, :3]), alpha=np.ascontiguousarray(planes[:, :, 3]))


def read_ground(name: str, kept: Path) -> np.ndarray:
    """Return the colours (H, W, 3) of a ground."""
    return _read(name, kept)


def foreground_picture(planes: np.ndarray) -> np.ndarray:
    """Return RGBA (H, W, 4) in [0, 1] from linear colours times alpha, that alpha, and alpha of more samples."""
    alpha = planes[:, :, 4].clip(0, 1)
    colours = straight_colours(planes[:, :, :3], planes[:, :, 3])
    seen = colours.max(axis=2)[alpha > 0.5]
    return np.dstack([to_srgb(colours * _gain(seen)), alpha])


def ground_picture(colours: np.ndarray) -> np.ndarray:
    """Return RGB (H, W, 3) in [0, 1] from linear colours."""
    return to_srgb(colours * _gain(colours.max(axis=2)))


def straight_colours(premultiplied: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Return colours (H, W, 3) without their alpha; where alpha is near 0, those of the nearest pixels with colour."""
    found = premultiplied / np.maximum(alpha, SEEN)[:, :, None]
    is_open = alpha < SEEN
    for reach in REACHES:
        share = cv2.GaussianBlur(alpha, (0, 0), reach)
        around = cv2.GaussianBlur(premultiplied, (0, 0), reach) / np.maximum(share, 1e-6)[:, :, None]
        is_filled = is_open & (share > 1e-3)
        found[is_filled] = around[is_filled]
        is_open &= ~is_filled
    found[is_open] = (premultiplied.sum(axis=(0, 1)) / max(float(alpha.sum()), 1e-6))[None]
    return np.float32(found)


def to_srgb(linear: np.ndarray) -> np.ndarray:
    """Return colours as photographs have them, in [0, 1]."""
    linear = np.clip(linear, 0, 1)
    return np.where(linear < 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def _gain(brightness: np.ndarray) -> float:
    """Return the exposure of a picture."""
    return float(np.clip(BRIGHT / max(float(np.quantile(brightness, 0.95)), 1e-3), *GAINS)) if brightness.size else 1.0


def _read(name: str, kept: Path) -> np.ndarray:
    path = picture_path(name, kept)
    if not path.exists():
        raise FileNotFoundError(
            f"picture {path} not found, expected what `python -m experiments rendered_scenes` renders"
        )
    planes = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    order = [2, 1, 0, 3][: planes.shape[2]]
    return to_float(np.ascontiguousarray(planes[:, :, order]), "picture")
