"""Your own episodes in one npz or HDF5 file, with whatever names the arrays have.

    dataset.use = "npz"                  # or "hdf5", where names are paths: "log/obs"
    dataset.file = "mine.npz"
    dataset.observations = "obs"

The content of the file decides its format. HDF5 needs h5py: `pip install 'cfgrl[d4rl]'`.
"""

import dataclasses
import pathlib
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from annotated_types import Ge, Lt

from cfgrl import ConfigError, DataError, Dataset, Environment, read_arrays

from . import _files

if TYPE_CHECKING:
    from cfgrl import Data

TASK = "return"
#: The fields that name arrays.
_TRANSITIONS = ("observations", "actions", "terminals", "timeouts", "rewards", "next_observations")
_ROWS = ("observations", "actions", "terminals", "rewards", "masks", "goals")


@dataclasses.dataclass(frozen=True)
class OwnFile(Dataset):
    """A user's own npz or HDF5 file.

    Each name of an array may be `none`, so that it is not read; in HDF5 a name is a path. `rewards`, `timeouts`,
    `next_observations`, `masks` and `goals` are optional under their usual names and required under chosen ones.

    **Arguments:**

    - `file`: the file; a relative path starts in the working directory.
    - `validation_file`: another file with the same layout to validate on.
    - `validation`: or the share of the file's episodes, evenly spread, to validate on.
    - `layout`: `transitions` if each entry is a transition, as in D4RL; `rows` if an episode of T transitions has
      T + 1 rows, the last one an observation only, as in OGBench.
    - `observations`, `actions`: the names of these arrays; actions lie within [-1, 1].
    - `terminals`: 1 where the task ended for good; with `rows` on the last row of each episode.
    - `timeouts`: 1 where an episode was cut off (transitions).
    - `rewards`: the reward of each transition.
    - `next_observations`: what each transition led to (transitions).
    - `masks`: 0 where a transition ended its task for good (rows).
    - `goals`: the goal representation of each row (rows).
    - `clip_actions`: clip actions beyond [-1, 1]; otherwise they are an error.
    - `environment_id`: the Gymnasium environment for evaluation, such as `Hopper-v5`; actions are scaled from
      [-1, 1] to its bounds.

    Raises `ConfigError` for keys that exclude each other.
    """

    file: str
    validation_file: str | None = None
    validation: Annotated[float, Ge(0), Lt(1)] = 0.0
    layout: Literal["transitions", "rows"] = "transitions"
    observations: str = "observations"
    actions: str = "actions"
    terminals: str | None = "terminals"
    timeouts: str | None = "timeouts"
    rewards: str | None = "rewards"
    next_observations: str | None = "next_observations"
    masks: str | None = "masks"
    goals: str | None = "goals"
    clip_actions: bool = False
    environment_id: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.validation and self.validation_file is not None:
            raise ConfigError("validation_file and validation both say what to validate on: give one of them.")
        other = "rows" if self.layout == "transitions" else "transitions"
        for key in set(_TRANSITIONS + _ROWS) - set(self._keys):
            if getattr(self, key) not in (None, key):
                raise ConfigError(f'{key} is for layout = "{other}"; with "{self.layout}" it is never read.')
        if self.layout == "rows" and self.terminals is None:
            raise ConfigError('layout = "rows" needs terminals, which mark the last row of each episode.')

    @property
    def _keys(self) -> tuple[str, ...]:
        return _TRANSITIONS if self.layout == "transitions" else _ROWS

    def _files(self) -> list[pathlib.Path]:
        """The training file and, where there is one, the validation file. Raises `DataError` for a missing one."""
        named = {"file": self.file, "validation_file": self.validation_file}
        paths = {key: pathlib.Path(name).expanduser() for key, name in named.items() if name is not None}
        for key, path in paths.items():
            if not path.exists():
                where = "" if path.is_absolute() else f" in {pathlib.Path.cwd()}"
                raise DataError(f"There is no {path}{where} (dataset.{key}; relative to the working directory).")
        return list(paths.values())

    def load(self) -> "tuple[Data, Data | None]":
        """Read and check the files. Raises `DataError`."""
        from ._build import hold_out

        training, *validation = (self._read(path) for path in self._files())
        return (training, validation[0]) if validation else hold_out(training, self.validation)

    def _read(self, path: pathlib.Path) -> "Data":
        from ._build import build

        names = {f"dataset.{key}": name for key in self._keys if (name := getattr(self, key)) is not None}
        required = {"dataset.observations", "dataset.actions", "dataset.terminals"}
        # A name that the user chose is meant; the usual ones are taken where they are.
        optional = [key for key, name in names.items() if key not in required and key == f"dataset.{name}"]
        found = read_arrays(path, names, optional=optional)
        arrays = {key.removeprefix("dataset."): array for key, array in found.items()}
        if "terminals" not in arrays:
            if not {"timeouts", "next_observations"} & arrays.keys():
                raise DataError(f"{path}: nothing says where episodes end: name dataset.terminals or dataset.timeouts.")
            arrays["terminals"] = np.zeros(len(arrays["actions"]), np.float32)
        return build(arrays, layout=self.layout, clip=self.clip_actions, source=str(path))

    def provenance(self) -> dict[str, Any]:
        """Files with their digests, and how their arrays were read."""
        described = [_files.describe(path) for path in self._files()]
        record = {
            "layout": self.layout,
            "arrays": {key: getattr(self, key) for key in self._keys if getattr(self, key) is not None},
            "clip_actions": self.clip_actions,
            "validation": self.validation,
        }
        return {"name": pathlib.Path(self.file).name, "files": described, "origin": "unknown", "record": record}

    def present(self) -> pathlib.Path | None:
        """The training file where there is one."""
        path = pathlib.Path(self.file).expanduser()
        return path if path.is_file() else None

    @property
    def tasks(self) -> tuple[str, ...]:
        """The one task of the environment, where one is named."""
        return () if self.environment_id is None else (TASK,)

    def environment(self) -> Environment | None:
        """A new environment."""
        if self.environment_id is None:
            return None
        from ._gymnasium import GymnasiumEnvironment

        return GymnasiumEnvironment(self.environment_id, task=TASK)
