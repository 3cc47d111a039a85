"""`run_sweep`: finishes a sweep on this machine's cores, and records what came of it.

ROOT/runs/RUN      a run directory each, named by its configuration; sweeps share them
ROOT/data/FOLDER   generated data sets
ROOT/logs          what each command printed
ROOT/tasks.jsonl   one line a command that ended: how long it took, and how it ended
ROOT/NAME          sweep.json (which runs belong to it), results.json, report.html, figures/
"""

import math
import pathlib
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from cfgrl._errors import CheckpointError, ConfigError
from cfgrl.files import _machine
from cfgrl.files._lock import hold
from cfgrl.records import _journal
from cfgrl.sweeps import _pool
from cfgrl.sweeps._definition import Sweep
from cfgrl.sweeps._plan import Run
from cfgrl.sweeps._pool import Done
from cfgrl.sweeps._status import failure
from cfgrl.sweeps._tasks import tasks

SCHEMA = 1


class Ended(NamedTuple):
    """What came of a sweep: whether it was stopped, and the failed tasks or runs, each with its reason."""

    stopped: bool
    failures: dict[str, str]


def run_sweep(
    sweep: Sweep,
    runs: Sequence[Run],
    root: pathlib.Path,
    *,
    cores: int | None,
    memory: float | None,
    registry: str | None,
    say: Callable[[str], None],
    stopped: Callable[[], bool],
) -> Ended:
    """Do what is left; the caller holds the folder's lock.

    **Arguments:**

    - `cores`, `memory`: processor cores and GiB for all runs together; what is free if not given.
    - `registry`: as `--registry`, for the runs' own commands.
    - `say`: takes a line of progress; `stopped`: whether a signal asked to stop.

    **Raises:** `ConfigError` where there is no room for a single run.
    """
    left = tasks(runs, root, density=sweep.density, registry=registry)
    failures = {run.name: reason for run in runs if (reason := failure(run.directory(root))) is not None}
    for name, reason in failures.items():
        say(f"{name} failed by its numbers, which repeat, and is not tried again: {reason}")
    if not left:
        return Ended(False, failures)
    slots = _slots(sweep, cores, memory)
    say(f"{len(left)} tasks on {len(slots)} × {sweep.cores} cores, at most {sweep.memory:g} GiB each")
    told = _Told(len(left), say)

    def finished(done: Done) -> None:
        entry = {"step": 0, "task": done.task.name, "code": done.code, "seconds": round(done.seconds, 2)}
        entry |= {"gib": round(done.memory, 3), "cores": sweep.cores, "time": time.time()}
        _journal.append(root / "tasks.jsonl", [entry])
        told.finished(done)
        failures.pop(done.task.name, None)
        if done.code and not (done.code == 75 and stopped()):
            failures[done.task.name] = _reason(done, sweep.memory)

    _pool.work(left, root / "logs", slots=slots, memory=sweep.memory, finished=finished, stopped=stopped)
    return Ended(stopped(), failures)


def _slots(sweep: Sweep, cores: int | None, memory: float | None) -> list[list[int]]:
    usable = _machine.cores()
    if cores is not None:
        usable = usable[:cores]
    free = (_machine.free_memory() or math.inf) / 2**30 if memory is None else memory
    slots = _pool.places(usable, each=sweep.cores, memory=free, each_memory=sweep.memory)
    if not slots:
        raise ConfigError(
            f"A run of this sweep takes {sweep.cores} cores and up to {sweep.memory:g} GiB, and there are "
            f"{len(usable)} and {free:.1f}: lower its `cores` or `memory`, or give --cores and --memory more."
        )
    return slots


def _reason(done: Done, memory: float) -> str:
    """Why a command failed: the last thing it said."""
    if done.code == _pool.OUT_OF_MEMORY and done.memory > memory:
        return f"it took {done.memory:.1f} GiB, more than the sweep's `memory` of {memory:g}; see {done.log}"
    lines = [line for line in _tail(done.log) if line.startswith("cfgrl: error:")]
    ended = f"ended by signal {done.code - 128}" if done.code > 128 else f"exit code {done.code}"
    said = lines[-1].removeprefix("cfgrl: error: ") if lines else ended
    return f"{said} (see {done.log})"


def _tail(path: pathlib.Path) -> list[str]:
    """What the last command in a log said."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
        return text[text.rfind("\n$ cfgrl ") + 1 :][-20_000:].splitlines()
    except OSError:
        return []


class _Told:
    """Progress, a line a task that ended."""

    def __init__(self, total: int, say: Callable[[str], None]):
        self._total, self._say, self._count, self._began = total, say, 0, time.monotonic()

    def finished(self, done: Done) -> None:
        self._count += 1
        elapsed = time.monotonic() - self._began
        state = "done" if done.code == 0 else f"exit code {done.code}"
        self._say(
            f"[{elapsed:6.0f} s] {self._count}/{self._total} {done.task.name}: {state} in {done.seconds:.0f} s, "
            f"{done.memory:.1f} GiB"
        )


@contextmanager
def locked(root: pathlib.Path) -> Iterator[None]:
    """Hold a sweep folder. Raises `LockedError` naming the holder, `ConfigError` where it cannot be made."""
    try:
        root.mkdir(parents=True, exist_ok=True)
        (root / ".lock").touch()
    except OSError as error:
        raise ConfigError(f"{root} cannot be used: {error.strerror}. Choose another --dir.") from error
    with hold(root, "choose another --dir"):
        yield


def write_plan(name: str, sweep: Sweep, runs: Sequence[Run], root: pathlib.Path, command: Sequence[str]) -> None:
    """Write `ROOT/NAME/sweep.json`: all that is needed to read the sweep's results without the registry."""
    folder = root / name
    folder.mkdir(parents=True, exist_ok=True)
    content: dict[str, Any] = {
        "schema": SCHEMA,
        "sweep": name,
        "summary": sweep.summary,
        "command": list(command),
        "reference": sweep.reference or next(iter(sweep.arms)),
        "data": {label: data.model_dump() for label, data in sweep.sources.items()},
        "seeds": sweep.seeds,
        "set": sweep.set,
        "cores": sweep.cores,
        "density": None if sweep.density is None else sweep.density.model_dump(),
        "runs": [_entry(run, root) for run in runs],
    }
    _journal.write_json(folder / "sweep.json", content)


def _entry(run: Run, root: pathlib.Path) -> dict[str, Any]:
    entry = {"name": run.name, "arm": run.arm, "data": run.data, "label": run.label, "varied": dict(run.varied)}
    entry |= {"preset": run.preset, "dataset": run.dataset, "source": run.source, "steps": run.steps}
    entry |= {"judging": dict(run.judging)}
    return entry | {"hidden": run.hidden, "command": ["cfgrl", *run.command(root)]}


def core_seconds(root: pathlib.Path) -> dict[str, float]:
    """Seconds × cores that each task took, with what it took before it was stopped and resumed, by its name.

    **Raises:** `CheckpointError` for a broken file.
    """
    found: dict[str, float] = {}
    try:
        for line in _journal.read(root / "tasks.jsonl"):
            if line["code"] in (0, 75):
                name = str(line["task"])
                found[name] = found.get(name, 0.0) + float(line["seconds"]) * int(line["cores"])
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{root / 'tasks.jsonl'} has a line of another form ({error}).") from error
    return found
