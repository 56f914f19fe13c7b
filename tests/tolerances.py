"""Tolerances by dtype. A test that needs a wider tolerance states it, with the reason."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

TOLERANCE = {np.dtype(np.float64): 1e-10, np.dtype(np.float32): 1e-5}


def assert_close(result: npt.ArrayLike, expected: npt.ArrayLike, tolerance: float | None = None) -> None:
    """Assert that the largest absolute difference is at most `tolerance`, times the largest value if that exceeds 1.

    The default is the tolerance of the coarser of the two dtypes. Python numbers count as float64.
    """
    result, expected = np.asarray(result), np.asarray(expected)
    assert result.shape == expected.shape
    if tolerance is None:
        tolerance = max(TOLERANCE.get(array.dtype, TOLERANCE[np.dtype(np.float64)]) for array in (result, expected))
    difference = np.max(np.abs(result.astype(np.float64) - expected), initial=0.0)
    largest = np.max(np.abs(expected), initial=0.0)
    assert difference <= tolerance * max(1.0, largest), f"differs by {difference:.3g}, largest value {largest:.3g}"
