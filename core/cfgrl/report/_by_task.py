"""One small panel a task: success (or return) against the weight with intervals, all on the same scale."""

import math
from collections.abc import Sequence
from typing import Any

from cfgrl.records._run import RunRecord
from cfgrl.report._format import results, weight, weights_of
from cfgrl.report._style import colour, figure, multiples, name_runs, whiskers

COLUMNS = 3


def by_task(runs: Sequence[RunRecord], measure: str) -> Any:
    """Small multiples over the tasks of all runs.

    **Arguments:**

    - `runs`: runs whose evaluation has this `measure`.
    - `measure`: "success" or "return".
    """
    tasks = list(dict.fromkeys(task for run in runs for result in results(run) for task in result["tasks"]))
    columns = min(COLUMNS, len(tasks))
    drawn = figure(5.4, 0.55 + 1.55 * math.ceil(len(tasks) / columns))
    panels = multiples(drawn, tasks, columns, pad=3, sharex=True, sharey=True)
    shift = 0.02 * max([result["weight"] or 0.0 for run in runs for result in results(run)])
    for axes, task in zip(panels, tasks, strict=True):
        for index, run in enumerate(runs):
            _line(axes, run, task, shift * (index - (len(runs) - 1) / 2))
    _scales(drawn, panels[0], runs, measure)
    name_runs(drawn, runs)
    return drawn


def _line(axes: Any, run: RunRecord, task: str, shift: float) -> None:
    shown = [result for result in results(run) if task in result["tasks"]]
    if not shown:
        return
    ink = colour(run.number)
    means = [result["tasks"][task] for result in shown]
    bounds = [result.get("tasks_ci", {}).get(task) or [mean] * 2 for result, mean in zip(shown, means, strict=True)]
    if shown[0]["weight"] is not None:
        places = [result["weight"] + shift for result in shown]
        whiskers(axes, places, bounds, ink, 1.1)
        axes.plot(places, means, "-o", color=ink, ms=3, lw=1.2)
        return
    axes.axhspan(*bounds[0], color=ink, alpha=0.1, lw=0)
    axes.axhline(means[0], color=ink, lw=1.2, ls=(0, (5, 2)))


def _scales(drawn: Any, first: Any, runs: Sequence[RunRecord], measure: str) -> None:
    weights = weights_of(runs)
    if measure == "success":
        first.set_ylim(-0.05, 1.05)
        first.set_yticks([0, 0.5, 1])
    if not weights:
        first.set_xticks([])
    else:
        whole = [value for value in weights if value == int(value)]
        first.set_xticks(whole, [weight(value) for value in whole])
        drawn.supxlabel("guidance weight w", fontsize=9)
    drawn.supylabel(f"mean {measure}", fontsize=9)
