"""What every recipe for a data set says, and who follows it.

recipe = recipes.published(entry)      # plain numbers, which go into the record
maker = recipe.maker()                 # opens a simulator; one a process
rows = maker.episode((seed, split, index))
"""

import abc
import dataclasses
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from .names import PIXELS


class Maker(abc.ABC):
    """Makes one episode at a time."""

    @abc.abstractmethod
    def episode(self, seed: Sequence[int]) -> np.ndarray:
        """One episode, which `seed` alone decides: shape `(rows,)` of the recipe's `row`.

        OGBench draws from NumPy's global generator, which is seeded here: the caller is a worker process of ours.
        """


@dataclasses.dataclass(frozen=True)
class Recipe(abc.ABC):
    """How one data set is made.

    **Arguments:**

    - `environment`: the environment's name in Gymnasium.
    - `kind`: the kind of data, for instance `navigate`.
    - `episodes`: number of training episodes; a tenth as many, but at least one, are added for validation.
    - `rows`: rows of one episode.
    """

    #: Distributions whose versions, together with the seed, decide every byte.
    packages: ClassVar[tuple[str, ...]] = ("ogbench", "mujoco", "gymnasium", "numpy")

    environment: str
    kind: str
    episodes: int
    rows: int

    @property
    def validation_episodes(self) -> int:
        """Number of validation episodes."""
        return max(1, self.episodes // 10)

    @property
    @abc.abstractmethod
    def row(self) -> np.dtype:
        """One row as a structured type, whose fields are the members of a published file without `terminals`."""

    @abc.abstractmethod
    def maker(self) -> Maker:
        """Open the simulator."""


def row_type(*, observation: int | None, action: int, qpos: int, qvel: int, buttons: int = 0) -> np.dtype:
    """The row of a published file: float32, and `button_states` int64 where there are buttons.

    Observations are images of uint8 where they have no width.
    """
    fields: list[tuple[str, str, tuple[int, ...]]] = [
        ("observations", "|u1", PIXELS) if observation is None else ("observations", "<f4", (observation,)),
        *((name, "<f4", (width,)) for name, width in {"actions": action, "qpos": qpos, "qvel": qvel}.items()),
    ]
    if buttons:
        fields.append(("button_states", "<i8", (buttons,)))
    return np.dtype(fields)
