"""What is left to do of a sweep, as commands that wait for one another."""

import dataclasses
import pathlib
from collections.abc import Sequence

from cfgrl.sweeps._definition import Density
from cfgrl.sweeps._plan import Run
from cfgrl.sweeps._status import Status, status


@dataclasses.dataclass(frozen=True)
class Task:
    """One command.

    **Arguments:**

    - `name`: unique in a sweep: `train RUN`, `eval RUN`, `density RUN` or `data FOLDER/NAME`.
    - `words`: of the command line, after `cfgrl`.
    - `after`: names of the tasks that have to be done before.
    """

    name: str
    words: tuple[str, ...]
    after: tuple[str, ...] = ()


def tasks(
    runs: Sequence[Run], root: pathlib.Path, *, density: Density | None = None, registry: str | None = None
) -> list[Task]:
    """The tasks that are left, the most wanted first: those that the longest chain of others waits for.

    **Arguments:**

    - `density`: what `cfgrl density` measures of the runs that are shown.
    - `registry`: as `--registry` of the command line.
    """
    found: dict[str, Task] = {}
    states = {run.name: status(run, root, density) for run in runs}
    failed = {name for name, state in states.items() if state.failure is not None}
    for run in runs:
        if run.name not in failed and run.source not in failed:
            for task in _of(run, root, states[run.name], density, registry):
                found.setdefault(task.name, task)
    waiting = {name: sum(name in other.after for other in found.values()) for name in found}
    return sorted(found.values(), key=lambda task: -waiting[task.name])


def _of(run: Run, root: pathlib.Path, state: Status, density: Density | None, registry: str | None) -> list[Task]:
    directory, found, after = str(run.directory(root)), [], []
    trained, judged, measured = state.trained, state.judged or run.hidden, state.measured or run.hidden
    if run.generate is not None and not (trained and judged and measured):
        found.append(_generate(run, root))
        after.append(found[-1].name)
    if not trained:
        needed = [*after, *([] if run.source is None else [f"train {run.source}"])]
        extra = () if registry is None else ("--registry", registry)
        found.append(Task(f"train {run.name}", (*run.command(root), *extra), tuple(needed)))
        after = [found[-1].name]
    if not judged:
        found.append(Task(f"eval {run.name}", ("eval", directory, "--strict"), tuple(after)))
    if density is not None and not measured:
        found.append(Task(f"density {run.name}", ("density", directory, *density.words), tuple(after)))
    return found


def _generate(run: Run, root: pathlib.Path) -> Task:
    folder, made = run.folder(root), run.generate
    assert folder is not None and made is not None
    words = ["data", "generate", run.dataset, "--dir", str(folder), "--seed", str(made.seed)]
    words += [] if made.episodes is None else ["--episodes", str(made.episodes)]
    words += [f"{key}={float(value)!r}" for key, value in sorted(made.recipe.items())]
    return Task(f"data {folder.name}/{run.dataset}", tuple(words))
