"""A data set whose environments count their own seconds, in whatever process they are stepped.

A file in a folder is all that worker processes share with the one that starts them: each environment has one, written
anew when an episode begins or ends.
"""

import dataclasses
import json
import os
import pathlib
import time
import uuid
from typing import Any, NamedTuple

import numpy as np

from cfgrl import Environment, StepResult
from cfgrl_plugins.datasets.ogbench import OGBench


class Count(NamedTuple):
    """Steps of one or several environments, and the seconds that their steps and resets took."""

    steps: int
    seconds: float


class Timed(Environment):
    """Another environment, with a stopwatch.

    **Arguments:**

    - `inner`: the environment.
    - `file`: where its count goes.
    """

    def __init__(self, inner: Environment, file: pathlib.Path):
        self._inner, self._file, self._steps, self._seconds = inner, file, 0, 0.0

    def reset(self, task: str, seed: int) -> tuple[np.ndarray, np.ndarray | None]:
        """As the inner one."""
        began = time.perf_counter()
        answer = self._inner.reset(task, seed)
        self._count(began, steps=0, write=True)
        return answer

    def step(self, action: np.ndarray) -> StepResult:
        """As the inner one."""
        began = time.perf_counter()
        answer = self._inner.step(action)
        self._count(began, steps=1, write=answer.done)
        return answer

    def position(self) -> np.ndarray | None:
        """As the inner one."""
        return self._inner.position()

    def close(self) -> None:
        """As the inner one."""
        self._inner.close()

    def _count(self, began: float, *, steps: int, write: bool) -> None:
        self._seconds += time.perf_counter() - began
        self._steps += steps
        if write:
            self._file.write_text(json.dumps([self._steps, self._seconds]))


@dataclasses.dataclass(frozen=True)
class TimedOGBench(OGBench):
    """OGBench with stopwatches.

    **Arguments:**

    - `folder`: where the counts go.
    """

    folder: str = ""

    def environment(self) -> Environment:
        """A new environment."""
        file = pathlib.Path(self.folder) / f"{os.getpid()}-{uuid.uuid4().hex}.json"
        return Timed(super().environment(), file)

    def count(self) -> Count:
        """Of all environments so far."""
        counts: list[Any] = [json.loads(file.read_text()) for file in pathlib.Path(self.folder).glob("*.json")]
        return Count(sum(steps for steps, _ in counts), sum(seconds for _, seconds in counts))
