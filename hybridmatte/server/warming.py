"""What a worker does before its first request: import the library, and compile or load its kernels.

``python -m hybridmatte.server.warming`` compiles them before the service is started.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable

import numpy as np

from hybridmatte.automatic.from_image import matte_from_image
from hybridmatte.automatic.from_mask import matte_from_mask
from hybridmatte.correction.confidence import matte_with_confidence
from hybridmatte.foreground import cutout
from hybridmatte.linalg.compilation import notice_compilation
from hybridmatte.server import tasks
from hybridmatte.server.work import COMPILATION

__all__ = ["warm_up"]

SIDE = 160  # pixels of the example; searches among fewer pixels do not use all kernels


def warm_up(say_compiling: Callable[[], object]) -> float:
    """Run the default methods on a drawn image; return the seconds that this took.

    `say_compiling` is called once if kernels have to be compiled.
    """
    assert tasks.do
    start = time.perf_counter()
    image = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    trimap = np.full((SIDE, SIDE), 0.5, np.float32)
    trimap[:, : SIDE // 6], trimap[:, -SIDE // 6 :] = 0, 1
    with warnings.catch_warnings(), notice_compilation(say_compiling):
        warnings.simplefilter("ignore")
        cutout(image, trimap)
        matte_with_confidence(image, trimap)
        matte_from_mask(image, trimap > 0.5)
        matte_from_image(image)
    return time.perf_counter() - start


if __name__ == "__main__":
    warm_up(lambda: sys.stderr.write(f"{COMPILATION}\n"))
