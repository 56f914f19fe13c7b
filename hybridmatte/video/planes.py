"""Frames of PyAV as arrays of RGB and alpha, and back: luma and chroma by the matrix and range that the tags name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, cast

import cv2
import numpy as np
import numpy.typing as npt

from hybridmatte.video.colours import UNSPECIFIED, ColourTags, weights_of_matrix

if TYPE_CHECKING:
    import av

__all__ = ["arrays_of", "frame_of", "tags_of"]

FloatArray = npt.NDArray[np.float32]
DTYPES = {8: "uint8", 16: "uint16"}
RGB_FORMATS = {(8, False): "rgb24", (8, True): "rgba", (16, False): "rgb48le", (16, True): "rgba64le"}
GREY_FORMATS = {8: "gray", 16: "gray16le"}
FULL, LIMITED = 2, 1  # numbers of the range


class Levels(NamedTuple):
    """Black, and the span to white, of luma, and the span of chroma, in numbers of a plane."""

    black: float
    luma: float
    chroma: float
    middle: float


def tags_of(source: Any) -> ColourTags:
    """Return the colour tags of a frame, or of the context of a codec."""
    full = {FULL: True, LIMITED: False}.get(int(source.color_range))
    return ColourTags(int(source.colorspace), int(source.color_primaries), int(source.color_trc), full)


def arrays_of(frame: av.VideoFrame, tags: ColourTags, label: str) -> tuple[npt.NDArray[Any], npt.NDArray[Any] | None]:
    """Return a frame as RGB (H, W, 3) and alpha (H, W) or None: uint8 for 8 bits a channel, else uint16.

    The tags are those of the clip; the frame's own come first where it has some.
    """
    form = frame.format
    bits = max(component.bits for component in form.components)
    has_alpha = any(component.is_alpha for component in form.components)
    depth = 8 if bits <= 8 else 16
    if form.has_palette or form.is_rgb or len(form.components) < 3:
        return _arrays_of_rgb(frame, depth, has_alpha or form.has_palette)
    own = tags_of(frame)
    merged = _merged(own, tags)
    if not _is_planar(frame):
        frame = frame.reformat(format=_planar_name(form, bits, has_alpha))
    planes = [_plane(frame, k) for k in range(4 if has_alpha else 3)]
    is_full = merged.is_full or form.name.startswith("yuvj")
    steps = 64 // form.chroma_width(64), 64 // form.chroma_height(64)
    numbers = _rgb_of_planes(planes[:3], bits, merged, is_full, label, steps)
    alpha = None if len(planes) < 4 else _rescaled(planes[3], bits, depth)
    scale = (1 << depth) - 1
    rgb = np.rint(numbers.clip(0, 1) * np.float32(scale)).astype(DTYPES[depth])
    return rgb, alpha


def _merged(own: ColourTags, other: ColourTags) -> ColourTags:
    """Return tags, and those of another source where they say nothing."""
    numbers = [mine if mine != UNSPECIFIED else theirs for mine, theirs in zip(own[:3], other[:3], strict=True)]
    return ColourTags(numbers[0], numbers[1], numbers[2], other.is_full if own.is_full is None else own.is_full)


def frame_of(colour: FloatArray, alpha: FloatArray | None, form: str, tags: ColourTags) -> av.VideoFrame:
    """Return numbers of RGB (H, W, 3) in [0, 1], and alpha (H, W), as a frame of a pixel format."""
    import av

    height, width = colour.shape[:2]
    frame = av.VideoFrame(width, height, form)
    components = frame.format.components
    bits = components[0].bits
    scale = np.float32((1 << bits) - 1)
    dtype = np.dtype("uint8" if bits <= 8 else "uint16")
    if form.startswith("gbr"):
        planes = [colour[:, :, 1], colour[:, :, 2], colour[:, :, 0]]
        planes = [np.rint(plane.clip(0, 1) * scale) for plane in planes]
    elif form.startswith("yuv"):
        planes = _planes_of_rgb(colour, bits, tags, frame.format)
    else:
        return _packed_frame(frame, colour, alpha, bits)
    if alpha is not None:
        planes.append(np.rint(alpha.clip(0, 1) * scale))
    for target, values in zip(frame.planes, planes, strict=True):
        _fill(target, values.astype(dtype))
    return _tagged(frame, tags)


def _tagged(frame: av.VideoFrame, tags: ColourTags) -> av.VideoFrame:
    frame.colorspace, frame.color_primaries, frame.color_trc = tags[:3]
    frame.color_range = FULL if tags.is_full else LIMITED
    return frame


def _packed_frame(frame: av.VideoFrame, colour: FloatArray, alpha: FloatArray | None, bits: int) -> av.VideoFrame:
    """Fill a frame whose channels stand beside each other in one plane: rgba, argb, rgba64be and so on."""
    parts = [colour] if alpha is None else [alpha, colour] if frame.format.name.startswith("a") else [colour, alpha]
    stored = np.rint(np.dstack(parts).clip(0, 1) * np.float32((1 << bits) - 1))
    dtype = np.dtype("uint8") if bits <= 8 else np.dtype(">u2" if frame.format.name.endswith("be") else "<u2")
    _fill(frame.planes[0], stored.reshape(len(stored), -1).astype(dtype))
    return frame


def _fill(plane: Any, values: npt.NDArray[Any]) -> None:
    """Copy rows of numbers into a plane, whose rows may be longer."""
    rows = np.zeros((plane.height, plane.line_size), np.uint8)
    flat = np.ascontiguousarray(values).view(np.uint8).reshape(len(values), -1)
    rows[:, : flat.shape[1]] = flat
    plane.update(rows.tobytes())


def _arrays_of_rgb(
    frame: av.VideoFrame, depth: int, has_alpha: bool
) -> tuple[npt.NDArray[Any], npt.NDArray[Any] | None]:
    if len(frame.format.components) == 1 and not frame.format.has_palette:
        same = frame.reformat(format=GREY_FORMATS[depth], src_color_range=FULL, dst_color_range=FULL)
        return np.repeat(_plane(same, 0)[:, :, None], 3, axis=2), None
    packed = frame.reformat(format=RGB_FORMATS[depth, has_alpha])
    n = 4 if has_alpha else 3
    plane, dtype = packed.planes[0], np.dtype(DTYPES[depth])
    rows = np.frombuffer(memoryview(plane), dtype).reshape(packed.height, plane.line_size // dtype.itemsize)
    pixels = rows[:, : packed.width * n].reshape(packed.height, packed.width, n)
    return np.ascontiguousarray(pixels[:, :, :3]), np.ascontiguousarray(pixels[:, :, 3]) if has_alpha else None


def _is_planar(frame: av.VideoFrame) -> bool:
    return len(frame.planes) == len(frame.format.components) and not frame.format.is_big_endian


def _planar_name(form: Any, bits: int, has_alpha: bool) -> str:
    """Return the planar format with the same bits and chroma as one whose chroma is interleaved."""
    across, down = form.chroma_width(64), form.chroma_height(64)
    kind = {(64, 64): "444", (32, 64): "422", (32, 32): "420", (64, 32): "440", (16, 64): "411"}.get(
        (across, down), "444"
    )
    depth = "" if bits <= 8 else f"{bits}le" if bits in (10, 12, 14, 16) else "16le"
    return f"yuv{'a' if has_alpha else ''}{kind}p{depth}"


def _plane(frame: av.VideoFrame, k: int) -> npt.NDArray[Any]:
    plane = frame.planes[k]
    dtype = np.dtype("uint8" if frame.format.components[min(k, len(frame.format.components) - 1)].bits <= 8 else "<u2")
    rows = np.frombuffer(memoryview(plane), dtype).reshape(plane.height, plane.line_size // dtype.itemsize)
    return rows[:, : plane.width]


def _levels(bits: int, is_full: bool | None) -> Levels:
    unit = float(1 << (bits - 8))
    if is_full:
        return Levels(0.0, (1 << bits) - 1.0, (1 << bits) - 1.0, 128 * unit)
    return Levels(16 * unit, 219 * unit, 224 * unit, 128 * unit)


def _rgb_of_planes(
    planes: list[npt.NDArray[Any]],
    bits: int,
    tags: ColourTags,
    is_full: bool | None,
    label: str,
    steps: tuple[int, int],
) -> FloatArray:
    """Return RGB in [0, 1], with excess, of luma and chroma in the range of their bits.

    steps are the columns and rows of luma for one of chroma.
    """
    luma = planes[0]
    red, blue = weights_of_matrix(tags, len(luma), label)
    green, levels = 1 - red - blue, _levels(bits, is_full)
    y = (luma.astype(np.float32) - np.float32(levels.black)) / np.float32(levels.luma)
    u, v = (
        (_enlarged_chroma(plane, luma.shape, steps) - np.float32(levels.middle)) / np.float32(levels.chroma)
        for plane in planes[1:]
    )
    r, b = np.float32(2 * (1 - red)) * v, np.float32(2 * (1 - blue)) * u
    g = (np.float32(red) * r + np.float32(blue) * b) / np.float32(green)
    return np.dstack([y + r, y - g, y + b])


def _planes_of_rgb(colour: FloatArray, bits: int, tags: ColourTags, form: Any) -> list[FloatArray]:
    """Return luma and chroma, as whole numbers of their bits, of RGB in [0, 1]."""
    red, blue = weights_of_matrix(tags, len(colour), "the output")
    levels = _levels(bits, tags.is_full)
    y: FloatArray = colour @ np.array([red, 1 - red - blue, blue], np.float32)
    u, v = ((colour[:, :, k] - y) / np.float32(2 * (1 - weight)) for k, weight in ((2, blue), (0, red)))
    height, width = y.shape
    across, down = width > form.chroma_width(width), height > form.chroma_height(height)
    chroma = [
        _shrunk_chroma(plane.astype(np.float32, copy=False), across, down) * np.float32(levels.chroma)
        + np.float32(levels.middle)
        for plane in (u, v)
    ]
    top = np.float32((1 << bits) - 1)
    return [np.rint(plane).clip(0, top) for plane in (y * np.float32(levels.luma) + np.float32(levels.black), *chroma)]


def _enlarged_chroma(plane: npt.NDArray[Any], shape: tuple[int, ...], steps: tuple[int, int]) -> FloatArray:
    """Return chroma at the size of luma, linearly; samples lie on the left columns and between the rows (MPEG-2)."""
    values = plane.astype(np.float32)
    if plane.shape == shape[:2]:
        return values
    across, down = steps
    shift = 0.5 / down - 0.5
    matrix = np.array([[1 / across, 0, 0], [0, 1 / down, shift if down > 1 else 0]], np.float32)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    size, border = (shape[1], shape[0]), cv2.BORDER_REPLICATE
    return cast("FloatArray", cv2.warpAffine(values, matrix, size, flags=flags, borderMode=border))


def _shrunk_chroma(plane: FloatArray, across: bool, down: bool) -> FloatArray:
    """Return chroma at half the width, half the height or both, as `_enlarged_chroma` places it."""
    if down:
        even = np.vstack([plane, plane[-1:]]) if len(plane) % 2 else plane
        plane = (even[::2] + even[1::2]) * np.float32(0.5)
    if across:
        wide = np.hstack([plane[:, :1], plane, plane[:, -1:]])
        plane = (wide[:, :-2:2] + np.float32(2) * wide[:, 1:-1:2] + wide[:, 2::2]) * np.float32(0.25)
    return plane


def _rescaled(plane: npt.NDArray[Any], bits: int, depth: int) -> npt.NDArray[Any]:
    """Return alpha of some bits as uint8 or uint16 of full scale."""
    if bits == depth:
        return np.ascontiguousarray(plane)
    return np.rint(plane * np.float32(((1 << depth) - 1) / ((1 << bits) - 1))).astype(DTYPES[depth])
