"""`Data`: logged episodes as rows of named columns; every read goes through `Data.take`.

An episode of T transitions holds T+1 rows, the last one an observation only, so that next observations are the next
row and are stored once:

    row        0    1    2    3  |  4    5    6
    terminals  0    0    0    1  |  0    0    1
    transition 0→1  1→2  2→3     |  4→5  5→6

`Data.from_arrays` checks everything on the host, because a device turns such faults into silence: an out-of-range
gather clamps, and int64 wraps to int32.
"""

from collections.abc import Mapping

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int, PRNGKeyArray, Shaped

from cfgrl._errors import DataError
from cfgrl._types import HostOrDevice
from cfgrl.data._check import check_arrays
from cfgrl.data._streamed import Streamed
from cfgrl.data._transitions import to_rows


class Data(eqx.Module):
    """Logged episodes: host arrays (NumPy), or resident on the device, or streamed from the host.

    **Arguments:**

    - `columns`: arrays with one entry a row: `observations`, `actions`, `goals` (what a goal looks like at that row),
      and `rewards` and `masks` where rewards are known.
    - `last`: for each row the row of its episode's final observation.
    - `transitions`: the rows that start a transition.
    """

    columns: Mapping[str, Shaped[HostOrDevice, "rows ..."] | Streamed]
    last: Int[HostOrDevice, " rows"]
    transitions: Int[HostOrDevice, " transitions"]

    @staticmethod
    def from_arrays(
        observations: np.ndarray,
        actions: np.ndarray,
        terminals: np.ndarray,
        *,
        goals: np.ndarray | None = None,
        rewards: np.ndarray | None = None,
        masks: np.ndarray | None = None,
        source: str = "arrays",
    ) -> "Data":
        """Check host arrays and build `Data` from them.

        **Arguments:**

        - `observations`: `(rows, observation)`; floating point becomes float32, uint8 images stay uint8.
        - `actions`: `(rows, action)`, within [-1, 1]; the action of an episode's last row is never used.
        - `terminals`: `(rows,)`, 1 on the last row of each episode.
        - `goals`: `(rows, goal)`, the goal representation of each row; the observations if not given.
        - `rewards`: `(rows,)`, the reward of the transition that starts at the row.
        - `masks`: `(rows,)`, 0 where that transition ended its task for good, so that nothing follows to be valued,
          1 elsewhere; all 1 where rewards are given without them. An episode that merely ran out of time has 1.
        - `source`: what to call the arrays in an error, such as a file name.

        **Raises:** `DataError` naming the source, the key and the row.
        """
        columns: dict[str, np.ndarray] = {"observations": observations, "actions": actions}
        if goals is not None:
            columns["goals"] = goals
        if rewards is not None:
            columns["rewards"] = rewards
            columns["masks"] = np.ones(np.shape(rewards), np.float32) if masks is None else masks
        elif masks is not None:
            raise DataError(f"{source}: masks say where rewards end, but no rewards are given.")
        columns = {name: np.asarray(value) for name, value in columns.items()}
        terminals = np.asarray(terminals)
        check_arrays({**columns, "terminals": terminals}, source=source)
        columns = {name: _compact(value) for name, value in columns.items()}
        columns.setdefault("goals", columns["observations"])
        ends = np.flatnonzero(terminals)
        last = ends[np.searchsorted(ends, np.arange(len(terminals)))].astype(np.int32)
        transitions = np.flatnonzero(terminals == 0).astype(np.int32)
        return Data(columns, last, transitions)

    @staticmethod
    def from_transitions(
        observations: np.ndarray,
        actions: np.ndarray,
        terminals: np.ndarray,
        *,
        timeouts: np.ndarray | None = None,
        next_observations: np.ndarray | None = None,
        rewards: np.ndarray | None = None,
        source: str = "arrays",
    ) -> "Data":
        """Check host arrays with one entry a transition, in their order in time, and build `Data` from them.

        **Arguments:**

        - `observations`, `actions`, `rewards`, `source`: as in `from_arrays`, but every action and reward counts.
        - `terminals`: `(transitions,)`, 1 where the task ended for good. Not the `terminals` of `from_arrays`.
        - `timeouts`: `(transitions,)`, 1 where an episode was cut off.
        - `next_observations`: what each transition led to. Without it that is the next observation; an episode that was
          cut off then gives up its last action, and one that ended keeps it, with a copy of its last observation.

        **Raises:** `DataError` naming the source, the key and the row.
        """
        given = {"observations": observations, "actions": actions, "rewards": rewards}
        columns = {name: np.asarray(value) for name, value in given.items() if value is not None}
        extra = {"timeouts": timeouts, "next_observations": next_observations}
        extra = {name: np.asarray(value) for name, value in extra.items() if value is not None}
        terminals = np.asarray(terminals)
        check_arrays({**columns, "terminals": terminals, **extra}, source=source, episodes=False)
        rows = to_rows(columns, terminals, **extra)
        if rewards is None:
            del rows["masks"]
        return Data.from_arrays(**rows, source=source)

    @staticmethod
    def example(spec: Mapping[str, tuple[tuple[int, ...], str]]) -> "Data":
        """One transition of zeros with the shapes of `spec`: enough to derive every shape of an agent's state."""
        columns = {name: np.zeros((2, *shape), dtype) for name, (shape, dtype) in spec.items()}
        return Data(columns, np.array([1, 1], np.int32), np.array([0], np.int32))

    @property
    def spec(self) -> dict[str, tuple[tuple[int, ...], str]]:
        """Shape and dtype of one row of each column; goes into a run's manifest, so that it loads without its data."""
        return {name: (tuple(column.shape[1:]), str(column.dtype)) for name, column in self.columns.items()}

    @property
    def n_transitions(self) -> int:
        """Number of transitions."""
        return self.transitions.shape[0]

    @property
    def n_episodes(self) -> int:
        """Number of episodes."""
        return self.last.shape[0] - self.transitions.shape[0]

    def take(self, index: Int[Array, "*batch"]) -> dict[str, Shaped[Array, "..."]]:
        """The rows at `index`; columns that the caller does not use cost nothing under `jit`. All reads pass here."""
        # A barrier for each column: the compiler would fuse a resident read into what follows it and round otherwise
        # than it does after a streamed one, into which it cannot look.
        return {name: jax.lax.optimization_barrier(_rows(column, index)) for name, column in self.columns.items()}

    def draw(self, size: int, *, key: PRNGKeyArray) -> Int[Array, " size"]:
        """Rows of `size` transitions, uniformly with replacement."""
        pick = jax.random.randint(key, (size,), 0, self.n_transitions)
        return jnp.asarray(self.transitions)[pick]


def _rows(column: HostOrDevice | Streamed, index: Array) -> Array:
    return column[index] if isinstance(column, Streamed) else jnp.asarray(column)[index]


def _compact(column: np.ndarray) -> np.ndarray:
    """Floating point and integers as float32 (what networks read); images of uint8 stay that."""
    image = column.dtype == np.uint8 and column.ndim == 4
    return column if image else np.ascontiguousarray(column, dtype=np.float32)
