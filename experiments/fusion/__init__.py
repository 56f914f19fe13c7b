"""The network that fuses the classical solvers: its data, its training, and what it is worth."""
