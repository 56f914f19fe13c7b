"""Other packages as ``f(image, trimap) -> alpha``, at their documented settings, each module for one package.

`image` is (H, W, 3) floating-point RGB in [0, 1], `trimap` (H, W) in [0, 1]; alpha is (H, W) in [0, 1].
"""
