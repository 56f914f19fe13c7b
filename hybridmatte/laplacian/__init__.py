"""From similarity to sparse operators: one Laplacian a file."""
