"""Reading run directories: everything that a report needs, checked, or an error that names file and line.

A run may be young: metrics, evaluations and rollouts can all be missing. A last line that a kill cut short is left out;
any other broken line is an error, because a page with silently missing evidence would be worse than none.
"""

import dataclasses
import json
import os
import pathlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from cfgrl._errors import CheckpointError, ConfigError
from cfgrl.config._toml import parse_toml
from cfgrl.records._layout import RunFiles, require_plain
from cfgrl.records._manifest import SCHEMA
from cfgrl.records._schema import (
    Config,
    Manifest,
    Rollouts,
    Stopped,
    complaint,
    evaluation_complaint,
    metrics_complaint,
)

#: A million updates of many losses and seeds, logged often, make a tenth of it.
LARGEST_FILE = 512 << 20
_ROLLOUT = ("weight", "task", "success", "positions")


@dataclasses.dataclass(frozen=True)
class RunRecord:
    """One run directory, read.

    **Arguments:**

    - `path`: the directory, as it was named.
    - `label`: what it is called on the page.
    - `number`: its position among the runs read together; decides its colour in every figure.
    - `manifest`, `config`: parsed; `config_text` is the file itself.
    - `metrics`, `evaluations`: the lines of `metrics.jsonl` and `eval.jsonl`, oldest first.
    - `rollouts`: floor plan and positions, or `None`.
    - `error`: what stopped the run, or `None`.
    """

    path: pathlib.Path
    label: str
    manifest: Mapping[str, Any]
    config: Mapping[str, Any]
    config_text: str
    metrics: tuple[dict[str, Any], ...] = ()
    evaluations: tuple[dict[str, Any], ...] = ()
    rollouts: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    number: int = 0

    @property
    def evaluation(self) -> dict[str, Any] | None:
        """The evaluation that is shown: the last one asked for, else the last one made during training."""
        asked = [record for record in self.evaluations if not record.get("during_training", False)]
        return (asked or list(self.evaluations) or [None])[-1]

    @property
    def measure(self) -> str:
        """What its evaluation measures: "success" or "return"."""
        return "success" if self.evaluation is None else self.evaluation.get("measure", "success")

    @property
    def preset(self) -> str:
        """Name of the preset it was trained with."""
        return str(self.manifest.get("preset") or self.config.get("preset") or "own configuration")

    @property
    def dataset(self) -> str:
        """Name of its data set."""
        recorded, configured = self.manifest.get("dataset"), self.config.get("dataset")
        for table, name in ((recorded, "name"), (configured, "name"), (configured, "use")):
            if isinstance(table, Mapping) and table.get(name):
                return str(table[name])
        return "unknown data set"


def load_runs(paths: Iterable[str | os.PathLike[str]]) -> list[RunRecord]:
    """Read several run directories; those that share a name are told apart by the folders above.

    **Raises:** as `load_run`, and `ConfigError` where a run is named twice.
    """
    runs = [load_run(path) for path in paths]
    places = [run.path.resolve() for run in runs]
    twice = [str(run.path) for index, run in enumerate(runs) if places[index] in places[:index]]
    if twice:
        raise ConfigError(f"{twice[0]} is named twice; name each run directory once.")
    labels = _labels(places)
    pairs = zip(runs, labels, strict=True)
    return [dataclasses.replace(run, label=label, number=number) for number, (run, label) in enumerate(pairs)]


def _labels(places: Sequence[pathlib.Path]) -> list[str]:
    """The end of each path, with as many folders as tell it from all the others."""
    labels = []
    for place in places:
        others = [other.parts for other in places if other != place]
        parts = place.parts
        depth = next(n for n in range(1, len(parts) + 1) if all(other[-n:] != parts[-n:] for other in others))
        labels.append(str(pathlib.PurePath(*parts[-depth:])))
    return labels


