"""The central figure: success (or return) against the guidance weight, with intervals, one line a run."""

from collections.abc import Sequence
from typing import Any

from cfgrl.records._run import RunRecord
from cfgrl.report._format import elided, results, weight, weights_of
from cfgrl.report._style import MUTED, PAPER, colour, figure, spread, whiskers


def success(runs: Sequence[RunRecord], measure: str) -> Any:
    """Mean and 95 % interval at every weight; small dots are single agents, a triangle marks the chosen weight.

    **Arguments:**

    - `runs`: runs whose evaluation has this `measure`. A run without a dial is a level line over the others' weights.
    - `measure`: "success" or "return".
    """
    drawn = figure(5.4, 3.5)
    axes = drawn.add_subplot()
    weights = weights_of(runs)
    span = (weights[-1] - weights[0] if weights else 0.0) or 1.0
    ends = []
    for index, run in enumerate(runs):
        if results(run)[0]["weight"] is None:
            ends.append(_level(axes, run, measure, float(index), weights))
        else:
            ends.append(_curve(axes, run, measure, (index - (len(runs) - 1) / 2) * 0.012 * span))
    if len(runs) == 1:
        _mark_choice(axes, runs[0])
    _scales(axes, weights, span, measure, _dial(runs))
    _labels(axes, runs, ends)
    return drawn


def _dial(runs: Sequence[RunRecord]) -> Sequence[str]:
    """What w = 0 and w = 1 are, where all runs with a dial say the same."""
    said = {
        tuple((run.evaluation or {}).get("dial") or ("", "")) for run in runs if results(run)[0]["weight"] is not None
    }
    return said.pop() if len(said) == 1 else ("", "")


def _curve(axes: Any, run: RunRecord, measure: str, shift: float) -> float:
    """One run with a dial; returns the height at which its line ends."""
    shown, ink = results(run), colour(run.number)
    places = [result["weight"] + shift for result in shown]
    means = [result[measure] for result in shown]
    _agents(axes, places, shown, ink)
    whiskers(axes, places, [result[f"{measure}_ci"] for result in shown], ink, 1.3)
    axes.plot(places, means, "-", color=ink)
    axes.plot(places, means, "o", color=ink, ms=5, zorder=4)
    return means[-1]


def _level(axes: Any, run: RunRecord, measure: str, place: float, weights: Sequence[float]) -> float:
    """One run without a dial: a point where it is alone, else a level line with its interval as a band."""
    result, ink = results(run)[0], colour(run.number)
    if not weights:
        whiskers(axes, [place], [result[f"{measure}_ci"]], ink, 1.3)
        _agents(axes, [place], [result], ink)
        axes.plot([place], [result[measure]], "o", color=ink, ms=5.5, zorder=4)
        return result[measure]
    axes.axhspan(*result[f"{measure}_ci"], color=ink, alpha=0.1, lw=0)
    axes.axhline(result[measure], color=ink, lw=1.4, ls=(0, (5, 2)))
    return result[measure]


def _agents(axes: Any, places: Sequence[float], shown: Sequence[dict[str, Any]], ink: str) -> None:
    """A small circle for each agent, if there are several."""
    for place, result in zip(places, shown, strict=True):
        values = list(result["by_seed"].values())
        if len(values) > 1:
            axes.plot([place] * len(values), values, "o", ms=3.4, mfc=PAPER, mec=ink, mew=0.8, zorder=3)


def _mark_choice(axes: Any, run: RunRecord) -> None:
    chosen = ((run.evaluation or {}).get("chosen") or {}).get("weight")
    if chosen is not None:
        axes.annotate(
            f"chosen: {weight(chosen)}",
            (chosen, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(0, 9),
            textcoords="offset points",
            ha="center",
            va="bottom",
            color=MUTED,
            arrowprops={"arrowstyle": "-|>", "color": MUTED, "lw": 0.7, "shrinkA": 0, "shrinkB": 0},
        )


def _scales(axes: Any, weights: Sequence[float], span: float, measure: str, dial: Sequence[str]) -> None:
    axes.set_ylabel(f"mean {measure}")
    if measure == "success":
        axes.set_ylim(-0.03, 1.03)
        axes.set_yticks([0, 0.2, 0.4, 0.6, 0.8, 1.0])
    if not weights:
        axes.set_xticks([])
        axes.margins(x=0.5)
        axes.set_xlabel("no dial")
        return
    axes.set_xlim(weights[0] - 0.05 * span, weights[-1] + 0.05 * span)
    if min((b - a for a, b in zip(weights, weights[1:], strict=False)), default=span) >= 0.06 * span:
        axes.set_xticks(weights, [weight(value) for value in weights])
    ends = [said.partition(",")[0] for said in dial]
    axes.set_xlabel("guidance weight w" + (f"  (0 {ends[0]}, 1 {ends[1]})" if all(ends) else ""))


def _labels(axes: Any, runs: Sequence[RunRecord], ends: Sequence[float]) -> None:
    """Each line's name beside its end; none where there is only one."""
    if len(runs) == 1:
        return
    low, high = axes.get_ylim()
    right = axes.get_xlim()[1]
    for run, height in zip(runs, spread(ends, 0.06 * (high - low)), strict=True):
        axes.text(
            right, height, f" {elided(run.label)}", color=colour(run.number), va="center", ha="left", clip_on=False
        )
