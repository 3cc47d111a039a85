"""What decides the bits of a result beside the configuration: versions, processor, devices, threads.

CPU training repeats bit for bit across processes and interruptions, but the bits depend on the size of XLA's thread
pool, the jaxlib version, the processor's instruction set and the number of devices. A run records them, and resuming
it elsewhere says what differs.
"""

import importlib.metadata
import os
import pathlib
import platform
import subprocess
from typing import Any

PACKAGES = ("cfgrl", "jax", "jaxlib", "equinox", "optax", "orbax-checkpoint", "numpy", "ogbench", "mujoco")


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that a result depends on."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def machine() -> dict[str, Any]:
    """System, processor, threads and devices. Starts jax's back end."""
    import jax

    return {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "threads": os.environ.get("PJRT_NPROC") or str(os.cpu_count()),
        "devices": [f"{device.platform}: {device.device_kind}" for device in jax.devices()],
    }


def differences(recorded: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Readable differences between two flat records."""
    names = sorted(recorded.keys() | now.keys())
    return [f"{n}: was {recorded.get(n)}, is {now.get(n)}" for n in names if recorded.get(n) != now.get(n)]


def git_commit() -> str | None:
    """The commit of the working directory's repository, with `+` where it has uncommitted changes."""
    try:
        commit = _git("rev-parse", "HEAD")
        return commit + ("+" if _git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.SubprocessError):
        return None


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], capture_output=True, text=True, timeout=10, check=True)
    return done.stdout.strip()


def _processor() -> str:
    try:
        for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or "unknown"
