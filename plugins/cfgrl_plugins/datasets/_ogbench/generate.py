"""Making a data set on this machine: all or nothing, once, and never over somebody else's file."""

import contextlib
import dataclasses
import importlib.metadata
import os
import pathlib
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np

from cfgrl import ConfigError, DataError

from .. import _files as files
from . import locate, recipes, rollouts
from .names import Entry
from .recipe import Recipe


def can_generate(entry: Entry) -> bool:
    """Whether the package ships what is needed to make this data set."""
    return recipes.published(entry) is not None


def generate(
    entry: Entry,
    directory: pathlib.Path | None,
    *,
    episodes: int | None,
    seed: int,
    workers: int | None = None,
    changes: Mapping[str, float] = {},
) -> pathlib.Path:
    """Make a data set, or find that it has been made.

    **Arguments:**

    - `entry`: which one.
    - `directory`: where to; `None` for the user's cache.
    - `episodes`: training episodes; `None` for the published number.
    - `seed`: decides every byte, together with the versions that the record names.
    - `workers`: processes; `None` for one a core. The bytes do not depend on it.
    - `changes`: numbers of the recipe that are not to be as published.

    **Returns:** the training file.

    **Raises:** `DataError` where it cannot be made, or where another file is in the way; `ConfigError` for a number
    that the recipe does not have, or one out of its range.
    """
    recipe = recipes.published(entry)
    if recipe is None:
        raise DataError(
            f"{entry.file} cannot be generated on this machine: its recipe needs a trained expert, which no package "
            f"ships; download it with `cfgrl data get {entry.file}`."
        )
    recipe = recipe.changed(entry.file, changes)
    if episodes is not None:
        recipe = dataclasses.replace(recipe, episodes=episodes)
    if recipe.episodes < 1 or seed < 0:
        raise ConfigError("--episodes must be at least 1 and --seed at least 0.")
    making = {"name": entry.file, "seed": seed, "recipe": recipe.described()}
    directory = locate.generated_directory() if directory is None else directory.expanduser()
    training = locate.paths(directory, entry.file)[0]
    with files.locked(directory, entry.file):
        if _is_there(entry.file, directory, making):
            print(f"{training} is already there, made the same way; nothing to do.", file=sys.stderr)
        else:
            _make(entry.file, directory, making, recipe, seed, workers or len(os.sched_getaffinity(0)))
    return training


def _is_there(file: str, directory: pathlib.Path, making: dict[str, Any]) -> bool:
    """Whether the same data set exists, whole. Raises `DataError` if another file is in the way."""
    training, validation, record_path = locate.paths(directory, file)
    present = [path for path in (training, validation) if path.exists()]
    record = locate.read_record(record_path)
    if record is None or record.get("origin") != "generated":
        if present or record is not None:
            raise DataError(f"{(present or [record_path])[0]} was not generated here and is left alone: {_aside(file)}")
        return False
    differs = [key for key in making if record.get(key) != making[key]]
    if differs and present:
        raise DataError(f"{present[0]} was made with another {' and '.join(differs)}: {_aside(file)}")
    for path in present:
        if not differs and not locate.matches(record, path):
            raise DataError(f"{path} has changed since it was made: delete it and run this again.")
    return len(present) == 2


def _aside(file: str) -> str:
    return f"choose another folder with --dir, or move {file}.npz, {file}-val.npz and {file}.json away first."


def _make(file: str, directory: pathlib.Path, making: dict[str, Any], recipe: Recipe, seed: int, workers: int) -> None:
    """Write the two files and, before they get their names, the record that says what they are."""
    training, validation, record_path = locate.paths(directory, file)
    episodes = rollouts.make(recipe, seed=seed, workers=workers, label=file, directory=directory)
    with contextlib.ExitStack() as stack:
        written = {}
        for path, rows in zip((training, validation), episodes, strict=True):
            written[path] = stack.enter_context(files.temporary(directory, file))
            files.write_npz(written[path], _columns(rows))
        record = {
            "origin": "generated",
            **making,
            "versions": {package: importlib.metadata.version(package) for package in recipe.packages},
            "files": files.summaries(written),
        }
        # The training file comes last: it is what says that a data set is there.
        files.put_in_place(record_path, record, {path: written[path] for path in (validation, training)})


def _columns(episodes: np.ndarray) -> dict[str, np.ndarray]:
    """Episodes of rows as the members of a published file, in their order."""
    terminals = np.zeros(episodes.shape, bool)
    terminals[:, -1] = True
    flat = episodes.reshape(-1)
    members = {name: flat[name] for name in flat.dtype.names or ()}
    return {
        "observations": members.pop("observations"),
        "actions": members.pop("actions"),
        "terminals": terminals.reshape(-1),
        **members,
    }
