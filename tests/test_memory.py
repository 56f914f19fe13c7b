"""The memory that a job takes: the estimate against real peaks, and what it refuses."""

import os
import subprocess
import sys

import numpy as np
import pytest

from hybridmatte import METHODS, memory_needed
from hybridmatte.automatic.mask_correction import PIXEL_BYTES, WEIGHT_BYTES, correction_memory
from hybridmatte.correction.matting import QUALITIES
from hybridmatte.io.pictures import write_alpha, write_image
from hybridmatte.memory import COSTS, PROCESS_BYTES
from tests.synthetic import soft_disk

SHAPE = (1000, 1200)
FACTOR = 1.33  # between the estimate and the peak, either way
WORK = """
import re, sys
from hybridmatte.batch import work
from hybridmatte.batch.pairing import Job
task, image, plane, output = sys.argv[1:]
files = work.FileOptions()
job = Job(work.Path(image), work.Path(plane), work.Path(output))
if task == "best":
    work.matte_file(job, files=files)
elif task == "refine":
    work.refined_file(job, files=files)
elif task == "decontaminate":
    work.decontaminated_file(job, files=files)
else:
    work.matte_file(job, method=task, files=files)
print(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])
"""
CORRECTION = """
import re, sys
import numpy as np
from hybridmatte.automatic.mask_correction import _seen_size
from hybridmatte.automatic.segmenters import run_segmenter
def peak():
    return re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]
shape = _seen_size(tuple(map(int, sys.argv[1:])))
image, mask = np.zeros((*shape, 3), np.float32), np.zeros(shape, np.float32)
before = peak()
run_segmenter("refiner", image, mask)
print(before, peak())
"""


def peaks(task, folder, trimaps):
    """Return the peak memory in bytes of processes that do one job from files to a file, for each trimap."""
    small, image, found = soft_disk((60, 80)), soft_disk(SHAPE).image, []
    for scene, plane in ((small.image, small.trimap), *((image, trimap) for trimap in trimaps)):
        files = [folder / name for name in ("image.png", "plane.png", "output.png")]
        write_image(files[0], scene)
        write_alpha(files[1], plane)
        command = [sys.executable, "-c", WORK, task, *map(str, files)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ)
        found.append(1024 * int(done.stdout))
    return found[1:]  # the first run compiles


def narrow():
    return soft_disk(SHAPE).trimap


def wide():
    """Return a trimap whose pixels are unknown but for thin stripes in the middle of both regions."""
    trimap = narrow()
    trimap[:, SHAPE[1] // 20 : -SHAPE[1] // 20][trimap[:, SHAPE[1] // 20 : -SHAPE[1] // 20] == 0] = 0.5
    return trimap


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
@pytest.mark.parametrize("task", ["cf", "knn", "information_flow", "sampling", "random_walk", "best"])
def test_the_estimate_holds(tmp_path, task):
    """A job that was let through ended with the system's out-of-memory killer."""
    trimaps = [narrow(), wide()]
    estimates = [memory_needed(SHAPE, task, int(np.count_nonzero(trimap == 0.5))) for trimap in trimaps]
    ratios = [found / estimate for found, estimate in zip(peaks(task, tmp_path, trimaps), estimates, strict=True)]
    assert all(1 / FACTOR < ratio < FACTOR for ratio in ratios), ratios


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
@pytest.mark.parametrize(
    ("shape", "seen"), [((768, 1024), (384, 512)), ((500, 5000), (154, 1536)), ((90, 120), (90, 120))]
)
def test_the_network_that_corrects_masks(shape, seen):
    """Its memory while it runs was not estimated."""
    assert correction_memory(shape) == WEIGHT_BYTES + PIXEL_BYTES * seen[0] * seen[1]
    done = subprocess.run(
        [sys.executable, "-c", CORRECTION, *map(str, shape)], capture_output=True, text=True, check=True
    )
    before, after = (1024 * int(text) for text in done.stdout.split())
    assert PROCESS_BYTES / FACTOR < PROCESS_BYTES + after - before - correction_memory(shape) < PROCESS_BYTES * FACTOR


def test_every_method_has_its_cost():
    assert {*METHODS, *QUALITIES} <= set(COSTS)


def test_the_estimate_grows():
    for name in COSTS:
        small, large = memory_needed((100, 100), name), memory_needed((2000, 1000, 3), name)
        assert PROCESS_BYTES < small < large <= memory_needed((2000, 1000), name, 2_000_000)
    assert memory_needed((3000, 4000)) == memory_needed((3000, 4000), "best", 0)
    assert memory_needed((3000, 4000), "cf", 10**6) > memory_needed((3000, 4000), "cf", 10**5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((3,),), r"shape is \(3,\), expected a height and a width"),
        (((0, 3),), "shape is 0, expected an integer of at least 1"),
        (((3, 3), "magic"), "method is 'magic', expected 'cf' or"),
        (((3, 3), "cf", -1), "unknown is -1, expected"),
        (((3, 3), "cf", 10), "unknown is 10, expected at most the 9 pixels of the image"),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        memory_needed(*arguments)
