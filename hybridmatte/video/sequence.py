"""Mattes of the frames of a clip that hold still: `matte_sequence`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from numbers import Integral
from os import PathLike
from typing import Any, Literal, NamedTuple, Protocol, TypeAlias, overload

import numpy as np
import numpy.typing as npt

from hybridmatte._validation import check_choice, check_image, check_integer, check_same_shape
from hybridmatte.automatic.finding import Segmenter
from hybridmatte.automatic.registry import DEFAULT_SEGMENTER, load_segmenter, refuse_bundled
from hybridmatte.correction.matting import QUALITIES, Quality
from hybridmatte.correction.weights import RESEARCH, WeightsKind, check_weights
from hybridmatte.foreground import estimate_foreground
from hybridmatte.video.carrying import trimap_of_moved
from hybridmatte.video.flow import Frame, is_cut, motion_between
from hybridmatte.video.hints import FoundMask, GivenMask, GivenTrimap, Hint, Settings, hint_of_key
from hybridmatte.video.tracking import Matted, follow, moved

__all__ = ["FrameMatte", "Store", "matte_sequence"]

Planes: TypeAlias = Iterable[npt.ArrayLike]
HintMaker: TypeAlias = "Callable[[int, Frame], Hint | None]"
END = object()


class Store(Protocol):
    """What keeps the alphas that are solved, for a run that continues after an interruption."""

    def load(self, index: int, /) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]] | None:
        """Return alpha and variance of a frame that was solved, or None."""
        ...

    def save(self, index: int, alpha: npt.NDArray[np.float32], variance: npt.NDArray[np.float32], /) -> None:
        """Keep alpha and variance of a frame."""
        ...


class FrameMatte(NamedTuple):
    """Alpha and foreground colours of one frame.

    Attributes
    ----------
    alpha : (H, W) float32 array
        In [0, 1].
    foreground : (H, W, 3) float32 array
        RGB in [0, 1], defined at every pixel; exactly the frame's colours where alpha is 1.
    """

    alpha: npt.NDArray[np.float32]
    foreground: npt.NDArray[np.float32]


@overload
def matte_sequence(
    frames: Iterable[npt.ArrayLike],
    trimaps: Planes | None = None,
    masks: Planes | Callable[..., Any] | Segmenter | str | None = None,
    keys: Mapping[int, npt.ArrayLike] | None = None,
    *,
    quality: Quality = "best",
    weights: WeightsKind = RESEARCH,
    smoothing: int = 0,
    window: int = 32,
    with_foreground: Literal[False] = False,
    store: Store | None = None,
) -> Iterator[npt.NDArray[np.float32]]: ...
@overload
def matte_sequence(
    frames: Iterable[npt.ArrayLike],
    trimaps: Planes | None = None,
    masks: Planes | Callable[..., Any] | Segmenter | str | None = None,
    keys: Mapping[int, npt.ArrayLike] | None = None,
    *,
    quality: Quality = "best",
    weights: WeightsKind = RESEARCH,
    smoothing: int = 0,
    window: int = 32,
    with_foreground: Literal[True],
    store: Store | None = None,
) -> Iterator[FrameMatte]: ...
def matte_sequence(
    frames: Iterable[npt.ArrayLike],
    trimaps: Planes | None = None,
    masks: Planes | Callable[..., Any] | Segmenter | str | None = None,
    keys: Mapping[int, npt.ArrayLike] | None = None,
    *,
    quality: Quality = "best",
    weights: WeightsKind = RESEARCH,
    smoothing: int = 0,
    window: int = 32,
    with_foreground: bool = False,
    store: Store | None = None,
) -> Iterator[npt.NDArray[np.float32]] | Iterator[FrameMatte]:
    """Estimate the alphas of a clip's frames, one after the other, so that they hold still.

    Parameters
    ----------
    frames : iterable of (H, W, 3) arrays
        RGB in [0, 1]; uint8 and uint16 are scaled. All of one size. Consumed one at a time, never modified.
    trimaps : iterable of (H, W) arrays, optional
        A trimap for each frame, as for `matte`.
    masks : iterable of (h, w) arrays, or segmenter, optional
        A mask for each frame, as for `matte_from_mask`; or a segmenter, as for `matte_from_image`.
    keys : mapping of int to (H, W) array, optional
        Trimaps or masks of some frames, by the number of the frame from 0.
    quality, weights
        As for `matte`.
    smoothing : int, default 0
        Frames on each side over which alpha is smoothed along the motion.
    window : int, default 32
        Most frames that are held to wait for the next key frame.
    with_foreground : bool, default False
        Whether to estimate foreground colours too.
    store : Store, optional
        Keeps each frame's alpha and its variance, so that a later call does not solve these frames again. Its
        ``load(index)`` returns both, or None; ``save(index, alpha, variance)`` keeps them.

    Yields
    ------
    alpha : (H, W) float32 array, or FrameMatte
        One for each frame, in order.

    Raises
    ------
    ValueError
        If an input is not as described.
    """
    settings = Settings(check_choice(quality, "quality", list(QUALITIES)), check_weights(weights))
    check_integer(smoothing, "smoothing", low=0)
    check_integer(window, "window", low=1)
    if isinstance(frames, str | PathLike):
        raise TypeError(
            f"frames is the path {str(frames)!r}, expected arrays; the command hybridmatte video reads files"
        )
    given = {"trimaps": trimaps, "masks": masks, "keys": keys}
    names = [name for name, value in given.items() if value is not None]
    if len(names) > 1:
        raise ValueError(f"{' and '.join(names)} are given, expected one of trimaps, masks and keys")
    results = _mattes(_checked(frames), _hints(trimaps, masks, keys, settings), settings, store)
    return (
        FrameMatte(one.alpha, estimate_foreground(one.image, one.alpha)) if with_foreground else one.alpha
        for one in results
    )


class _Hints(NamedTuple):
    """What makes the hint of each frame, and what is to be said after the last frame."""

    of_frame: HintMaker
    finish: Callable[[int], object]


def _hints(trimaps: Any, masks: Any, keys: Any, settings: Settings) -> _Hints:
    """Return the source of the hints."""
    if trimaps is not None:
        return _one_each(trimaps, "trimaps", partial(_with, GivenTrimap, settings))
    if keys is not None:
        return _by_key(keys, settings)
    if masks is None or isinstance(masks, str | Segmenter) or callable(masks):
        segmenter = load_segmenter(DEFAULT_SEGMENTER if masks is None else masks)
        refuse_bundled(segmenter, settings.weights)
        return _Hints(lambda _, image: FoundMask(image, segmenter, settings), lambda _: None)
    return _one_each(masks, "masks", partial(_with, GivenMask, settings))


def _with(kind: Callable[..., Hint], settings: Settings, image: Frame, plane: npt.ArrayLike) -> Hint:
    return kind(image, plane, settings)


def _one_each(planes: Planes, name: str, make: Callable[[Frame, npt.ArrayLike], Hint]) -> _Hints:
    """Return hints of an iterable with one plane for each frame."""
    rest = iter(planes)

    def of_frame(index: int, image: Frame) -> Hint:
        plane = next(rest, END)
        if plane is END:
            raise ValueError(f"{name} ends after {index}, expected one for each frame: the frames go on")
        return make(image, plane)  # type: ignore[arg-type]

    def finish(count: int) -> None:
        if next(rest, END) is not END:
            raise ValueError(f"{name} goes on after the last of {count} frames, expected one for each frame")

    return _Hints(of_frame, finish)


def _by_key(keys: Mapping[int, npt.ArrayLike], settings: Settings) -> _Hints:
    """Return hints of key frames."""
    if not keys:
        raise ValueError("keys is empty, expected at least one key frame")
    for index in keys:
        if isinstance(index, bool) or not isinstance(index, Integral) or index < 0:
            raise ValueError(f"keys has the frame {index!r}, expected integers of at least 0")

    def of_frame(index: int, image: Frame) -> Hint | None:
        return hint_of_key(image, keys[index], settings) if index in keys else None

    def finish(count: int) -> None:
        outside = sorted(index for index in keys if index >= count)
        if outside:
            raise ValueError(f"keys has frame {outside[0]}, expected frames of the clip, which has {count}")

    return _Hints(of_frame, finish)


def _checked(frames: Iterable[npt.ArrayLike]) -> Iterator[Frame]:
    """Yield the frames as float32 in [0, 1], all of one size."""
    first = None
    for index, frame in enumerate(frames):
        image = check_image(frame, f"frame {index}")
        first = image.shape if first is None else first
        check_same_shape(image.shape, f"frame {index}", first, "frame 0")
        yield image


def _mattes(frames: Iterator[Frame], hints: _Hints, settings: Settings, store: Store | None = None) -> Iterator[Matted]:
    """Yield the mattes of checked frames."""
    previous, index = None, -1
    for index, image in enumerate(frames):
        kept = None if store is None else store.load(index)
        with _at_frame(index):
            hint = hints.of_frame(index, image)
            previous = Matted(image, *kept) if kept is not None else _next_matte(previous, image, hint, settings)
        if store is not None and kept is None:
            store.save(index, previous.alpha, previous.variance)
        yield previous
    hints.finish(index + 1)


def _next_matte(previous: Matted | None, image: Frame, hint: Hint | None, settings: Settings) -> Matted:
    """Return the matte of a frame, given that of the frame before."""
    if previous is None or is_cut(previous.image, image):
        if hint is None:
            raise ValueError("keys has no frame since the scene began, expected one")
        return hint.alone()
    guess = moved(previous, image, motion_between(previous.image, image).to_previous)
    trimap = trimap_of_moved(guess) if hint is None else hint.trimap()
    return follow(image, trimap, guess, settings.network)


@contextmanager
def _at_frame(index: int) -> Iterator[None]:
    """Add the number of the frame to an error's sentence."""
    try:
        yield
    except (TypeError, ValueError) as error:
        raise type(error)(f"{error} (frame {index})") from error
