"""OpenCV's information-flow matting (``cv2.alphamat``), here or in the system's Python.

The wheels on PyPI lack the module; Debian's and Ubuntu's ``python3-opencv`` (4.6) has it. Where this Python's ``cv2``
lacks it, ``/usr/bin/python3`` is started for each call: inputs and result travel through npy files in a temporary
folder, and the time is taken inside that process, around the call alone.
"""

import json
import os
import subprocess
import tempfile
from pathlib import Path

import numpy as np

SYSTEM_PYTHON = "/usr/bin/python3"

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


def information_flow(image, trimap):
    """Return the alpha of information-flow matting, in steps of 1 / 255.

    Departs from the paper (Aksoy et al. 2017) in at least its features and neighbour search (approximate), and
    returns 8 bits. Same interface as the other peers; `timed_information_flow` also tells the time.
    """
    return timed_information_flow(image, trimap)[0]


def timed_information_flow(image, trimap):
    """Return (alpha, seconds of the call itself, OpenCV's version); threads as in OMP_NUM_THREADS, default 2."""
    import cv2

    image, trimap = _to_uint8(image), _to_uint8(trimap)
    if hasattr(cv2, "alphamat"):
        alpha, seconds, version = _here(cv2, image, trimap)
    else:
        alpha, seconds, version = _elsewhere(image, trimap)
    return alpha.astype(np.float64) / 255.0, seconds, version


def is_available():
    """Tell whether some OpenCV with alphamat can be called."""
    import cv2

    if hasattr(cv2, "alphamat"):
        return True
    if not Path(SYSTEM_PYTHON).exists():
        return False
    command = [SYSTEM_PYTHON, "-c", "import cv2; cv2.alphamat.infoFlow"]
    return subprocess.run(command, capture_output=True, env=_environment(), check=False).returncode == 0


def _here(cv2, image, trimap):
    """Call this Python's OpenCV."""
    import time

    start = time.perf_counter()
    alpha = cv2.alphamat.infoFlow(image, trimap)
    return alpha, time.perf_counter() - start, cv2.__version__


def _elsewhere(image, trimap):
    """Call the system Python's OpenCV."""
    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder, "image.npy"), image)
        np.save(Path(folder, "trimap.npy"), trimap)
        command = [SYSTEM_PYTHON, "-c", _CHILD, folder, os.environ.get("OMP_NUM_THREADS", "2")]
        output = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=_environment(), text=True).stdout
        seconds, version = json.loads(output.splitlines()[-1])
        return np.load(Path(folder, "alpha.npy")), seconds, version


def _environment():
    """Return the environment without variables that point the system Python at this one's packages."""
    return {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")}


def _to_uint8(array):
    """Return an array in [0, 1] as uint8, the only type infoFlow takes."""
    return np.ascontiguousarray(np.rint(np.asarray(array) * 255.0).astype(np.uint8))
