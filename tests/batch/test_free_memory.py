"""The memory that is free: as Linux, its control groups, its limits, macOS and Windows state it."""

import subprocess
import sys

import pytest

from hybridmatte.batch import free_memory as module
from hybridmatte.batch.free_memory import free_memory, left_by_limits, resident_memory, size_in_words

MIB = 1 << 20
NO_LIMIT = "9223372036854771712\n"


def system(root, files):
    """Write files of proc and sys below a folder; return it."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def group_v2(limit, usage, statistics=""):
    return {"memory.max": limit, "memory.current": str(usage), "memory.stat": statistics}


def group_v1(limit, usage, statistics=""):
    return {"memory.limit_in_bytes": limit, "memory.usage_in_bytes": str(usage), "memory.stat": statistics}


def below(folder, files):
    return {f"sys/fs/cgroup/{folder}/{name}": text for name, text in files.items()}


AVAILABLE = {"proc/meminfo": "MemTotal: 9000000 kB\nMemFree: 10 kB\nMemAvailable:    4096000 kB\n"}
V2 = {"proc/self/cgroup": "0::/user/job\n"}
V1 = {"proc/self/cgroup": "5:cpu,cpuacct:/x\n4:memory:/docker/abc\n0::/\n"}
CASES = [
    pytest.param(AVAILABLE, 4000 * MIB, id="no group"),
    pytest.param(AVAILABLE | V2 | below("user/job", group_v2("max", 1)), 4000 * MIB, id="v2 without limit"),
    pytest.param(
        AVAILABLE | V2 | below("user/job", group_v2(str(900 * MIB), 300 * MIB)), 600 * MIB, id="v2 with limit"
    ),
    pytest.param(
        AVAILABLE
        | V2
        | below(
            "user/job",
            group_v2(str(900 * MIB), 800 * MIB, f"anon 5\ninactive_file {200 * MIB}\nactive_file {MIB}\n"),
        ),
        301 * MIB,
        id="v2, file pages are given back",
    ),
    pytest.param(
        AVAILABLE | V2 | below("user/job", group_v2("max", 1)) | below("user", group_v2(str(500 * MIB), 100 * MIB)),
        400 * MIB,
        id="v2, limit of the group around it",
    ),
    pytest.param(
        AVAILABLE | V2 | below(".", group_v2(str(700 * MIB), 100 * MIB)),
        600 * MIB,
        id="v2 in a container: path of the host",
    ),
    pytest.param(
        AVAILABLE
        | V1
        | below("memory/docker/abc", group_v1(f"{512 * MIB}\n", 100 * MIB, f"total_inactive_file {MIB}\n")),
        413 * MIB,
        id="v1 with limit",
    ),
    pytest.param(
        AVAILABLE | V1 | below("memory", group_v1(f"{512 * MIB}\n", 112 * MIB)), 400 * MIB, id="v1 in a container"
    ),
    pytest.param(AVAILABLE | V1 | below("memory", group_v1(NO_LIMIT, 112 * MIB)), 4000 * MIB, id="v1 without limit"),
    pytest.param(AVAILABLE | V2 | below("user/job", group_v2("100", 200)), 0, id="over the limit"),
    pytest.param({}, None, id="nothing is said"),
    pytest.param({"proc/meminfo": "MemTotal: 9000000 kB\n"}, None, id="an old kernel"),
]


def limits(addresses="unlimited", data="unlimited"):
    return {
        "proc/self/limits": f"Max address space         {addresses}           unlimited            bytes\n"
        f"Max data size             {data}            unlimited            bytes\n",
        "proc/self/status": "VmSize:   102400 kB\nVmData: 51200 kB\n",
    }


LIMITS = [
    pytest.param(limits(), None, id="no limit"),
    pytest.param(limits(1000 * MIB), 900 * MIB, id="limit on addresses"),
    pytest.param(limits(1000 * MIB, 700 * MIB), 650 * MIB, id="both limits"),
    pytest.param(limits(data=MIB), 0, id="over the limit"),
    pytest.param({}, None, id="nothing is said"),
]


@pytest.mark.parametrize(("files", "expected"), LIMITS)
def test_limits_of_a_process(tmp_path, monkeypatch, files, expected):
    """The address space that ``ulimit -v`` leaves each process was taken for one that all workers share."""
    monkeypatch.setattr(sys, "platform", "linux")
    root = system(tmp_path, files | AVAILABLE)
    assert left_by_limits(root) == expected
    assert free_memory(root) == 4000 * MIB


@pytest.mark.parametrize(("files", "expected"), CASES)
def test_linux(tmp_path, monkeypatch, files, expected):
    """A container of 512 MiB on a machine of 64 GiB was taken for one with 64 GiB."""
    monkeypatch.setattr(sys, "platform", "linux")
    assert free_memory(system(tmp_path, files)) == expected


def test_this_machine_says_something():
    if sys.platform == "linux":
        assert 0 <= free_memory() < 1 << 50
        assert MIB < resident_memory() < 1 << 50


def test_macos(monkeypatch):
    text = (
        "Mach Virtual Memory Statistics: (page size of 16384 bytes)\nPages free:                  1000.\n"
        "Pages active:  9.\nPages inactive:              2000.\nPages speculative:            100.\n"
    )
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], 0, text, ""))
    assert free_memory() == 3100 * 16384
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], 0, "nothing", ""))
    assert free_memory() is None


def test_windows(monkeypatch):
    def state(status):
        status._obj.available = 3 * MIB
        return 1

    class Windows:
        class kernel32:  # noqa: N801 - the name of the library
            GlobalMemoryStatusEx = staticmethod(state)

    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(module.ctypes, "windll", Windows, raising=False)
    assert free_memory() == 3 * MIB


def test_sizes_in_words():
    assert [size_in_words(size) for size in (0, 300 * MIB, 3 << 29)] == ["0 MiB", "300 MiB", "1.5 GiB"]
