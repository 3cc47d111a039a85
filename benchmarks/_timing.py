"""Times of several calls that are taken in turn, so that whatever else the machine does meets all of them alike."""

import itertools
import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np


class Times(NamedTuple):
    """Seconds of each timed call, in order."""

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """Half of the calls were faster."""
        return statistics.median(self.seconds)

    @property
    def least(self) -> float:
        """The fastest call: the machine at its best."""
        return min(self.seconds)

    @property
    def low(self) -> float:
        """A tenth of the calls were faster: as good as the machine gets without luck."""
        return float(np.percentile(self.seconds, 10))


def interleaved(
    calls: Mapping[str, Callable[[], Any]], rounds: int, *, repeats: Mapping[str, int] | None = None
) -> dict[str, Times]:
    """Each call's times: A B C A B C, never A A B B.

    **Arguments:**

    - `calls`: what to time, by name. Each is called once before, to compile, and each result is waited for.
    - `rounds`: how often all of them have their turn.
    - `repeats`: calls within a turn, one where not given: short calls want many, and a warm start. Neighbours of equal
      number alternate: B 2, C 2 make A B C B C.
    """
    wanted = repeats or {}
    for call in calls.values():
        seconds(call)
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for count, group in itertools.groupby(calls, lambda name: wanted.get(name, 1)):
            for name in [*group] * count:
                taken[name].append(seconds(calls[name]))
    return {name: Times(tuple(times)) for name, times in taken.items()}


def seconds(call: Callable[[], Any]) -> float:
    """Wall time of one call, until its result is there."""
    began = time.perf_counter()
    jax.block_until_ready(call())
    return time.perf_counter() - began
