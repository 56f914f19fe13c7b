"""Read and write pictures, and write files whole or not at all."""
