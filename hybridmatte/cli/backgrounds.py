"""The options ``--background`` and ``--fit``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, cast

from hybridmatte.batch.pairing import is_many, is_name_pattern

if TYPE_CHECKING:
    from hybridmatte.foreground import Fit

__all__ = ["checked_background"]


def checked_background(background: str | None, fit: str | None) -> tuple[str | None, Fit]:
    """Return the background, None where the result is transparent, and the fit; refuse bad values before any work."""
    from hybridmatte._validation import check_choice
    from hybridmatte.batch.backgrounds import TRANSPARENT, check_colour
    from hybridmatte.foreground import FITS

    if fit is not None:
        check_choice(fit, "--fit", FITS)
    if background is None or background.lower() == TRANSPARENT:
        _refuse_fit(fit)
        return None, "cover"
    if not (is_many(background) or is_name_pattern(background) or os.path.isfile(background)):
        check_colour(background)
        _refuse_fit(fit)
    return background, cast("Fit", fit or "cover")


def _refuse_fit(fit: str | None) -> None:
    """Refuse a fit where no picture is the background."""
    if fit is not None:
        raise ValueError(f"--fit is {fit}, expected none without a picture as --background")
