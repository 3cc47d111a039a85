"""OGBench: mazes, soccer and manipulation, with goals or with one task's rewards, and environments to be judged in.

Files are looked for in `dir`; without it in OGBench's own folder `~/.ogbench/data` (published files), then in the
user's cache (files that `cfgrl data generate` made). A generated file never takes a published file's place.

Reference: Park, Frans, Eysenbach, Levine: OGBench: Benchmarking Offline Goal-Conditioned RL, ICLR 2025.
"""

import contextlib
import dataclasses
import pathlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from cfgrl import DataError, Dataset, Environment, read_npz

from ._ogbench import download, generate, locate
from ._ogbench.names import ENTRIES, TASKS, Entry, parse
from ._rows import require_widths

if TYPE_CHECKING:
    from cfgrl import Data

    from ._ogbench.relabel import Relabel

#: The largest published file, five million pictures, unfolds to 61 GiB, which are mapped and not read into memory.
_MAX_BYTES = 96 << 30


@dataclasses.dataclass(frozen=True)
class OGBench(Dataset):
    """A data set of OGBench.

    **Arguments:**

    - `name`: for instance `pointmaze-medium-navigate-v0`; the `oraclerep` form means the same, since goals always are
      oracle representations here. The form `pointmaze-medium-navigate-singletask-task2-v0` is the same file with the
      rewards and masks of one task and without goals; `-singletask-v0` is the task that OGBench chose.
    - `dir`: the folder that holds `NAME.npz` and `NAME-val.npz`; `None` for the usual places.
    - `url`: the server's folder that `cfgrl data get` downloads from, for those who have a mirror.

    Raises `ConfigError` for an unknown name.
    """

    name: str
    dir: str | None = None
    url: str = "https://rail.eecs.berkeley.edu/datasets/ogbench"

    catalogue: ClassVar[Mapping[str, str]] = {name: entry.summary for name, entry in ENTRIES.items()}
    generates: ClassVar[frozenset[str]] = frozenset(n for n, entry in ENTRIES.items() if generate.can_generate(entry))

    def __post_init__(self) -> None:
        super().__post_init__()
        parse(self.name)

    @property
    def _entry(self) -> Entry:
        return parse(self.name).entry

    def _require(self) -> tuple[pathlib.Path, pathlib.Path]:
        return locate.require(self._entry.file, self.dir, can_generate=generate.can_generate(self._entry))

    def load(self) -> "tuple[Data, Data | None]":
        """Read and check both files. Raises `DataError`."""
        from ._ogbench.relabel import Relabel

        training, validation = self._require()
        entry, task = parse(self.name)
        with contextlib.closing(Relabel(entry, task)) as relabel:
            return self._read(training, relabel), self._read(validation, relabel)

    def provenance(self) -> dict[str, Any]:
        """Name, files with their digests, origin, and the record of a generated or downloaded file."""
        return locate.provenance(self._entry.file, *self._require())

    def present(self) -> pathlib.Path | None:
        """The training file where there is one."""
        return locate.find(self._entry.file, self.dir)

    @property
    def tasks(self) -> tuple[str, ...]:
        """Names of the five evaluation tasks; of the one task in the single-task form."""
        task = parse(self.name).task
        return TASKS if task is None else (task,)

    def environment(self) -> Environment:
        """A new environment."""
        from ._ogbench.environment import OGBenchEnvironment

        return OGBenchEnvironment(self._entry.environment, parse(self.name).task)

    def generate(
        self,
        directory: pathlib.Path | None,
        *,
        episodes: int | None,
        seed: int,
        recipe: Mapping[str, float] = {},
    ) -> pathlib.Path:
        """Make the data set by OGBench's published recipe, with other numbers where `recipe` gives them.

        Not where it needs a trained expert. Numbers can be changed of point mazes: `noise`, the standard deviation of
        the noise on actions, and `coverage`, the share of the cells that episodes start from and head for.
        """
        if directory is None and self.dir is not None:
            directory = pathlib.Path(self.dir)
        return generate.generate(self._entry, directory, episodes=episodes, seed=seed, changes=recipe)

    def fetch(self) -> pathlib.Path:
        """Download the published files into `dir`, or into OGBench's own folder."""
        directory = pathlib.Path(self.dir).expanduser() if self.dir else locate.published_directory()
        return download.download(self._entry.file, directory, self.url)

    def _read(self, path: pathlib.Path, relabel: "Relabel") -> "Data":
        from cfgrl import Data

        from ._ogbench.relabel import MEMBERS

        arrays = read_npz(path, keys=("observations", "actions", "terminals", *MEMBERS), max_bytes=_MAX_BYTES)
        for name in ("observations", "actions", "terminals"):
            if name not in arrays:
                raise DataError(f"{path} has no array {name}: it is no OGBench file.")
        states = {name: arrays.pop(name) for name in MEMBERS if name in arrays}
        data = Data.from_arrays(**arrays, **relabel(states, source=str(path)), source=str(path))
        expected = {"observations": self._entry.observation, "actions": (self._entry.widths.action,)}
        require_widths(data.columns, expected, path, self._entry.environment)
        return data
