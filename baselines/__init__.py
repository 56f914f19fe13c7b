"""Oracles for tests and controls for benchmarks: plain NumPy and SciPy, slow, straight from the formulas.

A module here answers for the module of the same name in ``hybridmatte``. ``peers`` wraps other packages. Nothing
here imports ``hybridmatte``, so no mistake can be shared.
"""
