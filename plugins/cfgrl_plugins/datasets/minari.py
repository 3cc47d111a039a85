"""Minari: the successor of D4RL's files, and other data sets in its format.

A data set `NAMESPACE/NAME-vN` lies in the folder of that name below `dir`, as `data/main_data.hdf5` and
`data/metadata.json`. Both are read without the package `minari`, which would make environments by addresses of code
that a file gives; only `cfgrl data get` uses it.

Reference: Younis et al.: Minari, https://minari.farama.org.
"""

import contextlib
import dataclasses
import os
import pathlib
import re
import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from annotated_types import Ge, Lt

from cfgrl import ConfigError, DataError, Dataset, Environment

from . import _files
from ._minari import Metadata, read_episodes, read_metadata
from ._rows import split_data
from ._spaces import shapes

if TYPE_CHECKING:
    from cfgrl import Data

_NAME = re.compile(r"(?:[A-Za-z0-9_][A-Za-z0-9_.-]*/)*[A-Za-z0-9_][A-Za-z0-9_.-]*-v\d+")
TASK = "return"


def _published() -> Iterator[tuple[str, str]]:
    for hand in ("door", "hammer", "pen", "relocate"):
        for kind in ("human", "cloned", "expert"):
            yield f"D4RL/{hand}/{kind}-v2", f"Adroit hand, {hand}, {kind}"
    for kind in ("complete", "mixed", "partial"):
        yield f"D4RL/kitchen/{kind}-v2", f"Franka kitchen, {kind}"
    for size in ("umaze", "medium", "large", "open"):
        yield f"D4RL/pointmaze/{size}-v2", f"point maze, {size}"


@dataclasses.dataclass(frozen=True)
class Minari(Dataset):
    """A data set in Minari's HDF5 format.

    Observations in parts are joined in alphabetical order. Where they are `observation`, `achieved_goal` and
    `desired_goal`, the first is the observation, the second the goal that a row looks like, and the third the goal of
    an evaluation episode. Actions are carried from the bounds of the action space to [-1, 1]. `masks` are 0 where an
    episode terminated, and 1 where it was truncated. The environment is the one that the file names, where Gymnasium
    knows it on this machine; without it the data still train.

    **Arguments:**

    - `name`: for instance `D4RL/door/human-v2`.
    - `dir`: the folder below which data sets lie, or the data set's own; `None` for Minari's (`MINARI_DATASETS_PATH`,
      otherwise `~/.minari/datasets`).
    - `validation`: the share of episodes, evenly spread, to validate on.
    - `clip_actions`: whether actions beyond the bounds of the action space are clipped; otherwise they are an error.

    Raises `ConfigError` for a malformed name.
    """

    name: str
    dir: str | None = None
    validation: Annotated[float, Ge(0), Lt(1)] = 0.05
    clip_actions: bool = False

    catalogue: ClassVar[Mapping[str, str]] = dict(_published())

    def __post_init__(self) -> None:
        super().__post_init__()
        if not _NAME.fullmatch(self.name) or ".." in self.name:
            raise ConfigError(f"{self.name!r} is no name of a Minari data set, such as D4RL/door/human-v2.")

    @classmethod
    def named(cls, name: str, **options: Any) -> "Minari":
        """The data set called `name`. Without a namespace it must be on this machine, so that a misspelt name of
        another source is not taken for one of Minari's. Raises `ConfigError` otherwise.
        """
        found = cls(name=name, **options)
        if "/" not in name and found.present() is None:
            raise ConfigError(f"There is no data set {name!r}; `cfgrl data list` shows all names.")
        return found

    @property
    def _folder(self) -> pathlib.Path:
        """The folder of the two files; `dir` may also be that folder itself, or the one of the data set."""
        root = _root(self.dir)
        places = [root / self.name / "data", *([root / "data", root] if self.dir else [])]
        return next((place for place in places if (place / "main_data.hdf5").is_file()), places[0])

    def _require(self) -> tuple[pathlib.Path, Metadata]:
        """The data file and its metadata. Raises `DataError` that says where it looked and what to do."""
        path = self.present()
        if path is None:
            option = f" --dir {self.dir}" if self.dir else ""
            raise DataError(
                f"There is no {self._folder / 'main_data.hdf5'}: download it with `cfgrl data get {self.name}{option}`."
            )
        return path, read_metadata(path.with_name("metadata.json"))

    def load(self) -> "tuple[Data, Data | None]":
        """Read and check the episodes. Raises `DataError`."""
        path, about = self._require()
        return split_data(read_episodes(path, about, clip=self.clip_actions), self.validation, source=str(path))

    def provenance(self) -> dict[str, Any]:
        """Name, both files with their digests, and what was done to the actions."""
        path, about = self._require()
        record = {
            "actions": {"low": list(about.scale.low), "high": list(about.scale.high), "clip": self.clip_actions},
            "environment": None if about.played is None else about.played._asdict(),
        }
        described = [_files.describe(path), _files.describe(path.with_name("metadata.json"))]
        return {"name": self.name, "files": described, "origin": "unknown", "record": record}

    def present(self) -> pathlib.Path | None:
        """The data file where there is one."""
        path = self._folder / "main_data.hdf5"
        return path if path.is_file() else None

    @property
    def tasks(self) -> tuple[str, ...]:
        """The one task of the environment; none where there is no file, or one that names no environment known here."""
        return (TASK,) if self.present() is not None and self._require()[1].played is not None else ()

    def environment(self) -> Environment | None:
        """A new environment, of the spaces that the data have."""
        from ._gymnasium import GymnasiumEnvironment

        _, about = self._require()
        if about.played is None:
            return None
        identifier, steps, options = about.played
        made = GymnasiumEnvironment(identifier, task=TASK, max_steps=steps, options=options)
        for what, ours, theirs in zip(("observations", "actions"), about[1:3], made.spaces, strict=True):
            if shapes(ours) != shapes(theirs):
                raise DataError(
                    f"{self._folder}: its {what} have the shapes {shapes(ours)}, but those of {identifier} on this "
                    f"machine {shapes(theirs)}: another version recorded them."
                )
        return made

    def fetch(self) -> pathlib.Path:
        """Download the data set with the package `minari` into `dir`, or into Minari's own folder."""
        if (path := self.present()) is not None:
            print(f"{path} is already there; nothing to do.", file=sys.stderr)
            return path
        try:
            import minari

            with _downloads_to(_root(self.dir)):
                minari.download_dataset(self.name)
        except ImportError as error:
            raise DataError(f"A download needs a package that is missing ({error}).") from None
        except Exception as error:  # the package lets those of several services through
            reason = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
            raise DataError(
                f"{self.name} is not in {_root(self.dir)}, and cannot be downloaded ({reason}): connect this machine "
                "to a network, or copy the folder from a machine that is."
            ) from None
        return self._require()[0]


def _root(directory: str | None) -> pathlib.Path:
    if directory is not None:
        return pathlib.Path(directory).expanduser()
    return pathlib.Path(os.environ.get("MINARI_DATASETS_PATH") or "~/.minari/datasets").expanduser()


@contextlib.contextmanager
def _downloads_to(root: pathlib.Path) -> Iterator[None]:
    """The package knows its folder from the environment only."""
    before = os.environ.get("MINARI_DATASETS_PATH")
    os.environ["MINARI_DATASETS_PATH"] = str(root)
    try:
        yield
    finally:
        os.environ.pop("MINARI_DATASETS_PATH")
        if before is not None:
            os.environ["MINARI_DATASETS_PATH"] = before
