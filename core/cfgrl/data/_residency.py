"""Where training data lie: on the device, or on the host to be streamed. A memory budget decides, a key overrides it.

Both give the same bits. Resident data are read at the speed of the device's memory; streamed ones cost a copy of each
batch, and only the row numbers of episodes lie on the device.
"""

from typing import Literal, NamedTuple

import jax
import numpy as np

from cfgrl.data._data import Data
from cfgrl.data._streamed import Streamed
from cfgrl.files import _machine

#: Share of the memory that is free, for data: networks, gradients and the compiler's buffers need some too.
_SHARE = 0.5


class Placed(NamedTuple):
    """Data in their place, and a sentence that says which and why."""

    data: Data
    note: str


def place(data: Data, *, residency: Literal["auto", "device", "host"] = "auto", budget: int | None = None) -> Placed:
    """Put host data on the device, or leave them on the host to be streamed.

    **Arguments:**

    - `data`: as `Data.from_arrays` gives them; columns that are streamed already stay so.
    - `residency`: `device`, `host`, or `auto`: on the device where the columns take at most `budget`.
    - `budget`: bytes; half of the device's free memory if not given.
    """
    # Goals may be the observations themselves: one array, counted and held once.
    distinct = {id(column): column for column in data.columns.values()}
    size = sum(column.nbytes for column in distinct.values())
    if budget is None:
        free = free_memory()
        budget = None if free is None else int(_SHARE * free)
    fits = budget is None or size <= budget
    resident = residency == "device" or (residency == "auto" and fits)
    allowed = "no known limit" if budget is None else f"budget {_mib(budget)}"
    why = f"{_mib(size)}, " + (allowed if residency == "auto" else f"train.residency is {residency!r}")
    put = jax.device_put if resident else lambda column: Streamed(np.asarray(column))
    held = {key: c if isinstance(c, Streamed) else put(c) for key, c in distinct.items()}
    columns = {name: held[id(column)] for name, column in data.columns.items()}
    last, transitions = jax.device_put((data.last, data.transitions))
    where = "on the device" if resident else "streamed from the host"
    return Placed(Data(columns, last, transitions), f"data {where} ({why})")


def free_memory() -> int | None:
    """Free bytes of the first device, or of the machine if that is its processor; `None` if unknown."""
    device = jax.devices()[0]
    stats = device.memory_stats() if device.platform != "cpu" else None
    if stats and "bytes_limit" in stats:
        return stats["bytes_limit"] - stats.get("bytes_in_use", 0)
    return _machine.free_memory()


def _mib(size: int) -> str:
    return f"{size / 2**20:,.0f} MiB"
