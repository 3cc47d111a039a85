"""ExORL: what exploration without rewards recorded in dm_control, with the rewards of a task put in afterwards.

A buffer is a folder `DOMAIN/ALGORITHM/buffer` with one npz file an episode. The published ones are archives of
gigabytes that are downloaded and unpacked by hand; small ones by actions at random can be generated here.

Reference: Yarats, Brandfonbrener, Liu, Laskin, Abbeel, Lazaric, Pinto: Don't Change the Algorithm, Change the Data:
Exploratory Data for Offline Reinforcement Learning, arXiv 2201.13425.
"""

import dataclasses
import pathlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from annotated_types import Ge, Lt

from cfgrl import DataError, Dataset, Environment

from . import _files
from ._exorl import names
from ._rows import split_data

if TYPE_CHECKING:
    from cfgrl import Data

URL = "https://dl.fbaipublicfiles.com/exorl"


@dataclasses.dataclass(frozen=True)
class ExORL(Dataset):
    """A buffer of ExORL with the rewards of one task of its domain.

    Rewards are computed from the recorded states of the simulator; the reward of a row is what the task pays in the
    state that the row's action led to. `masks` are 1 but where a file's `discount` is 0, which it never is in these
    tasks: an episode is over when its time is. Computed rewards are kept in the user's cache folder.

    **Arguments:**

    - `name`: domain, algorithm that explored, and task, for instance `walker-rnd-run`.
    - `dir`: the folder that holds `DOMAIN/ALGORITHM/buffer`, or the episodes; `None` for the user's cache folder,
      where generated buffers are.
    - `episodes`: how many, the first ones by number; `None` for all.
    - `validation`: the share of them, evenly spread, to validate on.

    Raises `ConfigError` for an unknown name.
    """

    name: str
    dir: str | None = None
    episodes: Annotated[int, Ge(1)] | None = None
    validation: Annotated[float, Ge(0), Lt(1)] = 0.05

    catalogue: ClassVar[Mapping[str, str]] = names.catalogue()
    generates: ClassVar[frozenset[str]] = frozenset(
        name for name in catalogue if names.parse(name).algorithm == "random"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        names.parse(self.name)

    @property
    def _parsed(self) -> names.Name:
        return names.parse(self.name)

    @property
    def _directory(self) -> pathlib.Path:
        return _cache() if self.dir is None else pathlib.Path(self.dir).expanduser()

    def _require(self) -> tuple[pathlib.Path, list[pathlib.Path]]:
        """The folder and its episodes. Raises `DataError` that says where it looked and what to do."""
        from ._exorl import buffer

        folder = self.present()
        if folder is None:
            domain, algorithm, _ = self._parsed
            raise DataError(f"There are no episodes in {self._directory / domain / algorithm / 'buffer'}: {self._way}.")
        return folder, buffer.episodes(folder, self.episodes)

    @property
    def _way(self) -> str:
        """How to come by the data."""
        domain, algorithm, _ = self._parsed
        if algorithm == names.RANDOM:
            option = f" --dir {self.dir}" if self.dir else ""
            return f"make some on this machine with `cfgrl data generate {self.name}{option}`"
        return f"unpack {URL}/{domain}/{algorithm}.zip into DIR/{domain}/{algorithm} and set dataset.dir=DIR"

    def load(self) -> "tuple[Data, Data | None]":
        """Read and check the episodes, and compute their rewards. Raises `DataError`."""
        from ._exorl import buffer
        from ._exorl.rewards import Cache

        folder, paths = self._require()
        cache = Cache(_cache() / "rewards", self._parsed, buffer.describe(folder, paths)["sha256"])
        return split_data(buffer.read(self._parsed, paths, cache), self.validation, source=str(folder))

    def provenance(self) -> dict[str, Any]:
        """Name, one digest of all episodes that are used, and what the rewards were computed with."""
        from ._exorl import buffer, generate, rewards

        folder, paths = self._require()
        record = generate.read_record(folder)
        return {
            "name": self.name,
            "files": [buffer.describe(folder, paths)],
            "origin": "unknown" if record is None else "generated",
            "record": {**(record or {}), "rewards": {"task": self._parsed.task, "versions": rewards.versions()}},
        }

    def present(self) -> pathlib.Path | None:
        """The folder of the episodes where there is one."""
        from ._exorl import buffer

        return buffer.find(self._parsed, self._directory)

    @property
    def tasks(self) -> tuple[str, ...]:
        """The one task that the rewards are of."""
        return (self._parsed.task,)

    def environment(self) -> Environment:
        """A new environment."""
        from ._dm_control import DmControlEnvironment
        from ._exorl.tasks import open_task

        domain, _, task = self._parsed
        return DmControlEnvironment(lambda: open_task(domain, task), task)

    def generate(self, directory: pathlib.Path | None, *, episodes: int | None, seed: int) -> pathlib.Path:
        """Make a buffer by actions at random; what an agent explored cannot be made here."""
        from ._exorl import generate

        return generate.generate(self._parsed, directory or self._directory, episodes=episodes, seed=seed)

    def fetch(self) -> pathlib.Path:
        """There is no download here: the archives are large, and unpacked by hand. Raises `DataError` that says how."""
        raise DataError(f"{self.name} is not downloaded by this command: {self._way}.")


def _cache() -> pathlib.Path:
    return _files.generated_folder("exorl")
