"""Goals as OGBench's oracle representations: what matters of a state and nothing else, for instance a place."""

import types
import warnings
from collections.abc import Mapping

import numpy as np

from cfgrl import DataError

from .names import Entry
from .simulator import open_simulator

#: What representations are computed from.
MEMBERS = ("qpos", "button_states")


def goals(entry: Entry, arrays: Mapping[str, np.ndarray], *, source: str) -> np.ndarray:
    """The goal representation of each row, by the package's own `add_oracle_reps`.

    **Arguments:**

    - `entry`: the data set.
    - `arrays`: the file's members `qpos` and, for scene and puzzle, `button_states`.
    - `source`: the file, for an error.

    **Returns:** float32 of shape `(rows, goal)`.
    """
    needed = {"puzzle": ("button_states",), "scene": MEMBERS}.get(entry.family, ("qpos",))
    missing = [name for name in needed if name not in arrays]
    if missing:
        raise DataError(f"{source} has no array {' and '.join(missing)}, which goals are computed from.")
    if len({len(array) for array in arrays.values()}) > 1:
        raise DataError(f"{source}: {', '.join(arrays)} differ in their number of rows.")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from ogbench.relabel_utils import add_oracle_reps
    table = {name: arrays[name] for name in needed}
    # Mazes and puzzles need nothing from their environment; cubes and scenes ask it how many objects there are.
    env = open_simulator(entry.environment) if entry.family in ("cube", "scene") else types.SimpleNamespace()
    try:
        add_oracle_reps(entry.environment, env, table)
    except IndexError:
        shape = arrays[needed[0]].shape
        raise DataError(f"{source}: {needed[0]} has shape {shape}, too narrow for {entry.environment}.") from None
    finally:
        if hasattr(env, "close"):
            env.close()
    return table["oracle_reps"]
