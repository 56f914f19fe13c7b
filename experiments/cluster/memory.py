"""The memory and the processor time of a command, and the memory of all processes below it, at shares of its way."""

import os
import subprocess
import time
from pathlib import Path

from experiments.cluster.nodes import parent_of

SHARES = (0.1, 0.5, 0.9)


class MemoryOverTime:
    """Follows a command that writes a record with so many rows."""

    def __init__(self, driver: subprocess.Popen[bytes], record: Path, total: int) -> None:
        self.driver, self.record, self.total = driver, record, total

    def to_the_end(self, timeout: float) -> dict[str, float]:
        """Return the MiB of the driver and of all processes together at each of the shares, and the driver's time."""
        found: dict[str, float] = {}
        cpu: list[tuple[float, float]] = []
        waiting, end = list(SHARES), time.monotonic() + timeout
        while self.driver.poll() is None:
            if time.monotonic() > end:
                self.driver.kill()
                raise TimeoutError(f"the command has not ended after {timeout} s")
            if waiting and self._share_done() >= waiting[0]:
                share = round(100 * waiting.pop(0))
                found[f"driver_mib_at_{share}"] = own_mib(self.driver.pid)
                found[f"all_mib_at_{share}"] = sum(map(own_mib, below(self.driver.pid)))
                cpu.append((self._share_done() * self.total, cpu_seconds(self.driver.pid)))
            time.sleep(0.05)
        (first, before), (last, after) = cpu[0], cpu[-1]
        return {**found, "driver_cpu_ms_a_picture": 1e3 * (after - before) / (last - first)}

    def _share_done(self) -> float:
        return self.record.read_bytes().count(b"\n") / self.total if self.record.exists() else 0.0


def below(pid: int) -> list[int]:
    """Return a process and all that descend from it."""
    parents = {int(path.name): parent_of(int(path.name)) for path in Path("/proc").iterdir() if path.name.isdigit()}
    found = [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found


def own_mib(pid: int) -> float:
    """Return the memory of a process in MiB; 0 if it has ended.

    Shared memory counts in proportion. Pages of files do not count, since other programs change who shares them.
    """
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0.0
    kinds = ("Pss_Anon:", "Pss_Shmem:")
    return sum(int(line.split()[1]) for line in text.splitlines() if line.startswith(kinds)) / 1024


def cpu_seconds(pid: int) -> float:
    """Return the processor time of a process so far; 0 if it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
