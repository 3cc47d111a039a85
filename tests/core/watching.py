"""A long training watched from inside, once a compiled call; a script, so that it has a process of its own.

    python watching.py RUN WINDOWS

Trains for WINDOWS log points, in compiled calls of changing lengths. Prints at every hundredth call: its number,
resident memory in KiB, live arrays of JAX, programs compiled so far.
"""

import json
import pathlib
import random
import sys

import jax

from cfgrl.config._build import build_experiment
from cfgrl.config._registry import load_registries
from cfgrl.runs import _trainer
from cfgrl.runs._chunk_length import ChunkLength
from cfgrl.runs._run import RunDirectory
from cfgrl.runs._signals import Stop

KEYS = {
    "dataset.use": "bandit", "train.log_every": 7, "checkpoint.every": 350, "train.batch_size": 16,
    "policy.network.hidden": [8, 8], "seeds": [0, 1],
}  # fmt: skip


class Varying(ChunkLength):
    """A machine whose speed varies much."""

    def __init__(self, every: int):
        super().__init__(every)
        self._chance = random.Random(0)

    def took(self, updates: int, seconds: float) -> None:
        self._length = self._chance.randint(1, self.capacity)


class Watch(Stop):
    """Is asked before every chunk whether to stop, and looks around then."""

    def __init__(self) -> None:
        super().__init__()
        self._asked = self._compiled = 0
        jax.monitoring.register_event_duration_secs_listener(self._heard)

    def _heard(self, event: str, seconds: float, **about: object) -> None:
        self._compiled += event == "/jax/core/compile/backend_compile_duration"

    @property
    def requested(self) -> str | None:
        if self._asked % 100 == 0:
            report = [self._asked, resident(), len(jax.live_arrays()), self._compiled]
            print(json.dumps(report), flush=True)
        self._asked += 1
        return None

    @requested.setter
    def requested(self, value: str | None) -> None:
        del value


def resident() -> int:
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))


if __name__ == "__main__":
    resolved = load_registries().resolve("flow-bc", {**KEYS, "train.steps": 7 * int(sys.argv[2])})
    run = RunDirectory(pathlib.Path(sys.argv[1]))
    _trainer.ChunkLength = Varying
    with run.lock():
        _trainer.train_run(build_experiment(resolved), run, stop=Watch())
