"""From a checked problem to a linear system over its unknown pixels, and to its solution."""
