"""The sound of a clip, copied packet by packet without decoding, between its in and out point."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from hybridmatte.errors import warn_caller
from hybridmatte.video.clips import Clip, opened

if TYPE_CHECKING:
    import av.container

__all__ = ["SoundCopier"]

KEPT = {"language", "title"}  # of the metadata of a track
EDITED = ("mov", "mp4")  # containers whose edit lists hide what comes before the first frame


class SoundCopier:
    """Copies the sound of a clip into a container while the frames are written, so that both stay interleaved."""

    def __init__(self, clip: Clip, target: av.container.OutputContainer, path: str) -> None:
        self._start, self._stop = clip.span
        self._source, self._path = opened(clip.path), clip.path
        self._target, self._streams = target, {}
        self._last: dict[int, int] = {}  # time of the last packet of each track, in its unit
        self._has_warned = False
        self._keeps_early = target.format.name in EDITED
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
            self.close()

    def close(self) -> None:
        """Close the source."""
        self._source.close()

    def _add(self, stream: Any, path: str) -> None:
        if stream.codec_context is None:
            warn_caller(
                f"clip {self._path} has sound of a kind that this build of FFmpeg does not know, in track "
                f"{stream.index}, which is left out",
                UserWarning,
            )
            return
        name = stream.codec_context.name
        supported = self._target.supported_codecs
        if supported and stream.codec_context.codec.canonical_name not in supported and name not in supported:
            raise ValueError(
                f"output {path} cannot hold the sound, which is {name}, expected .mov or .mkv, or --no-sound"
            )
        added = self._target.add_stream_from_template(stream)
        added.metadata.update({key: value for key, value in stream.metadata.items() if key.lower() in KEPT})
        self._streams[stream.index] = added

    def _wanted(self) -> Iterator[Any]:
        import av.error

        streams = [stream for stream in self._source.streams.audio if stream.index in self._streams]
        if not streams:
            return
        try:
            for packet in self._source.demux(*streams):
                if packet.dts is not None and packet.size and self._grows(packet) and self._is_heard(packet):
                    yield packet
        except av.error.FFmpegError:  # the file ends early; the frames say so
            return

    def _grows(self, packet: Any) -> bool:
        """Return whether a packet comes after the last one of its track; warn once of those that do not."""
        track = packet.stream.index
        if packet.dts > self._last.get(track, packet.dts - 1):
            self._last[track] = packet.dts
            return True
        if not self._has_warned:
            self._has_warned = True
            at = float(self._time(packet))
            warn_caller(
                f"clip {self._path} has sound whose times go back to {at:g} s, in track {track}: what does not come "
                "after the sound before it is left out",
                UserWarning,
            )
        return False

    def _is_heard(self, packet: Any) -> bool:
        """Return whether a packet is heard between the in and the out point.

        Packets that begin before the in point, and those before 0 that an encoder needs to swing in, stay where the
        container hides what comes before its first frame. Others would move all frames back. Opus in Matroska tells
        how much of its first packet is hidden.
        """
        begin = self._time(packet) - self._start
        if self._stop is not None and begin >= self._stop - self._start:
            return False
        length = Fraction(packet.duration or 0) * packet.time_base
        if self._start > 0 and begin + length <= 0:
            return False
        is_opus = packet.stream.codec_context.name in ("opus", "libopus")
        return begin >= 0 or self._keeps_early or (is_opus and self._start <= 0)

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
