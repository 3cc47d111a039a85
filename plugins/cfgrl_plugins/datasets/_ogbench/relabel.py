"""What OGBench computes from recorded states: goals as oracle representations, or the rewards of one task.

An oracle representation is what matters of a state and nothing else, for instance a place.

    with contextlib.closing(Relabel(entry, task="task2")) as relabel:
        columns = relabel({"qpos": qpos}, source="file.npz")      # rewards and masks
"""

import contextlib
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from cfgrl import DataError

from .names import Entry
from .simulator import GlobalRandom, open_simulator, single_task_name

#: What goals and rewards are computed from.
MEMBERS = ("qpos", "button_states")
_NEEDED = {"puzzle": ("button_states",), "scene": MEMBERS}


class Relabel:
    """Computes columns of `Data` from the states of a file, by the package's own `ogbench.relabel_utils`.

    **Arguments:**

    - `entry`: the data set.
    - `task`: for instance `task2`, for that task's rewards; `None` for goals.
    """

    def __init__(self, entry: Entry, task: str | None):
        self._entry, self._rewards = entry, task is not None
        # States decide goals and rewards, whatever an agent sees: the camera would only be drawn in vain.
        self._name = entry.states if task is None else single_task_name(entry.states, task)
        # Goals of mazes and puzzles need no environment; cubes and scenes ask it how many objects there are.
        needed = self._rewards or entry.family in ("cube", "scene")
        self._env: Any = open_simulator(self._name) if needed else None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import ogbench.relabel_utils as package
        self._package = package

    def __call__(self, arrays: Mapping[str, np.ndarray], *, source: str) -> dict[str, np.ndarray]:
        """Compute the columns.

        **Arguments:**

        - `arrays`: the file's members `qpos` and, for scene and puzzle, `button_states`.
        - `source`: the file, for an error.

        **Returns:** float32 columns. Without a task `goals`, `(rows, goal)`. With a task `rewards`, `(rows,)`, at most
        0 and 0 where the row's own state solves the task (so OGBench 1.2 and later: the state before the step), and
        `masks`, `(rows,)`, 0 where it solves the task and otherwise 1.

        **Raises:** `DataError` where a member is missing, not finite, or of another environment's shape.
        """
        table = _table(self._entry, arrays, source)
        with _too_narrow(self._entry, table, source):
            if not self._rewards:
                self._package.add_oracle_reps(self._name, self._env, table)
                return {"goals": table["oracle_reps"]}
            # The package resets the environment to learn the task's target, which does not depend on any draw.
            with GlobalRandom(0).in_place():
                self._package.relabel_dataset(self._name, self._env, table)
        return {"rewards": table["rewards"], "masks": table["masks"]}

    def close(self) -> None:
        """Free the simulator."""
        if self._env is not None:
            self._env.close()


def _table(entry: Entry, arrays: Mapping[str, np.ndarray], source: str) -> dict[str, np.ndarray]:
    """The members that are needed. Raises `DataError` if one is missing or wrong."""
    needed = _NEEDED.get(entry.family, ("qpos",))
    missing = [name for name in needed if name not in arrays]
    if missing:
        raise DataError(f"{source} has no array {' and '.join(missing)}, which goals and rewards are computed from.")
    if len({len(array) for array in arrays.values()}) > 1:
        raise DataError(f"{source}: {', '.join(arrays)} differ in their number of rows.")
    buttons = {"puzzle": entry.widths.goal, "scene": 2}.get(entry.family)
    if buttons and arrays["button_states"].shape[1:] != (buttons,):
        raise _wrong_shape(entry, "button_states", arrays["button_states"], source)
    for name in needed:
        rows = np.flatnonzero(~np.isfinite(arrays[name]).reshape(len(arrays[name]), -1).all(axis=1))
        if len(rows):
            raise DataError(f"{source}: {name}, row {rows[0]}, is not finite.")
    return {name: arrays[name] for name in needed}


@contextlib.contextmanager
def _too_narrow(entry: Entry, table: Mapping[str, np.ndarray], source: str) -> Iterator[None]:
    """The package takes columns without looking how many there are."""
    name = next(iter(table))
    try:
        yield
    except (IndexError, ValueError):
        raise _wrong_shape(entry, name, table[name], source) from None


def _wrong_shape(entry: Entry, name: str, array: np.ndarray, source: str) -> DataError:
    return DataError(f"{source}: {name} has shape {array.shape}, which is not that of {entry.environment}.")
