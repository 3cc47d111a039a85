"""The data sets of D4RL: what their files are called, how wide a row is, where a policy can be judged.

Facts of D4RL's own list (`d4rl/infos.py`). Returns of a random and of an expert policy are those that its normalised
score is made of: 100 · (return − random) / (expert − random).
"""

import difflib
from collections.abc import Iterator
from typing import NamedTuple

from cfgrl import ConfigError

#: The server's folder below which D4RL's files lie.
SERVER = "http://rail.eecs.berkeley.edu/datasets/offline_rl"


class Family(NamedTuple):
    """What the data sets of one environment have in common.

    `environment` is the Gymnasium environment that took the place of D4RL's, `None` if there is none whose
    observations have the same form.
    """

    summary: str
    observation: int
    action: int
    random: float
    expert: float
    environment: str | None = None


class Entry(NamedTuple):
    """A data set: its family, and its file on the server, `folder/file`."""

    family: Family
    kind: str
    published: str

    @property
    def file(self) -> str:
        """The name under which D4RL's own downloader stores it."""
        return self.published.rpartition("/")[2]

    @property
    def summary(self) -> str:
        """One line for a person."""
        return f"{self.family.summary}, {self.kind}"


_LOCOMOTION = {
    "halfcheetah": Family("half cheetah", 17, 6, -280.178953, 12135.0, "HalfCheetah-v5"),
    "hopper": Family("hopper", 11, 3, -20.272305, 3234.3, "Hopper-v5"),
    "walker2d": Family("walker", 17, 6, 1.629008, 4592.3, "Walker2d-v5"),
    # 84 of the 111 numbers are contact forces, of which Ant-v5 has 78.
    "ant": Family("ant", 111, 8, -325.6, 3879.7),
}
_HANDS = {
    "pen": Family("Adroit hand, pen", 45, 24, 96.262799, 3076.8331017826877),
    "hammer": Family("Adroit hand, hammer", 46, 26, -274.856578, 12794.134825156867),
    "door": Family("Adroit hand, door", 39, 28, -56.512833, 2880.5693087298737),
    "relocate": Family("Adroit hand, relocate", 39, 30, -6.425911, 4233.877797728884),
}
_ANT_MAZE = Family("ant maze", 29, 8, 0.0, 1.0)
_KITCHEN = Family("Franka kitchen", 60, 9, 0.0, 4.0)
_POINT_MAZES = {
    "umaze": (Family("point maze", 4, 2, 23.85, 161.86), Family("point maze", 4, 2, 68.537689, 193.66285642381482)),
    "medium": (Family("point maze", 4, 2, 13.13, 277.39), Family("point maze", 4, 2, 44.264742, 297.4552547777125)),
    "large": (Family("point maze", 4, 2, 6.7, 273.99), Family("point maze", 4, 2, 30.569041, 303.4857382709002)),
}
#: In file names the ant's mazes have other names, and say whether starts and goals vary.
_ANT_MAZES = {
    "umaze": ("u-maze", False, False),
    "umaze-diverse": ("u-maze", True, True),
    "medium-play": ("big-maze", True, False),
    "medium-diverse": ("big-maze", True, True),
    "large-play": ("hardest-maze", True, False),
    "large-diverse": ("hardest-maze", True, True),
}
_KITCHENS = {
    "complete": "mini_kitchen_microwave_kettle_light_slider-v0",
    "partial": "kitchen_microwave_kettle_light_slider-v0",
    "mixed": "kitchen_microwave_kettle_bottomburner_light-v0",
}


def _entries() -> Iterator[tuple[str, Entry]]:
    for name, family in _LOCOMOTION.items():
        for kind in ("random", "medium", "medium-replay", "full-replay", "medium-expert", "expert"):
            file = f"gym_mujoco_v2/{name}_{kind.replace('-', '_')}-v2.hdf5"
            yield f"{name}-{kind}-v2", Entry(family, kind, file)
    for kind, (maze, starts, goals) in _ANT_MAZES.items():
        file = f"ant_maze_v2/Ant_maze_{maze}_noisy_multistart_{starts}_multigoal_{goals}_sparse_fixed.hdf5"
        yield f"antmaze-{kind}-v2", Entry(_ANT_MAZE, kind, file)
    for name, family in _HANDS.items():
        for kind in ("human", "cloned", "expert"):
            yield f"{name}-{kind}-v1", Entry(family, kind, f"hand_dapg_v1/{name}-{kind}-v1.hdf5")
    for kind, file in _KITCHENS.items():
        yield f"kitchen-{kind}-v0", Entry(_KITCHEN, kind, f"kitchen/{file}.hdf5")
    for size, (sparse, dense) in _POINT_MAZES.items():
        yield f"maze2d-{size}-v1", Entry(sparse, f"{size}, sparse rewards", f"maze2d/maze2d-{size}-sparse-v1.hdf5")
        yield f"maze2d-{size}-dense-v1", Entry(dense, f"{size}, dense rewards", f"maze2d/maze2d-{size}-dense-v1.hdf5")


ENTRIES: dict[str, Entry] = dict(_entries())


def find(name: str) -> Entry:
    """The data set called `name`. Raises `ConfigError` with the closest name."""
    if name in ENTRIES:
        return ENTRIES[name]
    close = difflib.get_close_matches(name, ENTRIES, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else "."
    raise ConfigError(f"There is no data set {name!r} in D4RL{hint} `cfgrl data list` shows all names.")
