"""Rewards of a task, computed from recorded states of the simulator and the actions that led to them.

The reward of a transition is what the task pays in the state that the transition led to. ExORL's own code leaves the
controls of the simulator at zero meanwhile; here they are the recorded action, so that tasks which look at them
(cartpole, point mass) pay what they pay in an episode.
"""

import hashlib
import importlib
import importlib.metadata
import pathlib
import sys
import time
from typing import Any, NamedTuple

import numpy as np

from cfgrl import DataError, read_npz

from .. import _files
from .._dm_control import action_scale, flat, prepared
from .names import Name
from .tasks import open_task

#: MuJoCo takes a larger coordinate for a sign that a simulation went wrong.
_LARGEST = 1e10
_PACKAGES = ("dm_control", "mujoco")


class Widths(NamedTuple):
    """How wide a row of each array of a file is."""

    observation: int
    action: int
    physics: int


class Rewards:
    """Computes the rewards of one task.

    **Arguments:**

    - `name`: the data set, whose domain and task count.
    """

    def __init__(self, name: Name):
        with prepared():
            mujoco: Any = importlib.import_module("mujoco")
            self._env: Any = open_task(name.domain, name.task)
            first = flat(self._env.reset().observation)
        self._forward, self._physics = mujoco.mj_step1, self._env.physics
        self._scale = action_scale(self._env)
        self.widths = Widths(first.size, len(self._scale.low), self._physics.get_state().size)

    def __call__(self, states: np.ndarray, actions: np.ndarray, where: str) -> np.ndarray:
        """What the task pays in each of `states`, `(rows, physics)`, after `actions`, `(rows, action)`, in [-1, 1].

        Returns `(rows,)`, float32. Raises `DataError` naming `where` for a state that no simulation reaches.
        """
        if np.abs(states).max() > _LARGEST:
            row = int((np.abs(states) > _LARGEST).any(axis=1).argmax())
            raise DataError(f"{where}, row {row}, holds a coordinate beyond {_LARGEST:g}: no simulation reaches it.")
        paid = np.empty(len(states), np.float32)
        model, data = self._physics.model.ptr, self._physics.data.ptr
        for row, (state, control) in enumerate(zip(states, self._scale.from_unit(actions), strict=True)):
            self._physics.set_state(state)
            self._physics.set_control(control)
            self._forward(model, data)  # positions and velocities, after which dm_control pays in an episode, too
            paid[row] = self._env.task.get_reward(self._physics)
        return paid

    def close(self) -> None:
        """Free the simulator."""
        self._env.close()


def versions() -> dict[str, str]:
    """The packages that decide what a state pays."""
    return {package: importlib.metadata.version(package) for package in _PACKAGES}


class Cache:
    """Rewards that were computed before, in the user's cache folder: ten million take ten minutes.

    **Arguments:**

    - `folder`: where to keep them.
    - `name`: the data set.
    - `digest`: SHA-256 of its files, which together with the versions of the simulator decides the rewards.
    """

    def __init__(self, folder: pathlib.Path, name: Name, digest: str):
        key = "\n".join([digest, name.domain, name.task, *(f"{p} {v}" for p, v in versions().items())])
        self._folder = folder
        self._path = folder / f"{name.domain}-{name.task}-{hashlib.sha256(key.encode()).hexdigest()[:24]}.npz"

    def read(self) -> np.ndarray | None:
        """The rewards of all transitions, in order, `(transitions,)`; `None` if they are not known."""
        try:
            return read_npz(self._path)["rewards"]
        except (DataError, KeyError):
            return None

    def write(self, rewards: np.ndarray) -> None:
        """Keep the rewards; a folder that cannot be written to costs time and nothing else."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with _files.temporary(self._folder, self._path.stem) as temporary:
                _files.write_npz(temporary, {"rewards": rewards})
                _files.replace(temporary, self._path)
        except OSError as error:
            print(f"note: the rewards cannot be kept in {self._folder} ({error.strerror or error})", file=sys.stderr)


class Progress:
    """A line on standard error every ten seconds, since a large buffer takes minutes."""

    def __init__(self, what: str, total: int):
        self._what, self._total, self._shown = what, total, time.monotonic()

    def show(self, done: int) -> None:
        """Say that `done` of the total are done, where it is time to."""
        now = time.monotonic()
        if now - self._shown > 10:
            self._shown = now
            print(f"{self._what}: {done:,} of {self._total:,} episodes", file=sys.stderr, flush=True)
