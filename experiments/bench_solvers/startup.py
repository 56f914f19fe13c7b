"""Cost of starting: `import hybridmatte`, and the first call of each method without compiled kernels on disk."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence

from experiments.fresh_process import thread_environment
from experiments.results import Row, make_row
from experiments.timing import summarise

IMPORT = """
import time
start = time.perf_counter()
import hybridmatte
print(time.perf_counter() - start)
hybridmatte.solve
print(time.perf_counter() - start)
"""

FIRST_CALL = """
import sys, time
import numpy as np
import hybridmatte
y, x = np.mgrid[:120, :160]
alpha = np.clip((60 - np.hypot(y - 60, x - 80)) / 20 + 0.5, 0, 1)[:, :, None]
image = (0.2 + 0.5 * alpha + 0.05 * np.random.default_rng(0).random((120, 160, 3)))
trimap = np.where(alpha[:, :, 0] == 0, 0, np.where(alpha[:, :, 0] == 1, 1, 0.5))
for _ in range(2):
    start = time.perf_counter()
    hybridmatte.solve(image, trimap, method=sys.argv[1])
    print(time.perf_counter() - start)
"""


def import_rows(threads: int, repeats: int) -> list[Row]:
    """Return the rows of `import hybridmatte` and of a solver's name with it, each time in a fresh interpreter."""
    runs = [_numbers(IMPORT, [], thread_environment(threads)) for _ in range(repeats + 1)]
    names = ("import hybridmatte", "from hybridmatte import solve")
    return [_row("import", name, seconds[1:]) for name, seconds in zip(names, zip(*runs, strict=True), strict=True)]


def compile_rows(threads: int, methods: Sequence[str]) -> Iterator[list[Row]]:
    """Yield, for each method, the seconds of its first call on an empty cache less those of its second."""
    for method in methods:
        with tempfile.TemporaryDirectory() as folder:
            environment = {**thread_environment(threads), "NUMBA_CACHE_DIR": folder}
            first, second = _numbers(FIRST_CALL, [method], environment)
            cached = _numbers(FIRST_CALL, [method], environment)
        yield [{**_row("compile", method, [first - second]), "cached_first_s": cached[0] - cached[1]}]


def _numbers(code: str, arguments: Sequence[str], environment: dict[str, str]) -> list[float]:
    """Run code in a fresh interpreter and return the numbers it prints."""
    command = [sys.executable, "-c", code, *arguments]
    output = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout
    return [float(line) for line in output.split()]


def _row(bench: str, method: str, seconds: Sequence[float]) -> Row:
    """Return a result row."""
    timing = summarise(seconds)
    return {
        "bench": bench,
        "package": "hybridmatte",
        "peer": None,
        **make_row(method, bench, 0, median_s=timing.median_s, iqr_s=timing.iqr_s, count=timing.count),
    }
