"""The trees that join the classical solvers: made, cross-validated and shipped."""
