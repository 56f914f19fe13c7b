"""Compiled kernels on disk: Numba's cache, made safe against damaged files, full disks and builds that share a folder.

Numba names the files of a function after its module and line, trusts what it reads, and raises what it cannot write.
Here the names hold a hash of the kernel's sources, so that builds of different sources keep separate files. Each file
begins with a checksum: a damaged file is removed, and the kernel is compiled again. Each file of code has a name of its
own, so that an index never leads to code of another signature or processor, whichever processes write at once.

Builds that share a folder do not remove each other's files while both are used: a build that compiles a kernel removes
those of other builds of the same module that no process has read for 30 days. Reading a file renews its time of change.
"""

import os
import pickle
import re
import sys
import time
import uuid
from contextlib import suppress
from functools import cache
from hashlib import sha256
from linecache import getlines
from pathlib import Path
from zlib import crc32

import llvmlite
import numba
from numba.core.caching import FunctionCache, IndexDataCacheFile, NullCache
from numba.core.serialize import dumps

from hybridmatte.errors import warn_caller

CHECKSUM_SIZE = 4  # bytes
KEEP_SECONDS = 30 * 24 * 3600  # files of other builds are removed when they were not used for this time
DAY = 24 * 3600  # seconds
IMPORT = re.compile(r"^from (hybridmatte[\w.]*) import (\([^)]*\)|.*)$", re.MULTILINE)
OTHER_FOLDER = "NUMBA_CACHE_DIR can name another folder"
OWN_FILE = re.compile(r".*-[0-9a-f]{16}(\.\d+)?\.nb[ic]")
ANY_BUILD = re.compile(  # a kernel's module, name and line, Python's version, the stamp that Numba's own names lack
    r"(?P<module>\w+)\..*-\d+\.py\d+\w*(-(?P<stamp>[0-9a-f]{16}))?(\.\d+)?\.nb[ic](?P<unfinished>\.tmp\.\w+)?"
)
_folders = set()  # of the caches of this process
_said = set()


def open_cache(function):
    """Return the cache of a kernel; one that keeps nothing if there is no folder for it."""
    try:
        return KernelCache(function)
    except RuntimeError as error:
        if "no locator available" not in str(error):
            raise
        return NoCache()


class KernelCache(FunctionCache):
    """The compiled forms of one kernel on disk. A failure costs a compilation and gives one warning a process."""

    def __init__(self, function):
        super().__init__(function)
        stamp = sha256(repr((self._impl.locator.get_source_stamp(), _build(function.__module__))).encode()).hexdigest()
        _folders.add(self._cache_path)
        self._cache_file = CheckedFiles(self._cache_path, f"{self._impl.filename_base}-{stamp[:16]}", stamp)

    def load_overload(self, sig, target_context):
        """Return the compiled form of a signature, or None."""
        try:
            return super().load_overload(sig, target_context)
        except OSError as error:
            _say_once(f"compiled kernels in {self._cache_path} cannot be read ({error.strerror}); {OTHER_FOLDER}")
            return None

    def save_overload(self, sig, data):
        """Keep the compiled form of a signature, if it can be written."""
        try:
            super().save_overload(sig, data)
        except OSError as error:
            _say_once(
                f"compiled kernels cannot be kept in {self._cache_path} ({error.strerror}), "
                f"so the next run compiles them again; {OTHER_FOLDER}"
            )


class NoCache(NullCache):
    """The cache of a kernel where no folder can be written."""

    def save_overload(self, sig, cres):  # noqa: ARG002 - Numba fixes the signature
        """Say once that nothing is kept."""
        _say_once(
            "compiled kernels cannot be kept, because there is no writable folder for them, "
            f"so every run compiles them again; {OTHER_FOLDER}"
        )


