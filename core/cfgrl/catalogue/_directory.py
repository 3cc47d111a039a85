"""The directory of plugins: which distribution brings a component or preset that is not installed.

One TOML file, `directory.toml`, which the documentation lists too. Read only where a name is missing.
"""

import functools
import pathlib
import tomllib
from collections.abc import Mapping
from typing import NamedTuple

from cfgrl.catalogue._component import groups

FILE = pathlib.Path(__file__).with_name("directory.toml")


class Listed(NamedTuple):
    """A distribution of the directory.

    `brings` holds names for each family and for `presets`; `install` is the command that installs it; `home` is where
    it is kept; `api` is the version of the plugin interface that it is written for.
    """

    distribution: str
    summary: str
    install: str
    home: str
    api: int
    brings: Mapping[str, tuple[str, ...]]


@functools.cache
def directory() -> tuple[Listed, ...]:
    """All entries, in alphabetical order."""
    tables = tomllib.loads(FILE.read_text(encoding="utf-8")).get("plugin", {})
    return tuple(
        Listed(
            name, about["summary"], about["install"], about["home"], about["api"],
            {group: tuple(names) for group, names in about.items() if isinstance(names, list)},
        )
        for name, about in sorted(tables.items())
    )  # fmt: skip


def providers(family: str, name: str) -> list[Listed]:
    """The distributions that bring `name`; of any family where `family` is none."""
    return [
        listed
        for listed in directory()
        if any(name in names for group, names in listed.brings.items() if family == group or family not in groups())
    ]
