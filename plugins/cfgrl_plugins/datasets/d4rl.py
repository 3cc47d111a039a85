"""D4RL: locomotion, ant mazes, hands, a kitchen and point mazes, from files that are already on this machine.

A file is looked for as `NAME.hdf5` and under the name that D4RL's own downloader gave it; in `dir`, otherwise in
`D4RL_DATASET_DIR` or `~/.d4rl/datasets`. D4RL's packages are not needed; h5py is: `pip install 'cfgrl[d4rl]'`.

Reference: Fu, Kumar, Nachum, Tucker, Levine: D4RL: Datasets for Deep Data-Driven Reinforcement Learning, arXiv
2004.07219.
"""

import dataclasses
import os
import pathlib
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from annotated_types import Ge, Lt

from cfgrl import DataError, Dataset, Environment, read_arrays

from . import _files
from ._d4rl_names import ENTRIES, SERVER, Entry, find
from ._rows import require_widths

if TYPE_CHECKING:
    from cfgrl import Data

TASK = "return"
_NEEDED = ("observations", "actions", "rewards", "terminals")
_MORE = ("timeouts", "next_observations")


@dataclasses.dataclass(frozen=True)
class D4RL(Dataset):
    """A data set of D4RL.

    Each entry of a file is a transition; `terminals` end a task for good and keep their reward, `timeouts` cut an
    episode off. Where a file lacks `next_observations`, the last transition before a cut is dropped, as D4RL does.

    Policies are judged in the Gymnasium environment that took the place of D4RL's (version 5, current MuJoCo), for
    half cheetah, hopper and walker; the others have none here. Its physics and rewards are not quite those of D4RL's
    version 2, so that returns cannot be compared exactly with published ones.

    **Arguments:**

    - `name`: for instance `hopper-medium-v2`.
    - `dir`: the folder of the file; `None` for the usual places.
    - `validation`: the share of episodes, evenly spread, to validate on; papers train on all.
    - `clip_actions`: clip actions beyond [-1, 1]; otherwise they are an error.

    Raises `ConfigError` for an unknown name.
    """

    name: str
    dir: str | None = None
    validation: Annotated[float, Ge(0), Lt(1)] = 0.0
    clip_actions: bool = False

    catalogue: ClassVar[Mapping[str, str]] = {name: entry.summary for name, entry in ENTRIES.items()}

    def __post_init__(self) -> None:
        super().__post_init__()
        find(self.name)

    @property
    def _entry(self) -> Entry:
        return find(self.name)

    @property
    def _folder(self) -> pathlib.Path:
        folder = self.dir or os.environ.get("D4RL_DATASET_DIR") or "~/.d4rl/datasets"
        return pathlib.Path(folder).expanduser()

    def _require(self) -> pathlib.Path:
        path = self.present()
        if path is None:
            names = " or ".join(dict.fromkeys((f"{self.name}.hdf5", self._entry.file)))
            raise DataError(f"There is no {names} in {self._folder}: {self._download}")
        return path

    @property
    def _download(self) -> str:
        return f"download {SERVER}/{self._entry.published} into that folder; cfgrl itself does not."

    def load(self) -> "tuple[Data, Data | None]":
        """Read and check the file. Raises `DataError`."""
        from ._build import build, hold_out

        path = self._require()
        arrays = read_arrays(path, {name: name for name in (*_NEEDED, *_MORE)}, optional=_MORE)
        family = self._entry.family
        require_widths(arrays, {"observations": (family.observation,), "actions": (family.action,)}, path, self.name)
        if not arrays.keys() & set(_MORE):
            print(f"{path}: no timeouts: only terminals end an episode.", file=sys.stderr, flush=True)
        data = build(arrays, layout="transitions", clip=self.clip_actions, source=str(path))
        return hold_out(data, self.validation)

    def provenance(self) -> dict[str, Any]:
        """Name, the file with its digest, and what D4RL's normalised score is made of."""
        family = self._entry.family
        record = {
            "clip_actions": self.clip_actions,
            "validation": self.validation,
            "reference_returns": {"random": family.random, "expert": family.expert},
        }
        files = [_files.describe(self._require())]
        return {"name": self.name, "files": files, "origin": "unknown", "record": record}

    def present(self) -> pathlib.Path | None:
        """The file where there is one."""
        for name in (f"{self.name}.hdf5", self._entry.file):
            if (self._folder / name).is_file():
                return self._folder / name
        return None

    @property
    def tasks(self) -> tuple[str, ...]:
        """The one task, which knows a return and no success; none where there is no environment."""
        return () if self._entry.family.environment is None else (TASK,)

    def environment(self) -> Environment | None:
        """A new environment, where there is one."""
        from ._gymnasium import GymnasiumEnvironment

        identifier = self._entry.family.environment
        return None if identifier is None else GymnasiumEnvironment(identifier, task=TASK)

    def fetch(self) -> pathlib.Path:
        """The file where it is here. Raises `DataError` that says where to download it."""
        return self._require()
