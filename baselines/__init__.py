"""Oracles for tests and controls for benchmarks: plain and slow NumPy and SciPy, written from the formulas.

A module here has the second implementation of a module or function in ``hybridmatte``. ``peers`` wraps other packages.
Nothing here imports ``hybridmatte``, so that a mistake cannot be in both.
"""
