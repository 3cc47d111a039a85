"""What a guidance weight costs in density beside what it gains, and whether it delivers the tilt that it promises."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from cfgrl.report._style import MUTED, PAPER
from cfgrl.report._sweep import _panels
from cfgrl.report._sweep._read import Results, labels, quantity, shortened

#: Quantities of the price in their order, and what their panels are called.
PRICE = {
    "entropy": "entropy (nats)",
    "kl": "KL from w = 0 (nats)",
    "nll_data": "−log density of the data (nats)",
    "clipped": "share of actions clipped",
    "spread": "spread of actions",
}
#: Below this share of draws, the promised tilt rests on a few of them.
FEW = 0.2


class Line(NamedTuple):
    """One run: what it is called, its data set, its ink, and its entries by weight."""

    label: str
    data: str
    ink: _panels.Ink
    entries: list[Mapping[str, Any]]


def lines(results: Results) -> list[Line]:
    """The measured runs that have a dial: colours tell labels apart, and dashes data sets where both differ."""
    shown = [entry for entry in results["density"] if any(line["weight"] is not None for line in entry["results"])]
    names = list(dict.fromkeys(entry["label"] for entry in shown))
    data = [name for name in labels(results) if any(entry["data"] == name for entry in shown)]
    by_label, by_data = _panels.inks(names), _panels.inks(data)
    found = []
    for entry in shown:
        number = data.index(entry["data"])
        ink = by_label[entry["label"]] if len(names) > 1 else by_data[entry["data"]]
        if len(names) > 1:
            marker, dash = _panels.MARKERS[number % len(_panels.MARKERS)], _panels.DASHES[number % len(_panels.DASHES)]
            ink = ink._replace(marker=marker, dash=dash)
        weights = sorted((e for e in entry["results"] if e["weight"] is not None), key=lambda e: e["weight"])
        found.append(Line(entry["label"], entry["data"], ink, weights))
    return found


def cost_figure(results: Results) -> Any:
    """The price in five panels and the gain in the last, over w."""
    found = lines(results)
    keys = [key for key in PRICE if any(_has(line, key) for line in found)]
    measure = results["measure"]
    drawn, places = _panels.multiples([*(PRICE[key] for key in keys), f"mean {measure}"], sharex=True)
    gains = [_points(results, line) for line in found]
    for line, points, step in zip(found, gains, _aside(found, len(found)), strict=True):
        for axes, key in zip(places, keys, strict=False):
            _panels.line(axes, *_curve(line, key, step), line.ink)
        _panels.line(places[len(keys)], [point["weight"] + step for point in points], points, line.ink)
    _panels.scale_of_measure(places[len(keys)], measure, [point for points in gains for point in points])
    _weights(drawn, places[0], found)
    _names(drawn, results, found)
    return drawn


def promise_figure(results: Results) -> Any:
    """Mean log π_1/π_0 of what is sampled at w, and of π_0·(π_1/π_0)^w, one panel a data set."""
    found = [line for line in lines(results) if _has(line, "tilt")]
    short = shortened(labels(results))
    data = list(dict.fromkeys(line.data for line in found))
    names = list(dict.fromkeys(line.label for line in found))
    ink = _panels.inks(names)
    drawn, places = _panels.multiples([short[name] for name in data], sharex=True, sharey=True)
    aside = dict(zip(names, _aside(found, len(names)), strict=True))
    for line in found:
        axes, step = places[data.index(line.data)], aside[line.label]
        _panels.line(axes, *_curve(line, "tilt", step), ink[line.label])
        _promised(axes, line, step, ink[line.label].colour)
    _weights(drawn, places[0], found)
    drawn.supylabel("tilt (nats)", fontsize=9)
    _panels.legend(drawn, _promise_handles(names, ink))
    return drawn


def _promised(axes: Any, line: Line, step: float, colour: str) -> None:
    """Dashed, with diamonds that are hollow where few draws stand behind them."""
    places, entries = _curve(line, "tilt_promised", step)
    ink = _panels.inks(["promised"])["promised"]._replace(colour=colour, marker="", dash=(0, (4, 2)))
    _panels.line(axes, places, entries, ink)
    for place, entry in zip(places, entries, strict=True):
        face = PAPER if entry["few"] else colour
        axes.plot([place], [entry["mean"]], "d", ms=4.6, mec=colour, mfc=face, zorder=4)


def _promise_handles(names: Sequence[str], ink: Mapping[str, _panels.Ink]) -> list[Any]:
    handles = [_panels.handle(name, ink[name]) for name in names] if len(names) > 1 else []
    tone = MUTED if len(names) > 1 else ink[names[0]].colour
    return [
        *handles,
        _panels.sign("sampled", "o", hollow=False, ink=tone, ls="-"),
        _panels.sign("promised", "d", hollow=False, ink=tone, ls=(0, (4, 2))),
        _panels.sign("promised, from few draws", "d", ink=tone, ls=(0, (4, 2))),
    ]


def _curve(line: Line, key: str, step: float) -> tuple[list[float], list[dict[str, Any]]]:
    """Places and means of one quantity, where it is known."""
    places, means = [], []
    for entry in line.entries:
        if (known := quantity(entry, key)) is not None:
            few = quantity(entry, "effective")
            places.append(entry["weight"] + step)
            means.append({"mean": known[0], "ci": known[1], "few": few is not None and few[0] < FEW})
    return places, means


def _aside(found: Sequence[Line], amount: int) -> list[float]:
    """Steps aside for so many lines of a panel."""
    return _panels.shifts(amount, [entry["weight"] for line in found for entry in line.entries])


def _has(line: Line, key: str) -> bool:
    return any(quantity(entry, key) for entry in line.entries)


def _points(results: Results, line: Line) -> list[Mapping[str, Any]]:
    """The means of the same run, by weight."""
    of = [c for c in results["costs"] if (c["label"], c["data"]) == (line.label, line.data)]
    runs = {(cost["arm"], cost["run"]) for cost in of}
    shown = [entry for entry in results["arms"] if entry["data"] == line.data]
    return [p for e in shown for p in e["points"] if (e["arm"], p["run"]) in runs and p["weight"] is not None]


def _weights(drawn: Any, axes: Any, found: Sequence[Line]) -> None:
    _panels.ticks_of_weights(axes, [entry["weight"] for line in found for entry in line.entries])
    drawn.supxlabel("guidance weight w", fontsize=9)


def _names(drawn: Any, results: Results, found: Sequence[Line]) -> None:
    short, many = shortened(labels(results)), len({line.label for line in found}) > 1
    several = len({line.data for line in found}) > 1
    names = [
        f"{line.label}, {short[line.data]}" if many and several else line.label if many else short[line.data]
        for line in found
    ]
    _panels.legend(drawn, [_panels.handle(name, line.ink) for name, line in zip(names, found, strict=True)])
