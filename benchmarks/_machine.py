"""What a benchmark ran on: without it no figure means anything beside another."""

import datetime
import os
from typing import Any

from cfgrl.runs import _machine


def load() -> float:
    """Processes that wanted a core in the last minute; above zero before a run, it had company."""
    return round(os.getloadavg()[0], 2)


def describe() -> dict[str, Any]:
    """Versions, processor, cores, devices and date. Starts jax's back end, so a caller with children asks last."""
    return {
        "date": datetime.date.today().isoformat(),
        "machine": {**_machine.machine(), "cores": len(os.sched_getaffinity(0))},
        "versions": _machine.versions(),
    }


def backend() -> str:
    """`cpu`, `gpu`, ...: where arrays lie and programs run."""
    import jax

    return jax.default_backend()
