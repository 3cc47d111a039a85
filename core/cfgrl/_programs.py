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

from cfgrl._paths import cache_folder

#: Bytes; beyond them what was not read for longest goes.
_SIZE = 1 << 30
#: Also what compiles fast: beginning a run compiles fifty small programs, which together take as long as a large one.
_SETTINGS = {
    "jax_persistent_cache_min_compile_time_secs": 0.0,
    "jax_persistent_cache_min_entry_size_bytes": 0,
    "jax_compilation_cache_max_size": _SIZE,
}


def keep_programs() -> None:
    """Turn the cache on, unless the user decided otherwise or the folder cannot be written."""
    jax = sys.modules.get("jax")
    if jax is None:
        decided = "JAX_COMPILATION_CACHE_DIR" in os.environ
    else:
        decided = jax.config.jax_compilation_cache_dir is not None or not jax.config.jax_enable_compilation_cache
    if decided:
        return
    folder = programs_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return
    settings = {"jax_compilation_cache_dir": str(folder), **_SETTINGS}
    for name, value in settings.items():
        if jax is None:
            os.environ.setdefault(name.upper(), str(value))
        else:
            jax.config.update(name, value)


def programs_folder() -> pathlib.Path:
    """The folder of this kind of machine, in the user's cache.

    A program is made for the instructions of its processor and the number of its threads, which JAX does not look at
    when it looks for one. Homes are shared by unlike machines, so each kind of machine has a folder of its own.
    """
    made_for = [platform.machine(), os.environ.get("PJRT_NPROC", "")]
    made_for.append(str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()))
    with contextlib.suppress(OSError):
        lines = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        made_for += sorted({line for line in lines if line.startswith(("model name", "flags", "Features"))})
    return cache_folder() / "programs" / hashlib.sha256("\n".join(made_for).encode()).hexdigest()[:16]
