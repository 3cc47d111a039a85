"""What a data-set plugin provides: logged transitions and, where there are any, environments to be judged in.

A `Dataset` is a frozen dataclass whose fields are its configuration. Only `fetch` may use a network, and only the
command `cfgrl data get` calls it.
"""

import abc
import dataclasses
import inspect
import pathlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from cfgrl._errors import ConfigError, DataError
from cfgrl._values import check_fields

if TYPE_CHECKING:
    from cfgrl.data._data import Data


class StepResult(NamedTuple):
    """What one environment step answers.

    `observation` has shape `(observation,)`, or is an image of uint8; `reward` is the environment's own; `done` says
    that the episode is over for whatever reason; `success` says that the task was solved at this step, `None` if a
    task knows returns only.
    """

    observation: np.ndarray
    reward: float
    done: bool
    success: bool | None


class Environment(abc.ABC):
    """One environment that can be reset to any task of its data set; the seed decides all of its randomness."""

    @abc.abstractmethod
    def reset(self, task: str, seed: int) -> tuple[np.ndarray, np.ndarray | None]:
        """Start an episode; returns the first observation and the goal (`None` if tasks have no goal).

        An observation is a float32 vector, or an image of shape `(height, width, channels)` and uint8; a goal has the
        shape of a row of the data's `goals`.
        """

    @abc.abstractmethod
    def step(self, action: np.ndarray) -> StepResult:
        """Apply one action of shape `(action,)`."""

    def position(self) -> np.ndarray | None:
        """The agent's place on the floor plan, shape `(2,)`, for pictures; `None` if there is no plan."""
        return None

    def walls(self) -> np.ndarray | None:
        """The floor plan as rectangles `(x, y, width, height)`, shape `(n, 4)`; `None` if there is none."""
        return None

    def frame(self) -> np.ndarray | None:
        """What it looks like now, shape `(height, width, 3)`, uint8, for films; `None` if there is no picture."""
        return None

    def close(self) -> None:
        """Free what the environment holds."""
        return None


class Dataset(abc.ABC):
    """A source of logged episodes. Subclasses are frozen dataclasses; the fields are the configuration."""

    #: Names that `name` may take, for error messages and `cfgrl data list`; a summary for each. A class without the
    #: field `name` has one form and the catalogue says what to call it.
    catalogue: ClassVar[Mapping[str, str]] = {}
    #: Those of the names that `generate` can make.
    generates: ClassVar[frozenset[str]] = frozenset()
    #: Whether the data are made in memory when they are used, so that there never is a file.
    in_memory: ClassVar[bool] = False

    def __post_init__(self) -> None:
        check_fields(self)

    @classmethod
    def named(cls, name: str, **options: Any) -> "Dataset":
        """The data set called `name`, other fields as in `options`. Raises `ConfigError` for an unknown name."""
        if any(field.name == "name" for field in dataclasses.fields(cls)):  # pyright: ignore[reportArgumentType]
            options["name"] = name
        elif name not in cls.catalogue:
            known = ", ".join(cls.catalogue)
            raise ConfigError(f"There is no data set {name!r}; is it {known}? `cfgrl data list` shows all names.")
        return cls(**options)

    @abc.abstractmethod
    def load(self) -> "tuple[Data, Data | None]":
        """Read and check the training and validation data (host arrays). Raises `DataError`."""

    @abc.abstractmethod
    def provenance(self) -> dict[str, Any]:
        """What a run's manifest records: `name`, `files` (path, bytes, sha256 each), `origin` and `record`.

        `origin` is `published`, `generated` or `unknown`; `record` says how a file was made or where it came from.
        Data made in memory have no files, and the record holds the `sha256` of what was made.
        """

    def present(self) -> pathlib.Path | None:
        """The training file where it is on this machine, found without reading it."""
        return None

    @property
    def tasks(self) -> tuple[str, ...]:
        """Names of the evaluation tasks; empty where there is no environment."""
        return ()

    def environment(self) -> Environment | None:
        """A new environment, or `None` if the data set has none."""
        return None

    def require_environment(self) -> Environment:
        """A new environment; raises `DataError` if the data set has none."""
        environment = self.environment()
        if environment is None:
            raise DataError(f"The data set {type(self).__name__} names tasks but gives no environment.")
        return environment

    def generate(self, directory: pathlib.Path | None, *, episodes: int | None, seed: int) -> pathlib.Path:
        """Make the data set on this machine, without a network; returns the training file.

        A class that lets numbers of its recipe be changed takes one more argument, `recipe: Mapping[str, float] = {}`,
        and raises `ConfigError` for a key or a value that it does not know.
        """
        del directory, episodes, seed
        raise DataError(f"The data set {type(self).__name__} cannot be generated here; see `cfgrl data list`.")

    def fetch(self) -> pathlib.Path:
        """Download the data set; the only method that may use a network. Returns the training file."""
        raise DataError(f"The data set {type(self).__name__} has no download; see `cfgrl data list`.")


def generate(
    dataset: Dataset, directory: pathlib.Path | None, *, episodes: int | None, seed: int, recipe: Mapping[str, float]
) -> pathlib.Path:
    """Call `dataset.generate`; pass `recipe` only if it is not empty, since not all classes take it.

    Raises `ConfigError` if numbers are to be changed and the class lets none be.
    """
    make: Any = dataset.generate
    if not recipe:
        return make(directory, episodes=episodes, seed=seed)
    if "recipe" not in inspect.signature(make).parameters:
        name = getattr(dataset, "name", type(dataset).__name__)
        raise ConfigError(f"The data set {name} has no recipe that can be changed: leave out {', '.join(recipe)}.")
    return make(directory, episodes=episodes, seed=seed, recipe=recipe)
