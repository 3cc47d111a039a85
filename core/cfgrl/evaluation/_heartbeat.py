"""`Heartbeat`: what a worker process does at this moment, readable even when it hangs or is dead."""

import ctypes
from typing import Any, NamedTuple


class Doing(NamedTuple):
    """What a heartbeat says.

    **Arguments:**

    - `beats`: how often something was begun; one that stands still is a worker that hangs, or has nothing to do.
    - `episode`: number of the episode whose environment is at work, `None` if no episode can be at fault.
    - `making`: an environment is being made, which may take longer than a step.
    """

    beats: int
    episode: int | None
    making: bool


class Heartbeat:
    """One writer, one reader, one number: nothing has to be locked, and no reader sees half of a change.

    **Arguments:**

    - `cell`: where the number is, a `ctypes.c_uint64`: in shared memory where the reader is another process.
    """

    def __init__(self, cell: Any = None):
        self._cell = ctypes.c_uint64() if cell is None else cell
        self._beats = 0

    def beat(self, episode: int | None = None, *, making: bool = False) -> None:
        """Say what is begun; called before anything that an environment may never return from."""
        self._beats += 1
        self._cell.value = self._beats << 32 | (0 if episode is None else episode + 1) << 1 | making

    def read(self) -> Doing:
        """What was said last."""
        value = self._cell.value
        number = value >> 1 & 0x7FFFFFFF
        return Doing(value >> 32, number - 1 if number else None, bool(value & 1))
