"""Which OGBench data sets there are, and what their names mean.

`pointmaze-medium-navigate-v0`, `pointmaze-medium-navigate-oraclerep-v0` and
`pointmaze-medium-navigate-singletask-task2-v0` are one file, seen as a goal-conditioned or as a single-task problem.
"""

import dataclasses
import difflib
import re
from typing import NamedTuple

from cfgrl import ConfigError

#: Every data set of OGBench is judged by five tasks.
TASKS = ("task1", "task2", "task3", "task4", "task5")
#: What the names of data sets and environments with images begin with.
VISUAL = "visual-"
_NAME = re.compile(r"(?P<body>[a-z0-9-]+?)(?:-oraclerep|(?P<single>-singletask)(?:-(?P<task>task[1-5]))?)?-v0")


class Widths(NamedTuple):
    """Sizes of one row."""

    observation: int
    action: int
    goal: int


class _Family(NamedTuple):
    layouts: dict[str, Widths]  # by the part between the family's name and the kind of data; "" where there is none
    kinds: tuple[str, ...]
    agent: str


_POINT, _ANT, _HUMANOID = Widths(2, 2, 2), Widths(29, 8, 2), Widths(69, 21, 2)
_FAMILIES = {
    "pointmaze": _Family(
        dict.fromkeys(("medium", "large", "giant", "teleport"), _POINT), ("navigate", "stitch"), "a point mass"
    ),
    "antmaze": _Family(
        dict.fromkeys(("medium", "large", "giant", "teleport"), _ANT), ("navigate", "stitch", "explore"), "an ant"
    ),
    "humanoidmaze": _Family(
        dict.fromkeys(("medium", "large", "giant"), _HUMANOID), ("navigate", "stitch"), "a humanoid"
    ),
    "antsoccer": _Family(
        dict.fromkeys(("arena", "medium"), Widths(42, 8, 2)), ("navigate", "stitch"), "an ant and a ball"
    ),
    "cube": _Family(
        {
            "single": Widths(28, 5, 3),
            "double": Widths(37, 5, 6),
            "triple": Widths(46, 5, 9),
            "quadruple": Widths(55, 5, 12),
        },
        ("play", "noisy"),
        "an arm and cubes",
    ),
    "scene": _Family({"": Widths(40, 5, 7)}, ("play", "noisy"), "an arm, a cube, a drawer, a window and buttons"),
    "puzzle": _Family(
        {"3x3": Widths(55, 5, 9), "4x4": Widths(83, 5, 16), "4x5": Widths(99, 5, 20), "4x6": Widths(115, 5, 24)},
        ("play", "noisy"),
        "an arm and a puzzle of buttons",
    ),
}
_NOT_PUBLISHED = {"antmaze-giant-explore-v0"}
#: Families whose data sets exist a second time, seen by a camera.
_VISUAL = ("antmaze", "humanoidmaze", "cube", "scene", "puzzle")
#: Height, width and channels of what the camera sees.
PIXELS = (64, 64, 3)
#: OGBench's own choice where `singletask` names no task, by family or layout; elsewhere the first.
_DEFAULT_TASKS = {"antsoccer": 4, "cube": 2, "scene": 2, "puzzle": 2, "3x3": 4, "4x4": 4}
_KINDS = {
    "navigate": "reaches one goal after another",
    "stitch": "short paths only, to be stitched together",
    "explore": "wanders in random directions",
    "play": "an expert plays with noise",
    "noisy": "a noisier expert plays",
}


@dataclasses.dataclass(frozen=True)
class Entry:
    """What a data set's name says.

    **Arguments:**

    - `file`: the file's name without `.npz`, which is the name without `oraclerep` and `singletask`.
    - `environment`: the name of the environment in Gymnasium.
    - `family`, `layout`, `kind`: the parts of the name.
    - `widths`: sizes of one row of the state's form.
    - `visual`: whether observations are images.
    """

    file: str
    environment: str
    family: str
    layout: str
    kind: str
    widths: Widths
    visual: bool = False

    @property
    def observation(self) -> tuple[int, ...]:
        """The shape of an observation."""
        return PIXELS if self.visual else (self.widths.observation,)

    @property
    def states(self) -> str:
        """The Gymnasium name of the same environment with states for observations."""
        return self.environment.removeprefix(VISUAL)

    @property
    def default_task(self) -> str:
        """The task of the single-task form where the name gives none."""
        return f"task{_DEFAULT_TASKS.get(self.layout, _DEFAULT_TASKS.get(self.family, 1))}"

    @property
    def summary(self) -> str:
        """One line for a list."""
        place = f" ({self.layout})" if self.layout else ""
        seen = ", seen by a camera" if self.visual else ""
        return f"{_FAMILIES[self.family].agent}{place}: {_KINDS[self.kind]}{seen}"


def _entries() -> dict[str, Entry]:
    entries = {}
    for family, (layouts, kinds, _) in _FAMILIES.items():
        for layout, widths in layouts.items():
            for kind in kinds:
                place = "-".join(part for part in (family, layout) if part)
                file = f"{place}-{kind}-v0"
                if file not in _NOT_PUBLISHED:
                    entry = Entry(file, f"{place}-v0", family, layout, kind, widths)
                    entries[file] = entry
    seen = [entry for entry in entries.values() if entry.family in _VISUAL]
    return entries | {VISUAL + entry.file: _by_camera(entry) for entry in seen}


def _by_camera(entry: Entry) -> Entry:
    names = {"file": VISUAL + entry.file, "environment": VISUAL + entry.environment}
    return dataclasses.replace(entry, **names, visual=True)


ENTRIES = _entries()


class Parsed(NamedTuple):
    """A name taken apart.

    `entry` is the file it means; `task` is the one task of the single-task form, `None` in the goal-conditioned form.
    """

    entry: Entry
    task: str | None


def parse(name: str) -> Parsed:
    """Take a data set's name apart. Raises `ConfigError` with the closest names."""
    match = _NAME.fullmatch(name)
    entry = ENTRIES.get(f"{match['body']}-v0") if match else None
    if match and entry:
        return Parsed(entry, (match["task"] or entry.default_task) if match["single"] else None)
    if name.startswith("powderworld"):
        raise ConfigError(
            f"The OGBench data set {name!r} has discrete actions, and generative policies here act in a box: "
            "`cfgrl data list` shows what there is."
        )
    close = difflib.get_close_matches(name, ENTRIES, n=3, cutoff=0.5)
    if close:
        raise ConfigError(f"There is no OGBench data set {name!r}; did you mean {' or '.join(map(repr, close))}?")
    raise ConfigError(f"There is no OGBench data set {name!r}: `cfgrl data list` shows all names.")
