"""`results`: everything that a sweep's folder and the runs that it names have to say, as strict JSON."""

import datetime
import json
import pathlib
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import pydantic

from cfgrl._errors import CheckpointError, ConfigError
from cfgrl.catalogue._component import NAME
from cfgrl.records._layout import RunFiles
from cfgrl.sweeps import _records
from cfgrl.sweeps._cells import cells
from cfgrl.sweeps._results import Drawn, arm_on_data, difference, overall, steps_of_dial
from cfgrl.sweeps._sweep import SCHEMA, core_seconds

#: A sweep of a thousand runs has a megabyte.
_MOST_BYTES = 64 << 20
#: Of a file name below `runs`.
_Name = Annotated[str, pydantic.StringConstraints(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9._-]*$")]


class _Form(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(strict=True, allow_inf_nan=False, populate_by_name=True)


class _Run(_Form):
    name: _Name
    arm: str
    data: str
    label: str
    varied: dict[str, Any]
    preset: str
    dataset: str
    steps: int
    judging: dict[str, Any]
    hidden: bool


class _Schema(_Form):
    schema_: int = pydantic.Field(alias="schema")


class _Plan(_Schema):
    sweep: Annotated[str, pydantic.StringConstraints(pattern=f"^(?:{NAME.pattern})$")]
    summary: str
    command: list[str]
    reference: str
    data: dict[str, dict[str, Any]]
    seeds: list[int]
    set: dict[str, Any]
    cores: int
    density: dict[str, Any] | None
    runs: list[_Run]


def results(folder: pathlib.Path) -> dict[str, Any]:
    """Read `FOLDER/sweep.json` and the runs beside it.

    **Raises:** `ConfigError` where it is no sweep's folder or no run was judged yet, `CheckpointError` where a file
    cannot be read.
    """
    plan = read_plan(folder)
    root = folder.parent
    shown = [run for run in plan["runs"] if not run["hidden"]]
    judged = {run["name"]: found for run in shown if (found := _judged(run, root)) is not None}
    wanted = [run for run in plan["runs"] if run["name"] not in judged]
    missing = [r["name"] for r in wanted if not (r["hidden"] and _records.trained(_directory(r, root), r["steps"]))]
    arms = [arm for arm in dict.fromkeys(run["arm"] for run in shown) if _whole(arm, shown, judged)]
    labels = list(dict.fromkeys(run["data"] for run in shown))
    if not arms:
        raise ConfigError(f"No arm of {folder} has been judged on all data sets yet; `cfgrl sweep` goes on with it.")
    drawn = []
    for number, label in enumerate(labels):
        of = [run for run in shown if run["data"] == label and run["arm"] in arms]
        drawn.append(Drawn(cells(of, judged), number))
    measures = {one.cells.measure for one in drawn}
    if len(measures) > 1:
        raise ConfigError(f"{folder}: some data sets know success and others only returns; make them two sweeps.")
    reference = plan["reference"] if plan["reference"] in arms else arms[0]
    pairs, spent = zip(labels, drawn, strict=True), core_seconds(root)
    return {
        **{key: plan[key] for key in ("sweep", "summary", "command", "data", "seeds", "set", "cores")},
        "measure": drawn[0].cells.measure,
        "reference": reference,
        "reference_of_sweep": plan["reference"],
        "arms": [arm_on_data(one, arm, label) for label, one in pairs for arm in arms],
        "overall": [overall(drawn, arm) for arm in arms],
        "dial": [entry for arm in arms for entry in steps_of_dial(drawn, arm)],
        "comparisons": [difference(drawn, arm, reference) for arm in arms if arm != reference],
        "density": [entry for run in shown if (entry := _density(run, plan["density"], root)) is not None],
        "costs": [_cost(run, spent) for run in plan["runs"]],
        "missing": list(dict.fromkeys(missing)),
        "made": _made(plan["runs"], root),
        "time": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


def read_plan(folder: pathlib.Path) -> dict[str, Any]:
    """`sweep.json`. Raises `ConfigError` if there is none, `CheckpointError` where it is of another form."""
    path = folder / "sweep.json"
    if not path.is_file():
        raise ConfigError(f"{folder} is no folder of a sweep: it has no sweep.json. `cfgrl sweep NAME` makes one.")
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ValueError("it is too large")
        content = path.read_bytes()
        if (schema := _Schema.model_validate_json(content).schema_) != SCHEMA:
            raise CheckpointError(f"{path} was written by another cfgrl (schema {schema}).")
        plan = _Plan.model_validate_json(content)
    except pydantic.ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "it"
        raise CheckpointError(
            f"{path} cannot be read ({where}: {first['msg']}); `cfgrl sweep` writes it again."
        ) from error
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path} cannot be read ({error}); `cfgrl sweep` writes it again.") from error
    return plan.model_dump(by_alias=True)


def _whole(arm: str, runs: Sequence[Mapping[str, Any]], judged: Mapping[str, Any]) -> bool:
    return all(run["name"] in judged for run in runs if run["arm"] == arm)


def _judged(run: Mapping[str, Any], root: pathlib.Path) -> dict[str, Any] | None:
    """The single episodes that the sweep asked for."""
    directory = _directory(run, root)
    if not _records.trained(directory, run["steps"]):
        return None
    return _records.evaluation(directory, run["steps"], run["judging"])


def _directory(run: Mapping[str, Any], root: pathlib.Path) -> pathlib.Path:
    return root / "runs" / run["name"]


def _density(run: Mapping[str, Any], asked: Mapping[str, Any] | None, root: pathlib.Path) -> dict[str, Any] | None:
    found = None if asked is None else _records.density(_directory(run, root), run["steps"], asked)
    return None if found is None else {"arm": run["arm"], "data": run["data"], "label": run["label"], **found}


def _cost(run: Mapping[str, Any], spent: Mapping[str, float]) -> dict[str, Any]:
    """Core-seconds that training and evaluating a run took, where a sweep measured it."""
    seconds = {what: spent.get(f"{what} {run['name']}") for what in ("train", "eval", "density")}
    return {"run": run["name"], "arm": run["arm"], "data": run["data"], "label": run["label"], **seconds}


def _made(runs: Sequence[Mapping[str, Any]], root: pathlib.Path) -> dict[str, Any]:
    """Versions, machine and commit as the runs' manifests recorded them; several values where the runs differ."""
    found: dict[str, dict[str, list[Any]]] = {"versions": {}, "platform": {}, "git": {}}
    for run in runs:
        try:
            manifest = json.loads(RunFiles(_directory(run, root)).manifest_file.read_text(encoding="utf-8"))
            tables = {"versions": manifest["versions"], "platform": manifest["platform"], "git": {"": manifest["git"]}}
            for part, table in tables.items():
                for name, value in table.items():
                    known = found[part].setdefault(name, [])
                    known += [] if value in known else [value]
        except (OSError, ValueError, KeyError, AttributeError, TypeError):
            continue
    merged = {p: {n: _joined(v) for n, v in table.items()} for p, table in found.items()}
    return {"versions": merged["versions"], "platform": merged["platform"], "git": merged["git"].get("")}


def _joined(values: list[Any]) -> Any:
    return values[0] if len(values) == 1 else " or ".join(map(str, values))
