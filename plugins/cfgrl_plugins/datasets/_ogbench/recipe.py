"""What every recipe for a data set says, and who follows it.

recipe = recipes.published(entry)      # plain numbers, which go into the record
maker = recipe.maker()                 # opens a simulator; one a process
rows = maker.episode((seed, split, index))
"""

import abc
import dataclasses
import difflib
import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from cfgrl import ConfigError

from .names import PIXELS


class Maker(abc.ABC):
    """Makes one episode at a time."""

    @abc.abstractmethod
    def episode(self, seed: Sequence[int]) -> np.ndarray:
        """One episode, which `seed` alone decides: shape `(rows,)` of the recipe's `row`.

        OGBench draws from NumPy's global generator, which is seeded here: the caller is a worker process of ours.
        """


@dataclasses.dataclass(frozen=True)
class Range:
    """The finite numbers from `low`, or just above it where it is `open`, to `high`."""

    low: float
    high: float = math.inf
    open: bool = False

    def holds(self, value: float) -> bool:
        """Whether `value` is one of them."""
        above = self.low < value if self.open else self.low <= value
        return above and value <= self.high and math.isfinite(value)

    def __str__(self) -> str:
        if self.high == math.inf:
            return f"a finite number {'above' if self.open else 'of at least'} {self.low:g}"
        return f"a number in {'(' if self.open else '['}{self.low:g}, {self.high:g}]"


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

    #: The fields that may get another value, to vary the quality of the data, and which values.
    changeable: ClassVar[Mapping[str, Range]] = {}
    #: Fields that the first records did not have: at their default, which is as published, they stay out of a record.
    younger: ClassVar[frozenset[str]] = frozenset()

    environment: str
    kind: str
    episodes: int
    rows: int

    @property
    def validation_episodes(self) -> int:
        """Number of validation episodes."""
        return max(1, self.episodes // 10)

    def changed(self, name: str, changes: Mapping[str, float]) -> "Recipe":
        """This recipe with other numbers; `name` is what errors call the data set. Raises `ConfigError`."""
        known = ", ".join(self.changeable)
        for key, value in changes.items():
            if not known:
                raise ConfigError(f"The recipe of {name} has no number that can be changed: leave out {key}={value:g}.")
            if key not in self.changeable:
                close = difflib.get_close_matches(key, self.changeable, n=1, cutoff=0.55)
                hint = f"; did you mean '{close[0]}'?" if close else ""
                raise ConfigError(f"The recipe of {name} has no key '{key}'{hint} (keys: {known})")
            if not self.changeable[key].holds(value):
                raise ConfigError(f"{name}: {key} is {self.changeable[key]}, not {value:g}.")
        # Adding zero takes the sign from -0.0, which NumPy refuses as a standard deviation.
        return dataclasses.replace(self, **{key: float(value) + 0.0 for key, value in changes.items()})

    def described(self) -> dict[str, Any]:
        """What the record beside generated files says of the recipe."""
        usual = {field.name: field.default for field in dataclasses.fields(self) if field.name in self.younger}
        fields = dataclasses.asdict(self)
        return {key: value for key, value in fields.items() if key not in usual or value != usual[key]}

    @property
    @abc.abstractmethod
    def row(self) -> np.dtype:
        """One row as a structured type, whose fields are the members of a published file without `terminals`."""

    @abc.abstractmethod
    def maker(self) -> Maker:
        """Open the simulator."""


def seeded(seed: Sequence[int]) -> np.random.Generator:
    """A generator of an episode's own; seeds NumPy's global generator, which OGBench draws from, by another stream."""
    own, shared = np.random.SeedSequence(seed).spawn(2)
    np.random.set_state(dict(np.random.MT19937(shared).state))
    return np.random.default_rng(own)


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
