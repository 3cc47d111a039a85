"""What this process may use of the machine: cores and memory."""

import os
import pathlib


def cores() -> list[int]:
    """The numbers of the processor cores that this process may run on."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(os.cpu_count() or 1))


def free_memory() -> int | None:
    """Free bytes of memory, within the limit of a container; `None` if unknown."""
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            available = next(line for line in file if line.startswith("MemAvailable"))
        return min(int(available.split()[1]) * 1024, *_granted())
    except (OSError, StopIteration, ValueError, IndexError):
        pages = os.sysconf("SC_PHYS_PAGES") if "SC_PHYS_PAGES" in os.sysconf_names else 0
        return pages * os.sysconf("SC_PAGE_SIZE") if pages > 0 else None


def _granted() -> list[int]:
    """What a container leaves of its limit; without one an answer that limits nothing."""
    try:
        limit, used = (pathlib.Path(f"/sys/fs/cgroup/memory.{name}").read_text().strip() for name in ("max", "current"))
        return [int(limit) - int(used)]
    except (OSError, ValueError):  # "max" is no number: no limit
        return [2**62]
