"""The shared solve path on systems that are singular up to rounding errors."""

import numpy as np
import pytest

from hybridmatte.linalg.jacobi import jacobi
from hybridmatte.systems.solve import LinearSystem, solve_system


class GraphPair(LinearSystem):
    """Two linked unknowns that no known value determines, with a rounding error of the given size, and a third."""

    def __init__(self, error, dtype, start):
        self.matrix = np.array([[1, -1 - error, 0], [-1 - error, 1, 0], [0, 0, 2]], dtype)
        self.pixels, self.diagonal = np.arange(3, dtype=np.int32), self.matrix.diagonal()
        self.rhs, self.start = np.array([0, 0, 1], dtype), np.array(start, dtype)

    def matvec(self, x):
        return self.matrix @ x

    def preconditioner(self):
        return jacobi(self.diagonal)


@pytest.mark.parametrize(("dtype", "error"), [(np.float32, 5e-6), (np.float64, 1e-9)])
def test_undetermined_unknowns_keep_the_first_guess(dtype, error):
    """Rounding made the system indefinite, and conjugate gradients broke down."""
    system = GraphPair(error, dtype, [0.8, 0.6, 0.2])
    rtol = 1e-7 if dtype == np.float32 else 1e-12
    result = solve_system(system, system.preconditioner(), system.rhs, start=system.start, rtol=rtol, maxiter=50)
    assert np.abs(result.x - [0.7, 0.7, 0.5]).max() < 0.05


def test_indefinite_systems_are_still_an_error():
    system = GraphPair(0.5, np.float64, [0.9, 0.1, 0.0])
    with pytest.raises(np.linalg.LinAlgError, match="broke down"):
        solve_system(system, system.preconditioner(), np.ones(3), start=system.start, rtol=1e-8, maxiter=50)
