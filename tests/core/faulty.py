"""Environments with real faults in chosen episodes, in a module that worker processes can import."""

import ctypes
import dataclasses
import os
import pathlib
import resource
import signal
import sys
import time
from collections.abc import Mapping
from typing import Any, Never

import numpy as np

from cfgrl import Dataset, Environment, StepResult
from cfgrl.evaluation._episode import Episode

#: Faults that the environment tells of: it raises, or answers what is no number.
TOLD = (
    "step raises", "step exits", "step answers nothing", "step answers NaN", "step answers beyond float32",
    "step answers another shape", "step pays infinity", "step succeeds NaN", "step is over in two ways",
    "reset raises", "reset answers NaN", "reset wants NaN", "reset answers another shape",
)  # fmt: skip
#: Faults that end the process, and faults that never end.
DEATHS = ("step kills", "step leaves", "step segfaults", "reset kills")
HANGS = ("step sleeps", "step holds the lock", "reset sleeps")


def leave(how: str) -> Never:
    """End this process, or never return."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if how == "kills":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "leaves":
        os._exit(7)
    if how == "segfaults":
        ctypes.string_at(0)
    if how == "holds the lock":
        ctypes.PyDLL(None).sleep(3600)  # unlike `CDLL`, keeps the interpreter's lock
    while how == "works":
        pass
    time.sleep(3600)
    raise AssertionError("an hour is over")


class Faulty(Environment):
    """A walk in the plane that is solved outside the unit disc, at the third step at the earliest.

    **Arguments:**

    - `faults`: the fault of each episode, by environment seed, at its first or second step.
    - `ledger`: a folder; an environment that is made while `broken` lies in it raises and takes that away.
    """

    def __init__(self, faults: Mapping[int, str], ledger: pathlib.Path | None = None):
        self.faults, self.ledger = faults, ledger
        if ledger is not None and (ledger / "broken").exists():
            (ledger / "broken").unlink()
            raise RuntimeError("no simulator here")

    def reset(self, task: str, seed: int):
        self.place = np.random.default_rng(seed).uniform(-0.2, 0.2, 2).astype(np.float32)
        self.steps, self.when, self.fault = 0, 1 + seed % 2, self.faults.get(seed, "")
        goal = np.ones(2, np.float32)
        when, _, what = self.fault.partition(" ")
        if when == "reset":
            if what == "raises":
                raise RuntimeError("the simulator is gone")
            if what == "answers another shape":
                return np.zeros(3, np.float32), goal
            if not what.endswith("NaN"):
                leave(what)
            (self.place if what == "answers NaN" else goal)[0] = np.nan
        return self.place.copy(), goal

    def step(self, action: np.ndarray) -> Any:
        self.steps += 1
        self.place = self.place + np.float32(0.2) * action
        solved = bool(np.linalg.norm(self.place) > 1)
        answer = StepResult(self.place.copy(), float(action[0]), solved or self.steps == 12, solved)
        if self.fault and self.steps == self.when:
            return self._go_wrong(self.fault.removeprefix("step "), answer)
        return answer

    def _go_wrong(self, what: str, answer: StepResult) -> Any:
        wrong = {
            "answers nothing": None,
            "answers NaN": answer._replace(observation=np.array([np.nan, 0.0])),
            "answers beyond float32": answer._replace(observation=np.array([1e300, 0.0])),
            "answers another shape": answer._replace(observation=np.zeros(3)),
            "pays infinity": answer._replace(reward=np.inf),
            "succeeds NaN": answer._replace(success=np.nan),  # pyright: ignore[reportArgumentType]
            "is over in two ways": answer._replace(done=np.array([True, False])),  # pyright: ignore[reportArgumentType]
        }
        if what in wrong:
            return wrong[what]
        if what == "dozes":
            for _ in range(50):  # one long sleep would end during a pause of the process
                time.sleep(0.02)
            return answer
        if what == "exits":
            sys.exit(3)
        if what == "breaks" and self.ledger is not None:
            (self.ledger / "broken").touch()
        if what in ("raises", "breaks"):
            raise RuntimeError("the simulator is gone")
        leave(what)

    def position(self) -> np.ndarray:
        return self.place


@dataclasses.dataclass(frozen=True)
class FaultyData(Dataset):
    """A data set for judging only."""

    faults: Mapping[int, str]
    tasks = ("task1", "task2")

    def load(self) -> Never:
        raise AssertionError

    def provenance(self) -> Never:
        raise AssertionError

    def environment(self) -> Environment:
        return Faulty(self.faults)


class Unmakeable(Faulty):
    """Ends its process when it is made."""

    def __init__(self) -> None:
        leave("leaves")


class NeverMade(Faulty):
    """Takes for ever to be made."""

    def __init__(self) -> None:
        time.sleep(600)


def episodes(count: int, weights: tuple[float, ...] = (0.0, 1.0, 3.0), n_seeds: int = 2) -> list[Episode]:
    """`count` episodes, each with an environment seed of its own, so that a fault belongs to one of them."""
    return [
        Episode(i // len(weights) % n_seeds, "task1", weights[i % len(weights)], 10_007 * i + 3) for i in range(count)
    ]
