"""One row an arm: means as chosen, and paired differences from the reference, with the single data sets beside them."""

from collections.abc import Mapping, Sequence
from typing import Any

from cfgrl.report._format import elided
from cfgrl.report._style import INK, MUTED, PAPER, figure, name_sides, rows_only
from cfgrl.report._sweep import _panels
from cfgrl.report._sweep._read import Results, arms, labels, on, over_data, shortened


def arms_figure(results: Results) -> Any:
    """Mean and interval of each arm over all data sets, each with the setting chosen there."""
    each = {arm: [on(results, arm, name)["chosen"]["mean"] for name in labels(results)] for arm in arms(results)}
    drawn, axes = _forest(results, [(arm, over_data(results, arm), each[arm]) for arm in arms(results)])
    axes.set_xlabel(f"mean {results['measure']}, as chosen")
    if results["measure"] == "success":
        axes.set_xlim(-0.02, 1.02)
    return drawn


def differences_figure(results: Results) -> Any:
    """Each arm against the reference on the same episodes; filled where the interval lies on one side of zero."""
    rows = [
        (entry["arm"], {**entry, "mean": entry["difference"]}, [one["difference"] for one in entry["by_data"]])
        for entry in results["comparisons"]
    ]
    drawn, axes = _forest(results, rows)
    axes.axvline(0, color=INK, lw=0.8, zorder=1)
    axes.set_xlabel(f"difference in mean {results['measure']} from {elided(results['reference'], 40)}")
    name_sides(axes, "← worse", "better →")
    return drawn


def _forest(results: Results, rows: Sequence[tuple[str, Mapping[str, Any], Sequence[float]]]) -> tuple[Any, Any]:
    names = list(shortened(labels(results)).values())
    ink = _panels.inks(arms(results))
    drawn = figure(_panels.WIDTH, 0.95 + 0.4 * len(rows))
    axes = drawn.add_subplot()
    for height, (arm, entry, each) in enumerate(rows):
        low, high = entry["ci"]
        filled = low > 0 or high < 0 if "difference" in entry else not ink[arm].hollow
        axes.hlines(height, low, high, color=ink[arm].colour, lw=1.8)
        face = ink[arm].colour if filled else PAPER
        axes.plot([entry["mean"]], [height], ink[arm].marker, ms=6, mec=ink[arm].colour, mfc=face, mew=1.3, zorder=4)
        for number, value in enumerate(each if len(names) > 1 else []):
            below = height + 0.2 + 0.2 * number / (len(names) - 1)
            axes.plot([value], [below], _marker(number), ms=3.6, mec=MUTED, mfc=PAPER, mew=0.8, zorder=3)
    rows_only(axes, [elided(arm, 40) for arm, _, _ in rows])
    axes.set_ylim(len(rows) - 0.45, -0.4)
    if len(names) > 1:
        _panels.legend(drawn, [_panels.sign(name, _marker(number)) for number, name in enumerate(names)])
    return drawn, axes


def _marker(number: int) -> str:
    return _panels.MARKERS[number % len(_panels.MARKERS)]
