"""What a command has to say of an image, in numbers and in words. Imports nothing heavy.

That is what `auto` found and how it changed the mask, and how sure the default method is of its alpha.
"""

from __future__ import annotations

from collections.abc import Sized
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = [
    "ConfidenceSummary",
    "Findings",
    "Found",
    "MaskCorrection",
    "describe_guessed",
    "summarize_confidence",
    "summarize_dropped",
    "summarize_guessed",
]

LARGE_CHANGE = 0.3  # of a mask by its correction, as a share of the mask: worth a look
HELP = "a better mask (--mask), a larger segmenter (--segmenter) or a trimap by hand (matte) helps"
HELP_DROPPED = (
    "does the mask belong to this photograph? --trust-mask (in Python trust_mask=True) takes it without this check"
)
HELP_MASKS = "do the masks belong to these photographs? --trust-mask takes them without this check"
N_NAMED = 5  # images that a summary names
LIKELY_WRONG = 0.5  # confidence below which a pixel is likely wrong


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


class _Correction(NamedTuple):
    """The two fields of a `MaskCorrection`."""

    is_applied: bool
    changed: float


class MaskCorrection(_Correction):
    """What became of the bundled network's correction of a mask: a tuple of two with an attribute more.

    As text, it is a sentence.

    Attributes
    ----------
    is_applied : bool
        False if the correction was dropped or left out, so that the mask was taken as it is. It is dropped because the
        network found something else, or would have left no known object or background.
    changed : float
        Number of pixels that the correction moved into the mask or out of it, as a share of the pixels inside the mask,
        in [0, 1]. 0 if it was dropped or left out.
    left_out : str or None
        Why the correction was left out: with free weights nothing that has research weights only runs. None if the
        network ran.
    """

    left_out: str | None = None

    def _replace(self, /, **changes: Any) -> MaskCorrection:
        """Return a copy with other fields, as of every named tuple; the attribute stays."""
        replaced = super()._replace(**changes)
        replaced.left_out = self.left_out
        return replaced

    __replace__ = _replace  # for `copy.replace` of Python 3.13

    def __str__(self) -> str:
        """Return a sentence."""
        if self.left_out is not None:
            return f"not corrected: {self.left_out}"
        if not self.is_applied:
            return "not corrected: the correction does not fit the mask and was dropped; the mask is taken as it is"
        hint = "; look at the result, --trust-mask leaves the mask as it is" if self.changed > LARGE_CHANGE else ""
        return f"corrected: {_percent(self.changed)} of the mask{hint}"


class ConfidenceSummary(NamedTuple):
    """How sure the default method is of the unknown pixels of an image; as text, a sentence.

    Attributes
    ----------
    mean : float
        Mean confidence of the unknown pixels, see `hybridmatte.matte_with_confidence`; 1 if there are none.
    likely_wrong : float
        Share of the unknown pixels with a confidence below 0.5, in [0, 1]; 0 if there are none.
    """

    mean: float
    likely_wrong: float

    def __str__(self) -> str:
        """Return a sentence."""
        return (
            f"confidence: {_percent(self.mean)} in the mean of the unknown pixels, {_percent(self.likely_wrong)} of "
            "them are likely wrong"
        )


class Findings(NamedTuple):
    """All that a command has to say of one image; each part is None where it does not apply.

    guessed is the share of the image that is left unknown and came out half transparent in a wide region, see
    `hybridmatte.AutomaticResult`. is_automatic tells that the command is `auto`: only then is there a mask. description
    tells how alpha was estimated, if that was not known before.
    """

    found: Found | None = None
    correction: MaskCorrection | None = None
    guessed: float | None = None
    confidence: ConfidenceSummary | None = None
    is_automatic: bool = True
    description: str | None = None

    @property
    def sentences(self) -> list[str]:
        """What was found, how the mask was corrected, and how sure the method is.

        That corrections are left out is said once, before the first image.
        """
        correction = None if self.is_dropped or self._is_left_out else self.correction
        return [str(part) for part in (self.found, correction, self.confidence) if part is not None]

    @property
    def is_dropped(self) -> bool:
        """Whether the correction was dropped; not of a mask that is probably inverted, which has its own warning."""
        is_dropped = self.correction is not None and not self.correction.is_applied and not self._is_left_out
        return is_dropped and self.guessed is not None

    @property
    def _is_left_out(self) -> bool:
        """Whether free weights left the correction out."""
        return self.correction is not None and self.correction.left_out is not None

    @property
    def warnings(self) -> list[str]:
        """A sentence if the correction of the mask was dropped, and one if a wide region is guessed."""
        said = [f"{self.correction}; {HELP_DROPPED if self.found is None else HELP}"] if self.is_dropped else []
        return [*said, describe_guessed(self.guessed)] if self.guessed else said

    @property
    def entries(self) -> dict[str, Any]:
        """The entries of a JSON report; shares are rounded to four digits."""
        entries: dict[str, Any] = {}
        if self.found is not None:
            entries |= {"found": round(self.found.share, 4), "certain": round(self.found.certain, 4)}
        if self.is_automatic:
            entries |= {"correction": None, "guessed": None if self.guessed is None else round(self.guessed, 4)}
        if self.correction is not None:
            is_applied, changed = self.correction
            entries["correction"] = {"applied": is_applied, "changed": round(changed, 4)}
            if self.correction.left_out is not None:
                entries["correction"]["left_out"] = self.correction.left_out
        if self.confidence is not None:
            entries["confidence"] = {name: round(value, 4) for name, value in self.confidence._asdict().items()}
        return entries


def summarize_confidence(confidence: npt.NDArray[np.float32], is_unknown: npt.NDArray[np.bool_]) -> ConfidenceSummary:
    """Return the summary of a confidence (H, W) over the unknown pixels of the trimap."""
    values = confidence[is_unknown]
    if not values.size:
        return ConfidenceSummary(mean=1.0, likely_wrong=0.0)
    return ConfidenceSummary(float(values.mean(dtype=float)), float((values < LIKELY_WRONG).mean()))


def describe_guessed(share: float) -> str:
    """Return a sentence on a wide region that came out half transparent; share is that of the image's pixels."""
    return (
        f"a wide region is left unknown: {_percent(share)} of the image came out half transparent far from every known "
        f"pixel, where the solver guesses; {HELP}"
    )


def summarize_guessed(shares: dict[str, float]) -> str:
    """Return a sentence on the images of a folder that leave wide regions open: their names, and shares guessed."""
    return (
        f"{_count(shares)} with a wide region left unknown, half transparent far from every known pixel, where the "
        f"solver guesses: {_listed([f'{name} ({_percent(share)})' for name, share in shares.items()])}; {HELP}"
    )


def summarize_dropped(names: list[str], *, is_found: bool) -> str:
    """Return a sentence on the images of a folder whose correction was dropped; is_found tells who made the masks."""
    return (
        f"{_count(names)} with a mask that the correction does not fit, so that the mask is taken as it is: "
        f"{_listed(names)}; {HELP if is_found else HELP_MASKS}"
    )


def _count(images: Sized) -> str:
    return "1 image" if len(images) == 1 else f"{len(images)} images"


def _listed(names: list[str]) -> str:
    """Return the first names as a list for a message."""
    more = f" and {len(names) - N_NAMED} more" if len(names) > N_NAMED else ""
    return ", ".join(names[:N_NAMED]) + more


def _percent(share: float) -> str:
    """Return a share in percent with one digit behind the point; 100.0% and 0.0% only for all and none."""
    percent = 100 * share
    return f"{min(max(percent, 0.1), 99.9) if 0 < share < 1 else percent:.1f}%"
