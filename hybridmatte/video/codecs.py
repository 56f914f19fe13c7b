"""Containers and codecs of outputs: what holds alpha, and what this build of FFmpeg can encode."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from hybridmatte.errors import require_extra
from hybridmatte.video.clips import Clip
from hybridmatte.video.colours import HLG, PQ

__all__ = ["CODECS", "CONTAINERS", "Codec", "chosen_codec"]


class Codec(NamedTuple):
    """An encoder: its names in FFmpeg, the pixel format with alpha, or "", and without, options and containers."""

    encoders: tuple[str, ...]
    with_alpha: str
    opaque: str
    options: dict[str, str]
    containers: tuple[str, ...]
    title: str
    is_limited: bool = False  # whether its luma never has all numbers
    alpha_containers: tuple[str, ...] | None = None  # those that keep its alpha, if not all do

    def form_for(self, form: str, like: Clip) -> str:
        """Return the pixel format for a clip: of H.264 without halved chroma for odd sizes, and 10 bits for HDR."""
        if form != "yuv420p" or self.title != "H.264":
            return form
        height, width = like.shape
        return ("yuv444p" if height % 2 or width % 2 else form) + ("10le" if like.tags.transfer in (PQ, HLG) else "")


CONTAINERS = {".mov": "mov", ".mp4": "mp4", ".m4v": "mp4", ".webm": "webm", ".mkv": "matroska"}
CODECS: dict[str, Codec] = {
    "prores": Codec(
        ("prores_ks",),
        "yuva444p10le",
        "yuv444p10le",
        {"profile": "4444", "alpha_bits": "16"},
        (".mov", ".mkv"),
        "ProRes 4444",
        is_limited=True,
    ),
    "vp9": Codec(
        ("libvpx-vp9",),
        "yuva420p",
        "yuv420p",
        {"crf": "15", "b": "0", "auto-alt-ref": "0", "row-mt": "1", "cpu-used": "2", "deadline": "good"},
        (".webm", ".mkv", ".mp4"),
        "VP9",
        alpha_containers=(".webm", ".mkv"),
    ),
    "ffv1": Codec(("ffv1",), "gbrap16le", "gbrp16le", {"level": "3"}, (".mkv",), "FFV1"),
    "png": Codec(("png",), "rgba64be", "rgb48be", {}, (".mov",), "PNG"),
    "h264": Codec(
        ("libx264",), "", "yuv420p", {"crf": "14", "preset": "medium"}, (".mp4", ".m4v", ".mov", ".mkv"), "H.264"
    ),
    "av1": Codec(
        ("libaom-av1", "libsvtav1"), "yuva420p", "yuv420p10le", {"crf": "20"}, (".mp4", ".webm", ".mkv"), "AV1"
    ),
}
DEFAULTS = {".mov": "prores", ".webm": "vp9", ".mkv": "ffv1", ".mp4": "h264", ".m4v": "h264"}


def chosen_codec(path: str | os.PathLike[str], codec: str | None, *, has_alpha: bool) -> tuple[str, str, Codec]:
    """Return encoder, pixel format and codec of an output; refuse what the build or the file cannot hold."""
    require_extra("video", "av")
    os.environ.setdefault("SVT_LOG", "1")  # the AV1 encoder tells its settings on standard error, but for errors alone

    extension = Path(path).suffix.lower()
    if extension not in CONTAINERS:
        raise ValueError(
            f"output {path} ends in {extension!r}, expected {', '.join(CONTAINERS)}, a sequence such as "
            "out.%04d.png, or a folder that exists"
        )
    name = DEFAULTS[extension] if codec is None else codec
    if name not in CODECS:
        raise ValueError(f"codec is {name!r}, expected one of {', '.join(CODECS)}")
    kind = CODECS[name]
    if extension not in kind.containers:
        raise ValueError(f"output {path} cannot hold {kind.title}, expected {' or '.join(kind.containers)}")
    if has_alpha and (not kind.with_alpha or extension not in (kind.alpha_containers or kind.containers)):
        raise ValueError(
            f"output {path} is {kind.title} in {extension}, which keeps no alpha, expected .mov, .webm or .mkv, or a "
            "--background, or --matte"
        )
    encoder, form = _encoder_of(name, kind, has_alpha=has_alpha)
    return encoder, form, kind


def _encoder_of(name: str, kind: Codec, *, has_alpha: bool) -> tuple[str, str]:
    """Return the encoder of this build of FFmpeg for a codec, and its pixel format; refuse a build without one."""
    import av.codec

    wanted = kind.with_alpha if has_alpha else kind.opaque
    found = []
    for encoder in kind.encoders:
        try:
            formats = av.codec.Codec(encoder, "w").video_formats or []
        except ValueError:  # this build has no such encoder
            continue
        found.append(encoder)
        if wanted in {form.name for form in formats}:
            return encoder, wanted
    if not found:
        raise ValueError(
            f"codec {name} has no encoder in this build of FFmpeg, expected another of {', '.join(CODECS)}"
        )
    raise ValueError(
        f"codec {name} keeps no alpha in this build of FFmpeg ({', '.join(found)}), expected prores, vp9, ffv1 or png"
    )
