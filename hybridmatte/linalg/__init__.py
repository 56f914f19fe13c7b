"""Krylov methods and preconditioners: matrices and vectors, nothing of images."""