class CheckedFiles(IndexDataCacheFile):
    """The index of a kernel's compiled forms, and a file for each of them, all with checksums."""

    def save(self, key, data):
        """Write the code before the index: an interruption between them loses only the new code."""
        names = self._load_index()
        name = names.setdefault(key, self._data_name(uuid.uuid4().int >> 64))
        self._save_data(name, data)
        self._save_index(names)
        if len(names) == 1:
            self._remove_old_builds()

    def _load_index(self):
        return self._read(self._index_path) or {}

    def _save_index(self, overloads):
        self._write(self._index_path, overloads)

    def _load_data(self, name):
        return self._read(self._data_path(name))

    def _save_data(self, name, data):
        self._write(self._data_path(name), data)

    def _read(self, path):
        """Return what a file holds, or None if there is no such file or it is damaged."""
        try:
            content = Path(path).read_bytes()
        except FileNotFoundError:
            return None
        if _is_whole(content):
            _mark_as_used(path)
            return pickle.loads(memoryview(content)[CHECKSUM_SIZE:])
        try:
            os.unlink(path)
        except FileNotFoundError:  # another process has removed it, and says so
            return None
        _say_once(f"the cache of compiled kernels in {self._cache_path} was damaged, and is compiled again")
        return None

    def _write(self, path, content):
        packed = dumps(content)
        temporary = f"{path}.tmp.{uuid.uuid4().hex[:16]}"
        try:
            Path(temporary).write_bytes(_checksum(packed) + packed)
            os.replace(temporary, path)
        finally:
            Path(temporary).unlink(missing_ok=True)

    def _remove_old_builds(self):
        """Remove files of other builds of the kernel's module, and unfinished ones, that were not used for a month."""
        own = ANY_BUILD.fullmatch(Path(self._index_path).name)
        for path in Path(self._cache_path).iterdir():
            found = ANY_BUILD.fullmatch(path.name)
            if own is None or found is None or found["module"] != own["module"]:
                continue
            if found["stamp"] != own["stamp"] or found["unfinished"]:
                with suppress(OSError):  # another process has just removed it, or the folder is another user's
                    if path.stat().st_mtime < time.time() - KEEP_SECONDS:
                        path.unlink()


def remove_damaged():
    """Remove all damaged files in the folders of this process's caches; return their number."""
    damaged = [
        path
        for folder in sorted(_folders)
        for path in Path(folder).iterdir()
        if OWN_FILE.fullmatch(path.name) and not _is_whole(path.read_bytes())
    ]
    for path in damaged:
        path.unlink(missing_ok=True)
    return len(damaged)


def _mark_as_used(path):
    """Renew the time of change of a file, once a day, where the folder can be written."""
    with suppress(OSError):
        if os.stat(path).st_mtime < time.time() - DAY:
            os.utime(path)


def _checksum(packed):
    return crc32(packed).to_bytes(CHECKSUM_SIZE, "little")


def _is_whole(content):
    """Return whether a file begins with the checksum of what follows."""
    return len(content) > CHECKSUM_SIZE and _checksum(memoryview(content)[CHECKSUM_SIZE:]) == content[:CHECKSUM_SIZE]


@cache
def _build(name):
    """Return what the compiled code of a module's kernels depends on: compiler and sources, as a tuple of strings.

    Kernels and constants of other modules are compiled into a kernel. So the sources are those of the module and of all
    modules of this package that it imports, directly or not.
    """
    found, open_names = {}, [name]
    while open_names:
        module = sys.modules.get(open_names.pop())
        if module is None or module.__name__ in found or not getattr(module, "__file__", None):
            continue
        text = "".join(getlines(module.__file__, vars(module)))
        found[module.__name__] = sha256(text.encode(errors="surrogateescape")).hexdigest()
        for package, names in IMPORT.findall(text):
            open_names += [package, *(f"{package}.{part}" for part in re.findall(r"\w+", names))]
    return numba.__version__, llvmlite.__version__, *(f"{key} {found[key]}" for key in sorted(found))


def _say_once(message):
    """Warn, if this process has not yet warned of the cache in the same words."""
    kind = message.split("(")[0]
    if kind not in _said:
        _said.add(kind)
        warn_caller(message, UserWarning, is_of_input=False)
