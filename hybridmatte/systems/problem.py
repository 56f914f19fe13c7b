"""A matting problem: checked image, regions of the trimap, and prior."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hybridmatte._validation import check_confidence, check_image, check_plane, check_same_shape
from hybridmatte.trimap import split_trimap

__all__ = ["DEFAULT_CONFIDENCE", "Problem", "check_plane_like_image", "check_problem", "finish_alpha"]

DEFAULT_CONFIDENCE = 0.1  # weight of a prior, on the scale of the Laplacian's diagonal


class Problem(NamedTuple):
    """A checked matting problem.

    image is (H, W, 3) float32; is_unknown is (H, W) bool; known_alpha is (H, W) float32, 1 on the known foreground and
    0 elsewhere; prior and confidence are (H, W) float32, or both None.
    """

    image: npt.NDArray[np.float32]
    is_unknown: npt.NDArray[np.bool_]
    known_alpha: npt.NDArray[np.float32]
    prior: npt.NDArray[np.float32] | None
    confidence: npt.NDArray[np.float32] | None

    @property
    def trimap(self) -> npt.NDArray[np.float32]:
        """The trimap (H, W) of 0, 0.5 and 1."""
        return np.where(self.is_unknown, np.float32(0.5), self.known_alpha)


def check_problem(
    image: npt.ArrayLike,
    trimap: npt.ArrayLike,
    prior: npt.ArrayLike | None = None,
    confidence: npt.ArrayLike | None = None,
) -> Problem:
    """Check and convert the inputs that all methods share.

    Parameters
    ----------
    image : (H, W, 3) array
        RGB in [0, 1]; uint8 and uint16 are scaled, grey and RGBA converted.
    trimap : (H, W) array
        Background at most 0.1, foreground at least 0.9, the rest unknown.
    prior : (H, W) array, optional
        Estimate of alpha in [0, 1].
    confidence : float or (H, W) array, optional
        Weight of the prior, at least 0; 0.1 if there is a prior.

    Returns
    -------
    problem : Problem

    Raises
    ------
    ValueError
        If shapes disagree, a value is not finite or out of range, a confidence comes without a prior, or there are
        unknown pixels but no foreground or no background, and no prior with a positive confidence.
    TypeError
        If an input is of the wrong kind.
    """
    pixels = check_image(image)
    check_plane_like_image(trimap, "trimap", pixels)
    regions = split_trimap(trimap)
    prior, confidence = _check_prior(prior, confidence, pixels)
    if regions.is_unknown.any() and (confidence is None or not confidence[regions.is_unknown].any()):
        for name in regions.missing:
            bound = "at least 0.9" if name == "foreground" else "at most 0.1"
            raise ValueError(
                f"trimap has no {name} pixel, expected at least one, with a value of {bound} (or a "
                "prior with a positive confidence, which hybridmatte.solve takes)"
            )
    return Problem(pixels, regions.is_unknown, regions.is_foreground.astype(np.float32), prior, confidence)


def check_plane_like_image(plane: npt.ArrayLike, name: str, image: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return a plane (H, W) of the image's size; refuse another size first, then colour channels."""
    shape = np.shape(plane)
    if len(shape) in (2, 3):
        check_same_shape(shape, name, image.shape, "image")
    return check_plane(plane, name, image.shape)


def _check_prior(
    prior: Any, confidence: Any, image: npt.NDArray[np.float32]
) -> tuple[npt.NDArray[np.float32] | None, npt.NDArray[np.float32] | None]:
    """Return prior and confidence as planes (H, W), or None for both."""
    if prior is None:
        if confidence is not None:
            raise ValueError("confidence came without a prior, expected a prior with it")
        return None, None
    prior = check_plane_like_image(prior, "prior", image)
    return prior, check_confidence(DEFAULT_CONFIDENCE if confidence is None else confidence, image.shape[:2])


def finish_alpha(problem: Problem, alpha: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Return alpha (H, W) clipped to [0, 1] on unknown pixels, and exactly 0 or 1 on known ones."""
    return np.where(problem.is_unknown, np.clip(alpha, 0.0, 1.0), problem.known_alpha).astype(np.float32)
