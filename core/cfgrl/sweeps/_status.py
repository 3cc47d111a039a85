"""How far a run of a sweep is, read from its directory without importing jax."""

import json
import pathlib
from typing import Any, NamedTuple

from cfgrl._errors import NumericError
from cfgrl.runs import _journal
from cfgrl.sweeps._plan import Run


class Status(NamedTuple):
    """What is done of a run, and why it cannot go on where its numbers failed."""

    trained: bool
    judged: bool
    measured: bool
    failure: str | None


def status(run: Run, root: pathlib.Path) -> Status:
    """Read it from the disk; whoever trains there now has a run that is not trained yet."""
    directory = run.directory(root)
    trained = (directory / "checkpoints" / str(run.steps)).is_dir()
    error = _error(directory)
    failed = error is not None and error.get("exit_code") == NumericError.exit_code
    return Status(
        trained,
        trained and evaluation(run, root) is not None,
        trained and density(run, root) is not None,
        str(error.get("message", "")) if failed and error is not None else None,
    )


def evaluation(run: Run, root: pathlib.Path) -> dict[str, Any] | None:
    """The run's evaluation at its last update whose single episodes were kept; the first, which a sweep made."""
    directory = run.directory(root)
    kept = {record.get("time") for record in _journal.read(directory / "episodes.jsonl")}
    return next((r for r in _records(run, directory / "eval.jsonl") if r.get("time") in kept), None)


def episodes(run: Run, root: pathlib.Path) -> dict[str, Any] | None:
    """The single episodes of that evaluation."""
    record = evaluation(run, root)
    lines = _journal.read(run.directory(root) / "episodes.jsonl") if record is not None else []
    return next((line for line in lines if record is not None and line.get("time") == record["time"]), None)


def density(run: Run, root: pathlib.Path) -> dict[str, Any] | None:
    """What `cfgrl density` measured at the last update."""
    return next(iter(_records(run, run.directory(root) / "density.jsonl")), None)


def _records(run: Run, path: pathlib.Path) -> list[dict[str, Any]]:
    return [r for r in _journal.read(path) if r["step"] == run.steps and not r.get("during_training", False)]


def _error(directory: pathlib.Path) -> dict[str, Any] | None:
    try:
        found = json.loads((directory / "error.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None
