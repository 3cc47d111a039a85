"""One small panel a task: success (or return) against the weight with intervals, all on the same scale."""

import math
from collections.abc import Sequence
from typing import Any

from cfgrl.records._run import RunRecord
from cfgrl.report._format import weight
from cfgrl.report._style import colour, figure, name_runs

COLUMNS = 3


def by_task(runs: Sequence[RunRecord], measure: str) -> Any:
    """Small multiples over the tasks of all runs.

    **Arguments:**

    - `runs`: runs whose evaluation has this `measure`.
    - `measure`: "success" or "return".
    """
    tasks = list(dict.fromkeys(task for run in runs for result in _results(run) for task in result["tasks"]))
    columns = min(COLUMNS, len(tasks))
    rows = math.ceil(len(tasks) / columns)
    drawn = figure(5.4, 0.55 + 1.55 * rows)
    grid = drawn.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    shift = 0.02 * max([result["weight"] or 0.0 for run in runs for result in _results(run)])
    for position, axes in enumerate(grid.flat):
        if position >= len(tasks):
            axes.set_visible(False)
            # The panel above an empty place is the lowest of its column and needs the numbers of its axis.
            grid[position // columns - 1, position % columns].tick_params(labelbottom=True)
            continue
        axes.set_title(tasks[position], loc="left", pad=3)
        for index, run in enumerate(runs):
            _line(axes, run, tasks[position], measure, shift * (index - (len(runs) - 1) / 2))
    _scales(drawn, grid, runs, measure)
    name_runs(drawn, runs)
    return drawn


def _results(run: RunRecord) -> list[dict[str, Any]]:
    assert run.evaluation is not None
    return run.evaluation["results"]


def _line(axes: Any, run: RunRecord, task: str, measure: str, shift: float) -> None:
    results = [result for result in _results(run) if task in result["tasks"]]
    if not results:
        return
    ink, dial = colour(run.number), results[0]["weight"] is not None
    places = [result["weight"] + shift if dial else 0.0 for result in results]
    bounds = [result.get("tasks_ci", {}).get(task) or [result["tasks"][task]] * 2 for result in results]
    means = [result["tasks"][task] for result in results]
    if dial:
        axes.vlines(places, [low for low, _ in bounds], [high for _, high in bounds], color=ink, lw=1.1)
        axes.plot(places, means, "-o", color=ink, ms=3, lw=1.2)
        return
    axes.axhspan(*bounds[0], color=ink, alpha=0.1, lw=0)
    axes.axhline(means[0], color=ink, lw=1.2, ls=(0, (5, 2)))


def _scales(drawn: Any, grid: Any, runs: Sequence[RunRecord], measure: str) -> None:
    weights = sorted({result["weight"] for run in runs for result in _results(run) if result["weight"] is not None})
    first = grid.flat[0]
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
