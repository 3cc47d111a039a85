"""`results`: everything that a sweep's folder and the runs that it names have to say, as strict JSON."""

import datetime
import json
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from cfgrl._errors import CheckpointError, ConfigError
from cfgrl.runs import _journal
from cfgrl.sweeps._cells import cells
from cfgrl.sweeps._results import Drawn, arm_on_data, difference, overall, steps_of_dial
from cfgrl.sweeps._sweep import SCHEMA, times


def results(folder: pathlib.Path) -> dict[str, Any]:
    """Read `FOLDER/sweep.json` and the runs beside it.

    **Raises:** `ConfigError` where it is no sweep's folder or no run was judged yet, `CheckpointError` where a file
    cannot be read.
    """
    plan = read_plan(folder)
    root = folder.parent
    shown = [run for run in plan["runs"] if not run["hidden"]]
    judged = {run["name"]: found for run in shown if (found := _judged(run, root)) is not None}
    missing = list(dict.fromkeys(run["name"] for run in plan["runs"] if not _trained(run, root)))
    missing += [run["name"] for run in shown if run["name"] not in judged and run["name"] not in missing]
    arms = [arm for arm in dict.fromkeys(run["arm"] for run in shown) if _whole(arm, shown, judged)]
    labels = list(dict.fromkeys(run["data"] for run in shown))
    if not arms:
        raise ConfigError(f"No arm of {folder} has been judged on all data sets yet; `cfgrl sweep` goes on with it.")
    drawn = []
    for number, label in enumerate(labels):
        of = [run for run in shown if run["data"] == label and run["arm"] in arms]
        drawn.append(Drawn(cells(of, judged), number))
    reference = plan["reference"] if plan["reference"] in arms else arms[0]
    pairs, spent = zip(labels, drawn, strict=True), times(root)
    return {
        **{key: plan[key] for key in ("sweep", "summary", "command", "data", "seeds", "set", "cores")},
        "measure": drawn[0].cells.measure,
        "reference": reference,
        "reference_of_sweep": plan["reference"],
        "arms": [arm_on_data(one, arm, label) for label, one in pairs for arm in arms],
        "overall": [overall(drawn, arm) for arm in arms],
        "dial": [entry for arm in arms for entry in steps_of_dial(drawn, arm)],
        "comparisons": [difference(drawn, arm, reference) for arm in arms if arm != reference],
        "density": [entry for run in shown if (entry := _density(run, root)) is not None],
        "costs": [_cost(run, spent) for run in plan["runs"]],
        "missing": missing,
        "made": _made(plan["runs"], root),
        "time": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


def read_plan(folder: pathlib.Path) -> dict[str, Any]:
    """`sweep.json`. Raises `ConfigError` where there is none, `CheckpointError` where it is of another form."""
    path = folder / "sweep.json"
    if not path.is_file():
        raise ConfigError(f"{folder} is no folder of a sweep: it has no sweep.json. `cfgrl sweep NAME` makes one.")
    try:
        plan = json.loads(path.read_text(encoding="utf-8"))
        if plan["schema"] != SCHEMA:
            raise CheckpointError(f"{path} was written by another cfgrl (schema {plan['schema']}).")
        needed = {"sweep", "summary", "command", "data", "seeds", "set", "cores", "reference", "runs"}
        if not needed <= plan.keys():
            raise TypeError(f"it has no {min(needed - plan.keys())}")
        needed = {"name", "arm", "data", "label", "varied", "steps", "hidden", "dataset", "preset"}
        if not all(needed <= run.keys() and _inside(run["name"]) for run in plan["runs"]):
            raise TypeError("its runs are of another form")
        return plan
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CheckpointError(f"{path} cannot be read ({error}); `cfgrl sweep` writes it again.") from error


def _inside(name: Any) -> bool:
    return isinstance(name, str) and name not in ("", ".", "..") and "/" not in name


def _whole(arm: str, runs: Sequence[Mapping[str, Any]], judged: Mapping[str, Any]) -> bool:
    return all(run["name"] in judged for run in runs if run["arm"] == arm)


def _trained(run: Mapping[str, Any], root: pathlib.Path) -> bool:
    return (root / "runs" / run["name"] / "checkpoints" / str(run["steps"])).is_dir()


def _judged(run: Mapping[str, Any], root: pathlib.Path) -> dict[str, Any] | None:
    """The single episodes of the first evaluation at the last update."""
    lines = _journal.read(root / "runs" / run["name"] / "episodes.jsonl")
    return next((line for line in lines if line["step"] == run["steps"]), None)


def _density(run: Mapping[str, Any], root: pathlib.Path) -> dict[str, Any] | None:
    lines = _journal.read(root / "runs" / run["name"] / "density.jsonl")
    found = next((line for line in lines if line["step"] == run["steps"]), None)
    return None if found is None else {"arm": run["arm"], "data": run["data"], "label": run["label"], **found}


def _cost(run: Mapping[str, Any], spent: Mapping[str, float]) -> dict[str, Any]:
    """Seconds that training and evaluating a run took, where a sweep measured it."""
    seconds = {what: spent.get(f"{what} {run['name']}") for what in ("train", "eval", "density")}
    return {"run": run["name"], "arm": run["arm"], "data": run["data"], "label": run["label"], **seconds}


def _made(runs: Sequence[Mapping[str, Any]], root: pathlib.Path) -> dict[str, Any]:
    """Versions and machine, as the first run that has a manifest recorded them."""
    for run in runs:
        try:
            manifest = json.loads((root / "runs" / run["name"] / "manifest.json").read_text(encoding="utf-8"))
            return {"versions": manifest["versions"], "platform": manifest["platform"], "git": manifest.get("git")}
        except (OSError, ValueError, KeyError):
            continue
    return {}
