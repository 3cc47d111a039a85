"""Compiled programs, kept in the user's cache: what was compiled once on a machine is read back by the next process.

JAX keeps them where it is told to; this says where, before a command of cfgrl or `cfgrl.load` compiles anything. What
the user has set (`JAX_COMPILATION_CACHE_DIR`, `JAX_ENABLE_COMPILATION_CACHE=0`, or the same by `jax.config`) stays.
"""

import contextlib
import hashlib
import os
import pathlib
import platform
import sys
import time
import zlib

from cfgrl.files._machine import cores
from cfgrl.files._paths import cache_folder

#: Bytes of all kinds of machine together, and seconds between two looks at them. JAX can bound its cache itself, but
#: then reads the whole folder under a lock for each program that it adds.
_SIZE, _SPACING = 1 << 30, 86_400.0
#: Also what compiles fast: beginning a run compiles fifty small programs, which together take as long as a large one.
_SETTINGS = {"jax_persistent_cache_min_compile_time_secs": 0.0, "jax_persistent_cache_min_entry_size_bytes": 0}


def keep_compiled() -> None:
    """Turn the cache on for this process, unless the user decided otherwise or the folder cannot be written."""
    jax = sys.modules.get("jax")
    named = jax is not None and jax.config.jax_compilation_cache_dir is not None
    # Where the cache is turned off, JAX neither reads nor writes the folder it is given.
    if named or "JAX_COMPILATION_CACHE_DIR" in os.environ:
        return
    folder = compiled_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            return
        drop_halves(folder)
        _prune(folder.parent)
    except OSError:
        return
    for name, value in {"jax_compilation_cache_dir": str(folder), **_SETTINGS}.items():
        if name.upper() in os.environ:
            continue
        if jax is None:
            os.environ[name.upper()] = str(value)
        else:
            jax.config.update(name, value)


def compiled_folder() -> pathlib.Path:
    """The folder of this kind of machine, in the user's cache.

    A program is made for the instructions of its processor and the number of its threads, which JAX does not look at
    when it looks for one. Homes are shared by unlike machines, so each kind of machine has a folder of its own.
    """
    made_for = [platform.machine(), os.environ.get("PJRT_NPROC", "")]
    made_for.append(str(len(cores())))
    with contextlib.suppress(OSError):
        lines = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        made_for += sorted({line for line in lines if line.startswith(("model name", "flags", "Features"))})
    return cache_folder() / "programs" / hashlib.sha256("\n".join(made_for).encode()).hexdigest()[:16]


def drop_halves(folder: pathlib.Path) -> None:
    """Remove programs that were cut short by a kill: JAX would warn of each at every start and never write it again.

    Each is looked at once, at the first start after it was written.
    """
    looked, now = folder / "whole", time.time()
    since = looked.stat().st_mtime if looked.exists() else 0.0
    for file in folder.glob("*-cache"):
        with contextlib.suppress(OSError):  # another process may be removing it
            if file.stat().st_mtime >= since and not _is_whole(file.read_bytes()):
                file.unlink()
    looked.touch()
    os.utime(looked, (now, now))


def _is_whole(program: bytes) -> bool:
    """Whether compressed bytes have an end; of what is not of zlib, which JAX uses here, only whether there are any."""
    if program[:1] != b"\x78":
        return bool(program)
    unfolding = zlib.decompressobj()
    try:
        unfolding.decompress(program)
    except zlib.error:
        return False
    return unfolding.eof


def _prune(programs: pathlib.Path) -> None:
    """Once a day, where all programs take more than `_SIZE`, remove those not read for longest, down to half of it."""
    looked = programs / "looked"
    if looked.exists() and time.time() - looked.stat().st_mtime < _SPACING:
        return
    looked.touch()
    found = []
    for file in programs.glob("*/*"):
        with contextlib.suppress(OSError):  # another process may be removing it
            about = file.stat()
            found.append((max(about.st_atime, about.st_mtime), about.st_size, file))
    total = sum(size for _, size, _ in found)
    if total <= _SIZE:
        return
    for _, size, file in sorted(found, key=lambda entry: entry[0]):
        if total <= _SIZE // 2:
            break
        file.unlink(missing_ok=True)
        total -= size