def load_run(path: str | os.PathLike[str]) -> RunRecord:
    """Read one run directory.

    **Raises:** `ConfigError` where there is no run, `CheckpointError` naming the file (and line) that cannot be read.
    """
    path = pathlib.Path(path)
    if not path.is_dir():
        raise ConfigError(f"There is no run directory {path}; `cfgrl train PRESET --run-dir {path}` makes one.")
    files = RunFiles(path)
    missing = [file.name for file in (files.config, files.manifest_file) if not file.is_file()]
    if missing:
        raise ConfigError(f"{path} is not a run directory: it has no {' and no '.join(missing)}.")
    require_plain(path)
    manifest = _json_file(files.manifest_file, Manifest)
    if not isinstance(manifest.get("schema"), int):
        raise CheckpointError(f"{files.manifest_file} has no schema number; it was not written by cfgrl.")
    if manifest["schema"] > SCHEMA:
        raise CheckpointError(f"{path} was written by a newer cfgrl (schema {manifest['schema']}); update cfgrl.")
    text = _text(files.config)
    return RunRecord(
        path=path,
        label=path.resolve().name,
        manifest=manifest,
        config=_parse(_toml, text, files.config),
        config_text=text,
        metrics=_lines(files.metrics, ("step", "seed"), metrics_complaint),
        evaluations=_lines(files.evaluations, ("results",), _check_evaluation),
        rollouts=_rollouts(files.rollouts),
        error=_json_file(files.error, Stopped) if files.error.is_file() else None,
    )


def _text(path: pathlib.Path) -> str:
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise CheckpointError(f"{path} is larger than {LARGEST_FILE >> 20} MiB; a run does not write such a file.")
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CheckpointError(f"{path} cannot be read: {error}.") from error


def _parse(parse: Callable[[str], Any], text: str, place: str | os.PathLike[str]) -> Any:
    try:
        return parse(text)
    except (ValueError, RecursionError, ConfigError) as error:
        reason = str(error).rstrip(".")
        raise CheckpointError(
            f"{place} cannot be read: {reason}. Restore the file, or remove it if it is a result."
        ) from error


def _toml(text: str) -> dict[str, Any]:
    values = parse_toml(text.encode(), "config.toml").values
    if wrong := complaint(values, Config):
        raise ConfigError(wrong)
    return values


def _strict(text: str) -> Any:
    def refuse(constant: str) -> Any:
        raise ValueError(f"{constant} is not JSON")

    return json.loads(text, parse_constant=refuse)


def _json_file(path: pathlib.Path, form: Any = None) -> dict[str, Any]:
    value = _parse(_strict, _text(path), path)
    if not isinstance(value, dict):
        raise CheckpointError(f"{path} holds no JSON object.")
    if wrong := complaint(value, form):
        raise CheckpointError(f"{path}: {wrong}. Restore the file, or remove it if it is a result.")
    return value


def _lines(
    path: pathlib.Path, keys: tuple[str, ...], check: Callable[[dict[str, Any]], str | None] | None = None
) -> tuple[dict[str, Any], ...]:
    """The objects of a file of JSON lines; each has `keys` and passes `check` (which returns a complaint or `None`)."""
    if not path.is_file():
        return ()
    text = _text(path)
    lines = text.split("\n")
    # A whole line ends in a newline: what follows the last one is empty, or was cut short by a kill.
    records = []
    for number, line in enumerate(lines[:-1], 1):
        place = f"{path}, line {number}"
        record = _parse(_strict, line, place)
        missing = [key for key in keys if not isinstance(record, dict) or key not in record]
        complaint = f"it has no {missing[0]!r}" if missing else check(record) if check is not None else None
        if complaint:
            raise CheckpointError(f"{place}: {complaint}. Remove the line or restore the file.")
        records.append(record)
    return tuple(records)


def _check_evaluation(record: dict[str, Any]) -> str | None:
    results = record["results"]
    if not isinstance(results, list) or not results or not all(isinstance(result, dict) for result in results):
        return "'results' is not a list of results"
    measure = record.get("measure", "success")
    if measure not in ("success", "return"):
        return f"'measure' is {measure!r}, not 'success' or 'return'"
    numbers = (measure, f"{measure}_ci", "weight", "episodes", "n_failed", "tasks", "by_seed")
    missing = [key for result in results for key in numbers if key not in result]
    if missing:
        return f"a result has no {missing[0]!r}"
    return evaluation_complaint(record)


def _rollouts(path: pathlib.Path) -> dict[str, Any] | None:
    if not path.is_file():
        return None
    record = _json_file(path)
    rollouts = record.get("rollouts")
    if not isinstance(rollouts, list) or not isinstance(record.get("walls", []), list):
        raise CheckpointError(f"{path}: 'rollouts' and 'walls' must be lists; `cfgrl eval` writes the file again.")
    for number, rollout in enumerate(rollouts, 1):
        absent = [key for key in _ROLLOUT if not isinstance(rollout, dict) or key not in rollout]
        if absent:
            raise CheckpointError(f"{path}: rollout {number} has no {absent[0]!r}; `cfgrl eval` writes the file again.")
    if wrong := complaint(record, Rollouts):
        raise CheckpointError(f"{path}: {wrong}; `cfgrl eval` writes the file again.")
    return record if rollouts else None
