"""Mattes of the frames of a clip that hold still: `matte_sequence`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from os import PathLike
from typing import Any, Literal, NamedTuple, TypeAlias, overload

import numpy as np
import numpy.typing as npt

from hybridmatte._validation import check_choice, check_integer
from hybridmatte.automatic.finding import Segmenter
from hybridmatte.correction.matting import QUALITIES, Quality
from hybridmatte.correction.weights import RESEARCH, WeightsKind, check_weights
from hybridmatte.foreground import estimate_foreground
from hybridmatte.video.clean_plate import against_plates
from hybridmatte.video.frames import Store, tracked_frames
from hybridmatte.video.hint_sources import HintSource, hints_of
from hybridmatte.video.hints import Settings
from hybridmatte.video.links import Tracked, linked
from hybridmatte.video.smoothing import averaged
from hybridmatte.video.tracking import Matted

__all__ = ["FrameMatte", "Store", "matte_sequence", "matted_frames"]

Planes: TypeAlias = Iterable[npt.ArrayLike]


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
    smoothing: int = 2,
    window: int = 16,
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
    smoothing: int = 2,
    window: int = 16,
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
    smoothing: int = 2,
    window: int = 16,
    with_foreground: bool = False,
    store: Store | None = None,
) -> Iterator[npt.NDArray[np.float32]] | Iterator[FrameMatte]:
    """Estimate the alphas of a clip's frames, one after the other, so that they hold still.

    Each frame is solved as `matte` does, from the alpha of the frame before, moved along the object's motion: so the
    solver needs fewer iterations. Then each alpha is averaged with those of its neighbours, moved along the motion that
    the optical flow of the cut-outs shows. What lies behind the object changes from frame to frame, so the mean is
    steadier and more accurate. It moves against the object, so other frames show purer what is hidden or mixed in this
    one. Where the ground's colour is known, a pixel's colour determines its alpha. Cuts are found, and nothing is
    carried over them. A frame that equals the one before is solved as that one.

    With `keys`, the alphas of both neighbouring key frames are moved to the frames between them. They give the trimap,
    in which pixels are unknown that are mixed, occluded or in doubt, and are a prior of the solver, weighed by how sure
    they are.

    Parameters
    ----------
    frames : iterable of (H, W, 3) arrays
        RGB in [0, 1]; uint8 and uint16 are scaled. All of one size. Consumed one at a time, never modified.
    trimaps : iterable of (H, W) arrays, optional
        A trimap for each frame, as for `matte`.
    masks : iterable of (h, w) arrays, or segmenter, optional
        A mask for each frame, as for `matte_from_mask`; an empty one where the object is out of the frame. Or a
        segmenter, a function of an image or a name, as for `matte_from_image`.
    keys : mapping of int to (H, W) array, optional
        Trimaps or masks of some frames, by the number of the frame from 0. A plane is taken for a trimap if most of its
        greys are one grey. Each scene needs a key frame. Without `trimaps`, `masks` and `keys`, the default segmenter
        finds the object.
    quality : {"best", "fast"}, default "best"
        As for `matte`.
    weights : {"research", "free"}, default "research"
        As for `matte`; with "free", the default segmenter is refused.
    smoothing : int, default 2
        Frames on each side over which alpha is averaged along the object's motion, before and after it is compared with
        the ground that up to 8 frames on each side show. Results come ``2 * smoothing + 8`` frames later. 0: each
        frame's own alpha, at once.
    window : int, default 16
        Most frames that are held to wait for the next key frame. Frames that are farther before it are carried from the
        last key frame alone. No effect without `keys`.
    with_foreground : bool, default False
        Whether to estimate foreground colours too, as `estimate_foreground` does.
    store : Store, optional
        Keeps each frame's alpha and its variance, so that a later call does not solve these frames again. Its
        ``load(index)`` returns both, or None; ``save(index, alpha, variance)`` keeps them.

    Returns
    -------
    mattes : iterator of (H, W) float32 arrays, or of FrameMatte
        One for each frame, in order; alpha is in [0, 1], and exactly 0 or 1 on known pixels of a given trimap.

    Raises
    ------
    ValueError
        If an input is not as described; the message names the frame. If trimaps or masks are fewer or more than the
        frames, a key lies outside the clip, frames differ in size, or a frame has no key frame in its scene, or only
        one more than `window` frames later. What concerns the frames is raised when the iterator reaches them.
    TypeError
        If an input is of the wrong kind.

    Warns
    -----
    UserWarning
        As the functions for single images warn. The message names the frame; of frames in a row, the first and the last
        are named. If a segmenter misses a large part of the object that the frame before shows: the part is carried
        from there, through as many frames as it was found in and at most 12, or else left out. If a key frame shows
        much of an object that the frames before it lack, as it came into view between the key frames.

    See Also
    --------
    matte : One image.

    References
    ----------
    .. [1] T. Kroeger, R. Timofte, D. Dai, L. Van Gool. Fast optical flow using dense inverse search. ECCV 2016.
    .. [2] Y.-Y. Chuang, A. Agarwala, B. Curless, D. H. Salesin, R. Szeliski. Video matting of complex scenes. SIGGRAPH
       2002. Trimaps carried between key frames by optical flow, forward and backward.
    .. [3] M. Erofeev, Y. Gitman, D. Vatolin, A. Fedorov, J. Wang. Perceptually motivated benchmark for video matting.
       BMVC 2015. Errors of a clip over time.

    Examples
    --------
    >>> image = np.linspace(0, 1, 64)[None, :, None] * np.ones((32, 1, 3))
    >>> trimap = np.full((32, 64), 0.5)
    >>> trimap[:, :4], trimap[:, -4:] = 0, 1
    >>> [alpha.shape for alpha in matte_sequence([image, image], [trimap, trimap])]
    [(32, 64), (32, 64)]
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
    source = hints_of(trimaps, masks, keys, settings)
    results = matted_frames(frames, source, settings, smoothing=smoothing, window=window, store=store)
    if with_foreground:
        return (FrameMatte(one.alpha, estimate_foreground(one.image, one.alpha)) for one in results)
    return (one.alpha for one in results)


def matted_frames(
    frames: Iterable[npt.ArrayLike],
    source: HintSource,
    settings: Settings,
    *,
    smoothing: int,
    window: int,
    store: Store | None = None,
    number_of: Callable[[int], int] = int,
) -> Iterator[Matted]:
    """Yield the frames with their alphas. Options are those of `matte_sequence`; number_of is as `tracked_frames`."""
    tracked = tracked_frames(frames, source, settings, window, store, number_of)
    return (one.matte for one in (_steadied(tracked, smoothing) if smoothing else tracked))


def _steadied(frames: Iterable[Tracked], radius: int) -> Iterator[Tracked]:
    """Yield frames whose alphas agree with those of `radius` neighbours on each side, and with the ground they show."""
    return (item.frame for item in averaged(against_plates(averaged(linked(frames), radius)), radius))
