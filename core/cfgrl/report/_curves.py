"""Learning curves: every loss over the updates, every agent seed visible, training and validation together."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

from cfgrl.records._run import RunRecord
from cfgrl.report._format import short
from cfgrl.report._style import colour, figure, name_ends, name_runs

Series = dict[Any, list[tuple[int, float]]]


def panels(runs: Sequence[RunRecord]) -> list[tuple[str, str | None]]:
    """The losses there are: pairs of a metric's name and its counterpart on validation data, or `None`."""
    names = sorted({name for run in runs for record in run.metrics for name in record if name.endswith("loss")})
    pairs = []
    for name in names:
        stage, _, rest = name.partition("/")
        if rest.startswith("validation/"):
            continue
        # The policy's own loss is the one that validation data give too.
        twin = f"{stage}/validation/{rest.partition('/')[2]}"
        pairs.append((name, twin if rest.startswith("guidance/") and twin in names else None))
    return pairs


def curves(runs: Sequence[RunRecord]) -> Any:
    """One panel a loss. Thin lines are agent seeds, thick ones their mean.

    With one run, training and validation differ by colour; with several, runs do, and validation is dashed.
    """
    losses = panels(runs)
    drawn = figure(5.4, 2.7 * len(losses))
    grid = drawn.subplots(len(losses), 1, squeeze=False)[:, 0]
    for axes, (name, twin) in zip(grid, losses, strict=True):
        ends: list[tuple[str, str, float]] = []
        for run in runs:
            for position, key in enumerate(filter(None, (name, twin))):
                ink = colour(position if len(runs) == 1 else run.number)
                end = _lines(axes, _series(run.metrics, key), ink, dashed=position == 1 and len(runs) > 1)
                if end is not None and len(runs) == 1:
                    ends.append((("training", "validation")[position], ink, end))
        _finish(axes, name, ends, last=axes is grid[-1])
    name_runs(drawn, runs)
    return drawn


def _series(metrics: Iterable[dict[str, Any]], name: str) -> Series:
    """Points `(step, value)` of each seed."""
    series: Series = {}
    for record in metrics:
        if isinstance(record.get(name), int | float):
            series.setdefault(record["seed"], []).append((record["step"], record[name]))
    return series


def _lines(axes: Any, series: Series, ink: str, *, dashed: bool) -> float | None:
    """Draw the seeds and their mean; returns where the mean ends."""
    if not series:
        return None
    style = (0, (4, 2)) if dashed else "-"
    for points in series.values():
        steps, values = zip(*points, strict=True)
        marker = "o" if len(points) == 1 else None
        thin = {"lw": 0.7, "alpha": 0.55} if len(series) > 1 else {"lw": 1.4}
        axes.plot(steps, values, color=ink, ls=style, marker=marker, ms=3, **thin)
    columns: dict[int, list[float]] = {}
    for points in series.values():
        for step, value in points:
            columns.setdefault(step, []).append(value)
    whole = [
        (step, sum(values) / len(values)) for step, values in sorted(columns.items()) if len(values) == len(series)
    ]
    if len(series) > 1 and whole:
        axes.plot(*zip(*whole, strict=True), color=ink, lw=1.8, ls=style)
    return (whole or sorted((s, sum(v) / len(v)) for s, v in columns.items()))[-1][1]


def _finish(axes: Any, name: str, ends: Sequence[tuple[str, str, float]], *, last: bool) -> None:
    axes.set_ylabel(name, fontsize=8)
    if last:
        axes.set_xlabel("updates")
    axes.xaxis.set_major_formatter(lambda step, _: short(step))
    _limit(axes)
    name_ends(axes, ends, 0.09)


def _limit(axes: Any) -> None:
    """Let the first updates leave the top of the panel where they would flatten all the rest."""
    points = [(x, y) for line in axes.get_lines() for x, y in zip(line.get_xdata(), line.get_ydata(), strict=True)]
    if not points:
        return
    end = max(x for x, _ in points)
    late = [y for x, y in points if x >= 0.1 * end and math.isfinite(y)]
    if not late:
        return
    low, high = min(late), max(late)
    top = max(y for _, y in points)
    if top - low > 3 * (high - low) > 0:
        margin = 0.15 * (high - low)
        axes.set_ylim(low - margin, high + 4 * margin)
