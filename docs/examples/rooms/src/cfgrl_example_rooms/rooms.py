"""The data set: episodes of a wobbling explorer, made in memory whenever they are used."""

import dataclasses
import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
from annotated_types import Ge

from cfgrl import Dataset, Environment

from .environment import TASKS, RoomsEnvironment
from .explorer import explore

if TYPE_CHECKING:
    from cfgrl import Data

#: Rows of an episode: 100 steps, in which the explorer visits three or four places.
ROWS = 101


@dataclasses.dataclass(frozen=True)
class Rooms(Dataset):
    """Two rooms joined by a door, and a point with a velocity that is pushed about in them.

    An observation is (x, y, v_x, v_y), an action the thrust along both axes, a goal a place (x, y). An explorer heads
    for random places one after another, through the door where it must, with noise on each of its actions. The tasks
    are to reach a place in the same room (`left`, `right`) or in the other one (`through`, `back`).

    **Arguments:**

    - `size`: episodes to train on, of 101 rows each; a tenth as many more are for validation.
    - `seed`: decides every one of them.
    """

    size: Annotated[int, Ge(10)] = 400
    seed: Annotated[int, Ge(0)] = 0

    catalogue: ClassVar[Mapping[str, str]] = {"rooms": "a point in two rooms joined by a door; goals are places"}
    in_memory: ClassVar[bool] = True

    def load(self) -> "tuple[Data, Data | None]":
        """Make training and validation data."""
        # Here, since the data set is also asked for its tasks alone, by processes that need no jax.
        from cfgrl import Data

        training, validation = (Data.from_arrays(**arrays, source="rooms") for arrays in self._arrays())
        return training, validation

    def provenance(self) -> dict[str, Any]:
        """No files; a record of size, seed, NumPy's version and the SHA-256 of what they give."""
        digest = hashlib.sha256()
        for arrays in self._arrays():
            for array in arrays.values():
                digest.update(array.tobytes())
        versions = {"numpy": np.__version__}
        record = {"size": self.size, "seed": self.seed, "versions": versions, "sha256": digest.hexdigest()}
        return {"name": "rooms", "files": [], "origin": "generated", "record": record}

    @property
    def tasks(self) -> tuple[str, ...]:
        """The names of the tasks."""
        return tuple(TASKS)

    def environment(self) -> Environment:
        """A new environment."""
        return RoomsEnvironment()

    def _arrays(self) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        first, second = np.random.default_rng(self.seed).spawn(2)
        return explore(self.size, ROWS, first), explore(self.size // 10, ROWS, second)
