"""Names of ExORL's data sets: DOMAIN-ALGORITHM-TASK, for instance `cheetah-rnd-run-backward`."""

import difflib
import re
from collections.abc import Mapping
from typing import NamedTuple

from cfgrl import ConfigError

#: The tasks of each domain. Those of dm_control's suite first, then ExORL's own.
TASKS: Mapping[str, tuple[str, ...]] = {
    "walker": ("stand", "walk", "run", "flip"),
    "quadruped": ("walk", "run", "stand", "jump", "roll", "roll-fast"),
    "cheetah": ("run", "run-backward", "flip", "flip-backward"),
    "cartpole": ("balance", "balance-sparse", "swingup", "swingup-sparse"),
    "hopper": ("stand", "hop"),
    "point_mass": ("easy",),
    "jaco": ("reach-top-left", "reach-top-right", "reach-bottom-left", "reach-bottom-right"),
}
#: The algorithms that explored, as the published folders are called, which `cfgrl data list` names.
LISTED: Mapping[str, str] = {"rnd": "explored by RND", "random": "random actions, can be made here"}
#: Of the algorithms the one that needs no trained agent.
RANDOM = "random"
_ALGORITHM = re.compile(r"[a-z][a-z0-9_]*")


class Name(NamedTuple):
    """A name in its parts."""

    domain: str
    algorithm: str
    task: str


def catalogue() -> dict[str, str]:
    """Names with a summary each; names of other algorithms follow the same pattern."""
    return {
        f"{domain}-{algorithm}-{task}": f"{domain}, {about}; rewards of {task}"
        for domain, tasks in TASKS.items()
        for algorithm, about in LISTED.items()
        for task in tasks
    }


def parse(name: str) -> Name:
    """Take a name apart. Raises `ConfigError` with the closest names."""
    domain, algorithm, task = (*name.split("-", 2), "", "")[:3]
    if domain in TASKS and _ALGORITHM.fullmatch(algorithm) and task in TASKS[domain]:
        return Name(domain, algorithm, task)
    if domain in TASKS and task and _ALGORITHM.fullmatch(algorithm):
        raise ConfigError(f"ExORL's {domain} has no task {task!r} here; it has {', '.join(TASKS[domain])}.")
    close = difflib.get_close_matches(name, catalogue(), n=1)
    meant = f"; did you mean {close[0]!r}?" if close else ", such as 'walker-rnd-run'."
    raise ConfigError(f"{name!r} is no name of an ExORL data set (DOMAIN-ALGORITHM-TASK){meant}")
