"""Success over training: one line a weight, where a run was evaluated more than once."""

from typing import Any

from cfgrl.records._run import RunRecord
from cfgrl.report._format import short, weight
from cfgrl.report._style import INK, figure, name_ends


def has_progress(run: RunRecord) -> bool:
    """Whether there are evaluations at two or more updates."""
    return len(_history(run)) > 1


def progress(run: RunRecord) -> Any:
    """Mean success (or return) of every weight at each evaluated update; darker is a larger weight."""
    history, measure = _history(run), run.measure
    drawn = figure(5.4, 2.9)
    axes = drawn.add_subplot()
    weights = list(dict.fromkeys(result["weight"] for record in history.values() for result in record["results"]))
    ends: list[tuple[str, str, float]] = []
    for index, value in enumerate(weights):
        found = [
            (step, r[measure]) for step, record in history.items() for r in record["results"] if r["weight"] == value
        ]
        shade = 0.3 + 0.7 * (index + 1) / len(weights)
        axes.plot(*zip(*found, strict=True), "-o", color=INK, alpha=shade, ms=3, lw=1.3)
        ends.append(("no dial" if value is None else f"w = {weight(value)}", INK, found[-1][1]))
    if measure == "success":
        axes.set_ylim(-0.03, 1.03)
    name_ends(axes, ends, 0.075)
    axes.set_xlabel("updates")
    axes.xaxis.set_major_formatter(lambda step, _: short(step))
    axes.set_ylabel(f"mean {measure}")
    return drawn


def _history(run: RunRecord) -> dict[int, dict[str, Any]]:
    """The last evaluation of each update, in order, of the measure that is shown."""
    records = [record for record in run.evaluations if isinstance(record.get("step"), int)]
    same = [record for record in records if record.get("measure", "success") == run.measure]
    return dict(sorted({record["step"]: record for record in same}.items()))
