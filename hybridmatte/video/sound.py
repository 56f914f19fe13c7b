"""The sound of a clip, copied packet by packet without decoding, between its in and out point."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from hybridmatte.video.clips import Clip, opened

if TYPE_CHECKING:
    import av

__all__ = ["SoundCopier"]


class SoundCopier:
    """Copies the sound of a clip into a container while the frames are written, so that both stay interleaved."""

    def __init__(self, clip: Clip, target: av.container.OutputContainer, path: str) -> None:
        self._start, self._stop = clip.span
        self._source = opened(clip.path)
        self._target, self._streams = target, {}
        for stream in self._source.streams.audio:
            self._add(stream, path)
        self._packets = self._wanted()
        self._next: Any = next(self._packets, None)

    def copy_until(self, time: Fraction | None) -> None:
        """Copy what is heard up to a time of the clip; None copies the rest, and closes the source."""
        while self._next is not None and (time is None or self._time(self._next) <= time):
            self._copy(self._next)
            self._next = next(self._packets, None)
        if time is None:
            self._source.close()

    def _add(self, stream: Any, path: str) -> None:
        name = stream.codec_context.name
        supported = self._target.supported_codecs
        if supported and stream.codec_context.codec.canonical_name not in supported and name not in supported:
            raise ValueError(
                f"output {path} cannot hold the sound, which is {name}, expected .mov or .mkv, or --no-sound"
            )
        self._streams[stream.index] = self._target.add_stream_from_template(stream)

    def _wanted(self) -> Iterator[Any]:
        import av

        try:
            for packet in self._source.demux(*self._source.streams.audio):
                if packet.dts is None or packet.size == 0:
                    continue
                time = self._time(packet)
                length = Fraction(packet.duration or 0) * packet.time_base
                if self._start > 0 and time + length <= self._start:
                    continue
                if self._stop is not None and time >= self._stop:
                    continue
                yield packet
        except av.error.FFmpegError:  # the file ends early; the frames say so
            return

    def _time(self, packet: Any) -> Fraction:
        return Fraction(packet.pts if packet.pts is not None else packet.dts) * packet.time_base

    def _copy(self, packet: Any) -> None:
        shift = round(self._start / packet.time_base)
        packet.stream, source = self._streams[packet.stream.index], packet.stream
        packet.dts -= shift
        if packet.pts is not None:
            packet.pts -= shift
        self._target.mux(packet)
        del source
