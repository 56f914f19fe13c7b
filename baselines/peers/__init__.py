"""Other packages as functions ``f(image, trimap) -> alpha`` at their documented settings, one module a package.

`image` is (H, W, 3) floating-point RGB in [0, 1], `trimap` (H, W) in [0, 1]; alpha is (H, W) in [0, 1].
"""
