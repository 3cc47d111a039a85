"""What a run's folder holds that a sweep asked for: evaluations and densities with just the sweep's settings.

Somebody may have judged the same run by hand, with other weights or episodes: those records are not the sweep's.
"""

import json
import pathlib
from collections.abc import Mapping
from typing import Any

from cfgrl.records import _journal
from cfgrl.records._layout import RunFiles, require_plain

Record = dict[str, Any]


def trained(directory: pathlib.Path, steps: int) -> bool:
    """Whether the last checkpoint is there; whether it is whole is found out by who reads it."""
    return (RunFiles(directory).checkpoints / str(steps)).is_dir()


def evaluation(directory: pathlib.Path, steps: int, judging: Mapping[str, Any]) -> Record | None:
    """The single episodes of the first evaluation at the last update that was made as the table `judging` says."""
    require_plain(directory)
    files = RunFiles(directory)
    episodes = {line.get("time"): line for line in _journal.read(files.episodes)}
    for record in _at(files.evaluations, steps):
        if record.get("time") in episodes and _as_asked(record, judging, directory):
            return episodes[record["time"]]
    return None


def density(directory: pathlib.Path, steps: int, asked: Mapping[str, Any]) -> Record | None:
    """The first measurement at the last update with these rows, samples, weights and steps of the sampler."""
    require_plain(directory)
    for record in _at(RunFiles(directory).density, steps):
        same = record.get("samples") == asked["samples"] and record.get("seed") == 0
        same = same and record.get("steps") == asked.get("steps")
        few = record.get("rows_asked", record.get("rows")) == asked["rows"]
        if same and few and _weights(record, asked["weights"]):
            return record
    return None


def _at(path: pathlib.Path, steps: int) -> list[Record]:
    return [r for r in _journal.read(path) if r["step"] == steps and not r.get("during_training", False)]


def _as_asked(record: Record, judging: Mapping[str, Any], directory: pathlib.Path) -> bool:
    tasks, played = judging["tasks"], record.get("tasks_played", [])
    known = _tasks(directory)
    numbered = [known[int(t) - 1] if str(t).isdecimal() and 0 < int(t) <= len(known) else str(t) for t in tasks]
    same = record.get("eval_seed") == 0 and record.get("episodes_per_cell") == judging["episodes"]
    return same and sorted(played) == sorted(set(numbered or known)) and _weights(record, judging["weights"])


def _weights(record: Record, wanted: Any) -> bool:
    """Whether it is of these weights, or of an agent without a dial; `None` stands for whatever the run's are."""
    found = [entry.get("weight") for entry in record.get("results", []) if isinstance(entry, dict)]
    return found == [None] or (bool(found) and (wanted is None or found == sorted(set(wanted))))


def _tasks(directory: pathlib.Path) -> list[str]:
    """The data set's tasks, as the manifest names them."""
    try:
        found = json.loads(RunFiles(directory).manifest_file.read_text(encoding="utf-8")).get("tasks", [])
    except (OSError, ValueError, AttributeError):
        return []
    return [str(task) for task in found] if isinstance(found, list) else []
