"""The mattes of the frames, one after the other: with a hint for each frame, or held between key frames."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from hybridmatte._validation import check_image, check_same_shape
from hybridmatte.errors import warn_caller
from hybridmatte.video.carrying import carried_back, trimap_of_moved
from hybridmatte.video.flow import Frame, Motion, MotionPair, Plane, bounded_motion, enlarged, is_cut
from hybridmatte.video.hint_sources import HintSource
from hybridmatte.video.hints import FoundMask, Hint, Settings
from hybridmatte.video.links import Tracked
from hybridmatte.video.lost_parts import PartsSeen, share_unseen
from hybridmatte.video.notices import FrameNotices
from hybridmatte.video.tracking import Matted, Moved, follow, fused, moved, moved_as_cutout

__all__ = ["Store", "tracked_frames"]

UNSEEN = 0.1  # share of a key frame's object that may be missing in the frames before it without a warning


class Store(Protocol):
    """What keeps the alphas that are solved, for a run that continues after an interruption."""

    def load(self, index: int, /) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]] | None:
        """Return alpha and variance of a frame that was solved, or None."""
        ...

    def save(self, index: int, alpha: npt.NDArray[np.float32], variance: npt.NDArray[np.float32], /) -> None:
        """Keep alpha and variance of a frame."""
        ...


class _Arrival(NamedTuple):
    """A frame as it came, how many came before it, and whether a scene begins with it."""

    index: int
    frame: npt.NDArray[np.generic]
    begins: bool

    @property
    def image(self) -> Frame:
        """The frame as (H, W, 3) float32 in [0, 1]."""
        return check_image(self.frame)


def tracked_frames(
    frames: Iterable[npt.ArrayLike],
    source: HintSource,
    settings: Settings,
    window: int,
    store: Store | None = None,
    number_of: Callable[[int], int] = int,
) -> Iterator[Tracked]:
    """Yield the matte of each frame. Frames that the store has are not solved again.

    `number_of` returns the number that warnings and errors give a frame, by how many came before it.
    """
    notices = FrameNotices(number_of)
    tracker = _Tracker(source, settings, window, store, notices)
    held: list[_Arrival] = []
    count = 0
    for arrival in _arrivals(frames, number_of):
        count += 1
        held.append(arrival)
        if not _waits(source.keys, arrival.index, window):
            yield from tracker.mattes(held)
            held = []
    yield from tracker.mattes(held)
    notices.finish()
    source.finish(count)


def _waits(keys: list[int] | None, index: int, window: int) -> bool:
    """Return whether a frame waits for the next key frame."""
    if keys is None:
        return False
    position = bisect_left(keys, index)
    return position < len(keys) and 0 < keys[position] - index < window


def _arrivals(frames: Iterable[npt.ArrayLike], number_of: Callable[[int], int]) -> Iterator[_Arrival]:
    """Yield the frames, checked and all of one size; copies, as a reader may use one array for all frames."""
    before = None
    shape: tuple[int, ...] | None = None
    for index, frame in enumerate(frames):
        label = f"frame {number_of(index)}"
        image = check_image(frame, label)
        shape = image.shape if shape is None else shape
        check_same_shape(image.shape, label, shape, f"frame {number_of(0)}")
        begins = before is None or is_cut(before, image)
        is_small = isinstance(frame, np.ndarray) and frame.dtype.itemsize < image.dtype.itemsize
        yield _Arrival(index, np.array(frame) if is_small else image.copy(), begins)
        before = image.copy() if image is frame else image


class _Told(NamedTuple):
    """What is known of a frame before its turn: its motion from the frame before, and the next key frame's alpha there.

    The motion is at the size at which it was computed. Of a key frame, the hint and the matte are known. What is not
    known is None.
    """

    motion: MotionPair | None = None
    moved: Moved | None = None
    key: tuple[Hint, Matted] | None = None


class _Tracker:
    """Estimates frame after frame, each from the one before."""

    def __init__(
        self, source: HintSource, settings: Settings, window: int, store: Store | None, notices: FrameNotices
    ) -> None:
        self._source, self._settings, self._store, self._notices = source, settings, store, notices
        self._window = window
        self._last: Tracked | None = None
        self._carried: Moved | None = None  # alpha of the last key frame at the last frame, unless that is the key
        self._is_past_key = False  # whether the scene has had a frame with a hint
        self._parts: PartsSeen | None = None

    def mattes(self, held: list[_Arrival]) -> Iterator[Tracked]:
        """Yield the mattes of frames that were held together; the last of several is a key frame, unless none came."""
        for arrival, told in zip(held, self._from_key(held), strict=True):
            with self._notices.at(arrival.index):
                self._last = self._next(arrival, told)
            yield self._last

    def _from_key(self, held: list[_Arrival]) -> list[_Told]:
        """Return what the last frame, if it is a key frame, tells of each frame that was held with it."""
        if len(held) < 2:
            return [_Told()] * len(held)
        last = held[-1]
        with self._notices.at(last.index):
            hint = self._source.of_frame(last.index, last.image)
            if hint is None:
                return [_Told()] * len(held)
            key = self._kept(last.index, last.image) or hint.alone()  # saved in its turn, after the frames before it
        images = [arrival.image for arrival in held]
        pairs = zip(images, images[1:], held[1:], strict=False)
        motions = [None if after.begins else bounded_motion(one, other) for one, other, after in pairs]
        backward = carried_back(key, images[:-1], motions)
        tells = [_Told(*both) for both in zip([None, *motions[:-1]], backward, strict=True)]
        return [*tells, _Told(motions[-1], None, (hint, key))]

    def _next(self, arrival: _Arrival, told: _Told) -> Tracked:
        """Return a frame's matte from its hint, the frame before, and the next key frame."""
        image, last, backward = arrival.image, self._last, told.moved
        hint = told.key[0] if told.key else self._source.of_frame(arrival.index, image)
        if last is None or arrival.begins:
            return self._first(arrival.index, image, hint, told)
        if np.array_equal(image, last.matte.image) and _says_nothing_new(hint, last.trimap):
            self._carried = self._carried if hint is None else None
            self._is_past_key |= hint is not None
            return Tracked(self._kept_or(arrival.index, image, lambda: last.matte), last.trimap)
        motion = enlarged(told.motion or bounded_motion(last.matte.image, image), image.shape)
        if backward is not None and not self._is_past_key:
            guess = backward  # what the frames before tell comes from the same key frame
        else:
            guess = self._moved(last.matte, image, motion.to_previous, is_key=hint is not None)
            guess = guess if backward is None else fused(guess, backward)
        key = None if told.key is None else self._of_key(arrival.index, told.key[1])
        trimap, is_carried = (_trimap_of(key), False) if key else self._trimap(hint, guess, motion.to_previous)
        if hint is not None and self._source.keys is not None and self._is_past_key:
            _warn_of_growth(trimap, guess)
        self._is_past_key |= hint is not None
        if key is not None:
            return Tracked(key, trimap, motion=motion)
        return self._follow(arrival.index, image, trimap, guess, is_carried=is_carried)._replace(motion=motion)

    def _first(self, index: int, image: Frame, hint: Hint | None, told: _Told) -> Tracked:
        """Return the matte of the first frame of a scene."""
        self._carried, self._is_past_key = None, hint is not None
        if hint is not None:
            self._parts = PartsSeen(hint.mask) if isinstance(hint, FoundMask) else None
            matte = self._of_key(index, told.key[1]) if told.key else self._kept_or(index, image, hint.alone)
            return Tracked(matte, _trimap_of(matte), begins=True)
        if told.moved is None:
            raise ValueError(self._lacking(index))
        return self._follow(index, image, trimap_of_moved(told.moved), told.moved, is_carried=True)._replace(
            begins=True
        )

    def _lacking(self, index: int) -> str:
        """Say what is wrong with a scene whose first frame no key frame reaches."""
        if any(key > index and not _waits([key], index, self._window) for key in self._source.keys or ()):
            return "keys has no key frame in this scene near enough, expected one; or raise window"
        return "keys has no key frame in the scene that begins here, expected one in each scene"

    def _moved(self, last: Matted, image: Frame, motion: Motion, *, is_key: bool) -> Moved:
        """Return the alpha of the last frame at the next one, or that of the last key frame if the next is not a key.

        Alphas that were solved between key frames are not carried on: their errors would add up from frame to frame.
        """
        if is_key:
            self._carried = None
            return moved(last, image, motion)
        if self._carried is not None:
            last = Matted(last.image, self._carried.alpha, self._carried.variance)
        self._carried = moved_as_cutout(last, image, motion)
        return self._carried

    def _follow(self, index: int, image: Frame, trimap: Plane, guess: Moved, *, is_carried: bool) -> Tracked:
        """Return the matte of a frame that others tell of."""

        def solve() -> Matted:
            return follow(image, trimap, guess, self._settings.network, is_carried=is_carried)

        return Tracked(self._kept_or(index, image, solve), trimap)

    def _trimap(self, hint: Hint | None, guess: Moved, motion: Motion) -> tuple[Plane, bool]:
        """Return a frame's trimap, and whether it is carried from other frames, as a whole or in part."""
        if hint is None:
            return trimap_of_moved(guess), True
        if self._parts is None or not isinstance(hint, FoundMask):
            return hint.trimap(), False
        trimap, carried, given_up = self._parts.completed(hint.trimap(), hint.mask, guess, motion)
        said = f"segmenter {hint.segmenter} misses {{:.0%}} of the object that the frame before shows; it is "
        if carried:
            warn_caller(said.format(carried) + "carried from there", UserWarning)
        if given_up:
            warn_caller(said.format(given_up) + "left out, as it was found in too few frames before", UserWarning)
        return trimap, carried > 0

    def _kept(self, index: int, image: Frame) -> Matted | None:
        """Return a frame's matte from the store, or None."""
        kept = None if self._store is None else self._store.load(index)
        return None if kept is None else Matted(image, *kept)

    def _kept_or(self, index: int, image: Frame, solve: Callable[[], Matted]) -> Matted:
        """Return a frame's matte from the store; solve and keep it if it is not there."""
        kept = self._kept(index, image)
        if kept is not None:
            return kept
        matte = solve()
        if self._store is not None:
            self._store.save(index, matte.alpha, matte.variance)
        return matte

    def _of_key(self, index: int, matte: Matted) -> Matted:
        """Return the matte of a key frame, and keep it if the store does not have it."""
        return self._kept_or(index, matte.image, lambda: matte)


def _trimap_of(matte: Matted) -> Plane:
    """Return the trimap (H, W) of 0, 0.5 and 1 of a matte that was estimated from its own frame."""
    return np.where(matte.variance > 0, np.float32(0.5), matte.alpha)


def _says_nothing_new(hint: Hint | None, trimap: Plane) -> bool:
    """Return whether a hint says of a frame what is known of an equal one before it; trimap is that frame's.

    A segmenter says the same of equal frames. That trimap may have parts that it misses, carried from other frames.
    """
    return hint is None or isinstance(hint, FoundMask) or np.array_equal(hint.trimap(), trimap)


def _warn_of_growth(trimap: Plane, guess: Moved) -> None:
    """Warn if a key frame shows much of an object that the frames before it lack."""
    unseen = share_unseen(trimap, guess)
    if unseen > UNSEEN:
        warn_caller(
            f"keys has {unseen:.0%} of the object in a key frame that the frames before it lack, as it came into view "
            "between the key frames; expected a key frame where it appears, or a larger window",
            UserWarning,
        )
