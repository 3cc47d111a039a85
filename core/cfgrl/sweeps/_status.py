"""How far a run of a sweep is, read from its directory without importing jax."""

import json
import pathlib
from typing import Any, NamedTuple

from cfgrl._errors import NumericError
from cfgrl.records._layout import RunFiles
from cfgrl.sweeps import _records
from cfgrl.sweeps._definition import Density
from cfgrl.sweeps._plan import Run


class Status(NamedTuple):
    """What is done of a run, and why it cannot go on where its numbers failed."""

    trained: bool
    judged: bool
    measured: bool
    failure: str | None


def status(run: Run, root: pathlib.Path, density: Density | None = None) -> Status:
    """Read it from the disk; `density` is what is to be measured of it."""
    directory = run.directory(root)
    trained = _records.trained(directory, run.steps)
    judged = trained and _records.evaluation(directory, run.steps, run.judging) is not None
    asked = None if density is None else density.model_dump()
    measured = asked is None or (trained and _records.density(directory, run.steps, asked) is not None)
    return Status(trained, judged, measured, failure(directory))


def failure(directory: pathlib.Path) -> str | None:
    """The message of a run that stopped because of its numbers."""
    try:
        found: Any = json.loads(RunFiles(directory).error.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    failed = isinstance(found, dict) and found.get("exit_code") == NumericError.exit_code
    return str(found.get("message", "")) if failed else None
