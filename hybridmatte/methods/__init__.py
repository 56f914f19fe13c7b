"""The matting methods, one file each: similarity, Laplacian, system and the public solver."""
