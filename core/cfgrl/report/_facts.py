"""Where a run comes from, in rows and sentences: its manifest, its training, its evaluation."""

import datetime
import shlex
from collections.abc import Mapping
from typing import Any

from cfgrl.records._run import RunRecord
from cfgrl.report._format import agents, count


def facts(run: RunRecord) -> list[tuple[str, str]]:
    """The rows that most readers look for, from the manifest; a row is left out where nothing was recorded."""
    manifest = run.manifest
    dataset = manifest.get("dataset")
    dataset = dataset if isinstance(dataset, Mapping) else {}
    command = manifest.get("command")
    rows = [
        ("preset", run.preset),
        ("data set", run.dataset),
        ("origin", as_text(dataset.get("origin"))),
        *(_file(entry) for entry in dataset.get("files") or [] if isinstance(entry, Mapping)),
        ("begun", as_text(manifest.get("created"))),
        ("command", shlex.join(map(str, command)) if isinstance(command, list) else as_text(command)),
        ("versions", as_text(manifest.get("versions"))),
        ("machine", as_text(manifest.get("platform"))),
        ("git commit", as_text(manifest.get("git"))),
        ("run directory", str(run.path)),
    ]
    return [(name, value) for name, value in rows if value]


def flat(table: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """A nested table as rows of dotted names."""
    rows: list[tuple[str, str]] = []
    for name, value in table.items():
        if isinstance(value, Mapping):
            rows += flat(value, f"{prefix}{name}.")
        else:
            rows.append((prefix + str(name), as_text(value)))
    return rows


def training(run: RunRecord) -> str:
    """How far a run was trained, how fast, and how its losses ended."""
    if not run.metrics:
        return f"{run.label} has no metrics yet."
    last = run.metrics[-1]
    seeds = {record["seed"] for record in run.metrics}
    planned = run.config.get("train", {}).get("steps")
    of = f" of {planned:,}" if isinstance(planned, int) else ""
    rates = [
        r["run/train/updates_per_second"] for r in run.metrics if _is_number(r.get("run/train/updates_per_second"))
    ]
    # The first chunk also compiles; the median is the rate of all the others.
    rate = f", {sorted(rates)[len(rates) // 2]:,.0f} updates a second" if rates else ""
    text = f"{run.label}: {last['step']:,}{of} updates, {count(len(seeds), 'agent seed')}{rate}"
    return f"{text}{_ending(run, last['step'])}."


def evaluated(run: RunRecord, record: Mapping[str, Any]) -> str:
    """Which evaluation is shown."""
    episodes = record["results"][0]["episodes"]
    tasks = len(record["results"][0]["tasks"])
    text = f"{count(episodes, 'episode')} for each w: {count(agents(dict(record)), 'agent')}, {count(tasks, 'task')}"
    if isinstance(record.get("step"), int):
        text += f", after update {record['step']:,}"
    if _is_number(record.get("time")):
        moment = datetime.datetime.fromtimestamp(record["time"], datetime.UTC)
        text += f", on {moment:%Y-%m-%d %H:%M} UTC"
    if record.get("during_training"):
        text += ", during training"
    others = len(run.evaluations) - 1
    return text + (f". {count(others, 'other evaluation')} in eval.jsonl." if others else ".")


def _ending(run: RunRecord, step: int) -> str:
    """The losses at the last update, mean over the seeds."""
    final = [record for record in run.metrics if record["step"] == step]
    names = sorted(name for name in final[-1] if name.endswith("guidance/loss") or name.endswith("validation/loss"))
    parts = []
    for name in names:
        values = [record[name] for record in final if _is_number(record.get(name))]
        if values:
            parts.append(f"{name} {sum(values) / len(values):.4f}")
    return f"; at the end {', '.join(parts)}" if parts else ""


def _file(entry: Mapping[str, Any]) -> tuple[str, str]:
    size = f"{entry['bytes']:,} bytes" if isinstance(entry.get("bytes"), int) else ""
    digest = f"SHA-256 {entry['sha256']}" if entry.get("sha256") else ""
    return ("file", ", ".join(filter(None, (str(entry.get("path", "")), size, digest))))


def as_text(value: Any) -> str:
    """A value of a manifest in one line: tables and lists flat, nothing for `None`."""
    if value is None:
        return ""
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {as_text(entry)}" for name, entry in value.items() if entry is not None)
    if isinstance(value, list | tuple):
        return ", ".join(map(as_text, value))
    return str(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
