"""What a segmenter found in an image, in numbers and in words. Imports nothing heavy."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Found"]


class Found(NamedTuple):
    """How much of an image a mask covers, and how sure the segmenter is; as text, a sentence.

    Attributes
    ----------
    share : float
        Share of the image's pixels that are inside the mask, in [0, 1].
    certain : float
        Share of the image's pixels on which the segmenter is certain, in [0, 1].
    """

    share: float
    certain: float

    def __str__(self) -> str:
        """Return a sentence."""
        if not self.share:
            return "found: nothing"
        return f"found: {_percent(self.share)} of the image, certain on {_percent(self.certain)} of its pixels"


def _percent(share: float) -> str:
    """Return a share in percent with one digit behind the point; 100.0% and 0.0% only for all and none."""
    percent = 100 * share
    return f"{min(max(percent, 0.1), 99.9) if 0 < share < 1 else percent:.1f}%"
