"""How closely results must agree, by dtype; a wider tolerance is written at its test, with the reason."""

import numpy as np

TOLERANCE = {np.dtype(np.float64): 1e-10, np.dtype(np.float32): 1e-5}


def assert_close(result, expected, tolerance=None):
    """Compare by the largest absolute difference, allowed `tolerance` absolutely and relative to the largest value.

    By default the tolerance of the coarser of the two dtypes, float64 for Python numbers.
    """
    result, expected = np.asarray(result), np.asarray(expected)
    assert result.shape == expected.shape
    if tolerance is None:
        tolerance = max(TOLERANCE.get(array.dtype, TOLERANCE[np.dtype(np.float64)]) for array in (result, expected))
    difference = np.max(np.abs(result.astype(np.float64) - expected), initial=0.0)
    largest = np.max(np.abs(expected), initial=0.0)
    assert difference <= tolerance * max(1.0, largest), f"differs by {difference:.3g}, largest value {largest:.3g}"
