"""Paired differences as intervals around zero."""

from collections.abc import Sequence
from typing import Any

from cfgrl.records._run import RunRecord
from cfgrl.report._format import weight
from cfgrl.report._style import INK, colour, figure, name_runs, name_sides, rows_only


def differences(runs: Sequence[RunRecord], measure: str) -> Any:
    """One row a comparison, one interval a run; filled where the interval lies on one side of zero.

    **Arguments:**

    - `runs`: runs whose evaluation has this `measure` and any comparison.
    - `measure`: "success" or "return".
    """
    pairs = list(dict.fromkeys((row["weight"], row["against"]) for run in runs for row in _rows(run)))
    pairs.sort(key=lambda pair: (pair[1] != 0, pair[0]))
    step = 0.16 if len(runs) > 1 else 0.0
    drawn = figure(5.4, 1.0 + (0.34 + 0.1 * (len(runs) - 1)) * len(pairs))
    axes = drawn.add_subplot()
    axes.axvline(0, color=INK, lw=0.8)
    for index, run in enumerate(runs):
        for row in _rows(run):
            height = pairs.index((row["weight"], row["against"])) + (index - (len(runs) - 1) / 2) * step
            low, high = row["ci"]
            decided = low > 0 or high < 0
            axes.hlines(height, low, high, color=colour(run.number), lw=1.6)
            face = colour(run.number) if decided else "none"
            axes.plot([row["difference"]], [height], "o", ms=5, mec=colour(run.number), mfc=face, mew=1.2)
    rows_only(axes, [f"w = {weight(a)} against {weight(b)}" for a, b in pairs])
    axes.set_ylim(len(pairs) - 0.5, -0.5)
    axes.set_xlabel(f"difference in mean {measure}")
    name_sides(axes, "← larger w is worse", "larger w is better →")
    name_runs(drawn, runs)
    return drawn


def _rows(run: RunRecord) -> list[dict[str, Any]]:
    return (run.evaluation or {}).get("comparisons", [])
