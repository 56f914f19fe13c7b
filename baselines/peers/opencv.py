"""OpenCV's information-flow matting (``cv2.alphamat``), in this Python or in the system's.

The wheels on PyPI do not contain the module; Debian's and Ubuntu's ``python3-opencv`` (4.6) does. If this Python's
``cv2`` does not have it, each call starts ``/usr/bin/python3``: inputs and result are npy files in a temporary folder,
and that process measures the time of the call alone.
"""

import json
import os
import subprocess
import tempfile
import time
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import numpy.typing as npt

SYSTEM_PYTHON = "/usr/bin/python3"
ALPHAMAT: ModuleType | None = getattr(cv2, "alphamat", None)  # a contributed module that a build may lack

_CHILD = """
import json, sys, time
import cv2, numpy
folder, threads = sys.argv[1], int(sys.argv[2])
cv2.setNumThreads(threads)
image, trimap = numpy.load(folder + "/image.npy"), numpy.load(folder + "/trimap.npy")
start = time.perf_counter()
alpha = cv2.alphamat.infoFlow(image, trimap)
seconds = time.perf_counter() - start
numpy.save(folder + "/alpha.npy", alpha)
print(json.dumps([seconds, cv2.__version__]))
"""


def information_flow(image: npt.ArrayLike, trimap: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return the alpha of information-flow matting, in steps of 1 / 255.

    It differs from the paper (Aksoy et al. 2017) at least in its features and in its approximate neighbour search, and
    returns 8 bits. The interface is that of the other peers; `timed_information_flow` also returns the time.
    """
    return timed_information_flow(image, trimap)[0]


def timed_information_flow(image: npt.ArrayLike, trimap: npt.ArrayLike) -> tuple[npt.NDArray[np.float64], float, str]:
    """Return (alpha, seconds of the call itself, OpenCV's version); OMP_NUM_THREADS gives the threads, 2 by default."""
    run = _in_system_python if ALPHAMAT is None else _in_this_python
    alpha, seconds, version = run(_to_uint8(image), _to_uint8(trimap))
    return alpha.astype(np.float64) / 255.0, seconds, version


def is_available() -> bool:
    """Return whether this Python or the system's has an OpenCV with alphamat."""
    if ALPHAMAT is not None:
        return True
    if not Path(SYSTEM_PYTHON).exists():
        return False
    command = [SYSTEM_PYTHON, "-c", "import cv2; cv2.alphamat.infoFlow"]
    return subprocess.run(command, capture_output=True, env=_environment(), check=False).returncode == 0


def _in_this_python(
    image: npt.NDArray[np.uint8], trimap: npt.NDArray[np.uint8]
) -> tuple[npt.NDArray[np.uint8], float, str]:
    """Call this Python's OpenCV."""
    assert ALPHAMAT is not None
    start = time.perf_counter()
    alpha = ALPHAMAT.infoFlow(image, trimap)
    return alpha, time.perf_counter() - start, cv2.__version__


def _in_system_python(
    image: npt.NDArray[np.uint8], trimap: npt.NDArray[np.uint8]
) -> tuple[npt.NDArray[np.uint8], float, str]:
    """Call the system Python's OpenCV."""
    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder, "image.npy"), image)
        np.save(Path(folder, "trimap.npy"), trimap)
        command = [SYSTEM_PYTHON, "-c", _CHILD, folder, os.environ.get("OMP_NUM_THREADS", "2")]
        output = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=_environment(), text=True).stdout
        seconds, version = json.loads(output.splitlines()[-1])
        return np.load(Path(folder, "alpha.npy")), seconds, version


def _environment() -> dict[str, str]:
    """Return the environment without the variables that would give the system Python this Python's packages."""
    return {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")}


def _to_uint8(array: npt.ArrayLike) -> npt.NDArray[np.uint8]:
    """Return an array in [0, 1] as uint8, the only dtype that infoFlow accepts."""
    return np.ascontiguousarray(np.rint(np.asarray(array) * 255.0).astype(np.uint8))
