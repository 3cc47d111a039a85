"""One self-contained HTML page of one or several runs: no script, no font, no picture from anywhere else.

The page's own content-security policy forbids it to load anything, so that it reads the same in ten years and offline.
"""

import os
import pathlib
import shlex
from collections.abc import Sequence
from typing import Any

from cfgrl.records._run import RunRecord, load_runs
from cfgrl.report import _maze
from cfgrl.report._facts import evaluated, facts, flat, training
from cfgrl.report._figures import pictures
from cfgrl.report._files import write_derived
from cfgrl.report._findings import findings
from cfgrl.report._format import count, weight
from cfgrl.report._style import has_matplotlib, inline_svg
from cfgrl.report._tables import comparisons_table, overview_table, results_table, seeds_table, tasks_table
from cfgrl.report._template import MARK, fill


def write_report(paths: Sequence[str | os.PathLike[str]], out: str | os.PathLike[str] | None = None) -> pathlib.Path:
    """Read run directories and write their page; see `load_run` and `write_page` for arguments and errors."""
    return write_page(load_runs(paths), out)


def write_page(runs: Sequence[RunRecord], out: str | os.PathLike[str] | None = None) -> pathlib.Path:
    """Write the page and return where it is.

    **Arguments:**

    - `runs`: one run, or several to be compared.
    - `out`: the file; by default `report.html` in the directory of a single run.

    **Raises:** `ConfigError` where the file exists and is not such a page, or cannot be written.
    """
    place = default_place(runs) if out is None else pathlib.Path(out)
    command = ["cfgrl", "report", *(str(run.path) for run in runs)]
    command += [] if len(runs) == 1 and place == default_place(runs) else ["--out", str(place)]
    return write_derived(place, page(runs, shlex.join(command)).encode("utf-8"), MARK)


def default_place(runs: Sequence[RunRecord]) -> pathlib.Path:
    """Where the page of a single run belongs."""
    return runs[0].path / "report.html"


def page(runs: Sequence[RunRecord], command: str) -> str:
    """The page as text.

    **Arguments:**

    - `runs`: what it shows; figures are left out, with a sentence, where matplotlib is missing.
    - `command`: what makes the page again.
    """
    drawable = has_matplotlib()
    many = len(runs) > 1
    return fill(
        "page.html.j2",
        pictures(runs) if drawable else [],
        title=runs[0].label if len(runs) == 1 else f"{len(runs)} runs compared",
        subtitle=_subtitle(runs),
        many=many,
        figures_possible=drawable,
        judged=any(run.evaluation is not None for run in runs),
        measures=" and ".join(sorted({run.measure for run in runs if run.evaluation is not None}, reverse=True)),
        overview=overview_table(runs) if many else None,
        several_datasets=len({run.dataset for run in runs}) > 1,
        runs=[_run(run) for run in runs],
        rollouts=_rollouts(runs) if drawable else [],
        command=command,
    )


def _subtitle(runs: Sequence[RunRecord]) -> str:
    if len(runs) > 1:
        return " · ".join(run.label for run in runs)
    run = runs[0]
    seeds = len({record["seed"] for record in run.metrics}) or len(run.config.get("seeds", []))
    return " · ".join([run.preset, run.dataset, *([count(seeds, "agent seed")] if seeds else [])])


def _run(run: RunRecord) -> dict[str, Any]:
    """Everything that the template asks of one run."""
    record = run.evaluation
    shown: dict[str, Any] = {
        "label": run.label,
        "alert": _alert(run),
        "training": training(run),
        "facts": facts(run),
        "manifest": flat(run.manifest),
        "config": run.config_text,
        "findings": None,
        "results": None,
        "tasks": None,
    }
    if record is None:
        return shown
    chosen = (record.get("chosen") or {}).get("weight")
    return shown | {
        "findings": findings(record),
        "results": results_table(record),
        "chosen": None if chosen is None else weight(chosen),
        "comparisons": comparisons_table(record),
        "seeds": seeds_table(record),
        "tasks": tasks_table(record),
        "evaluated": evaluated(run, record),
        "notes": record.get("notes", []),
    }


def _alert(run: RunRecord) -> str | None:
    """What a reader must know first: the run stopped, or nothing was evaluated."""
    if run.error is not None:
        where = "" if run.error.get("step") is None else f" at update {run.error['step']}"
        message, code = run.error.get("message", "no message"), run.error.get("exit_code")
        return f"{run.label} stopped{where}: {message} (exit code {code})."
    if run.evaluation is None:
        if run.manifest.get("tasks") == []:
            return f"{run.label}: the data set has no environment to be judged in; there are losses and densities."
        return f"{run.label} has not been evaluated yet: {shlex.join(['cfgrl', 'eval', str(run.path)])} does that."
    return None


def _rollouts(runs: Sequence[RunRecord]) -> list[dict[str, Any]]:
    """The rollouts of each run by task."""
    shown = []
    for run in runs:
        if run.rollouts is not None and _maze.grouped(run.rollouts):
            tasks = [
                {"name": name, "panels": [_panel(run, name, rollout) for rollout in played]}
                for name, played in _maze.grouped(run.rollouts).items()
            ]
            shown.append({"label": run.label, "tasks": tasks})
    return shown


def _panel(run: RunRecord, task: str, rollout: dict[str, Any]) -> dict[str, Any]:
    """One rollout as a separate drawing, so that narrow screens can stack them."""
    from markupsafe import Markup

    record = run.rollouts
    assert record is not None
    heading, ending = _maze.heading(rollout), _maze.ending(rollout)
    label = ", ".join(filter(None, (run.label, task, heading, ending)))
    name = f"rollout-{run.number}-{record['rollouts'].index(rollout)}"
    svg = inline_svg(lambda: _maze.panel(record, rollout), label, name)
    return {"svg": Markup(svg), "heading": heading, "ending": ending}
