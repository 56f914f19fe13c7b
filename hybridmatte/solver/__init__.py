"""Constraints, preconditioners and conjugate gradients."""
