"""Success (or return) against the dial: one panel a data set, one line an arm."""

from collections.abc import Mapping, Sequence
from typing import Any

from cfgrl.report._sweep import _panels
from cfgrl.report._sweep._read import Results, Series, arms, dial, labels, on, plain, series, short_key, shortened

ALL = "all data sets"


def kinds(results: Results) -> list[str]:
    """The dials of a sweep: "w", and the keys that were varied."""
    found = dict.fromkeys(line.key for name in labels(results) for line in _on(results, name) if line.key is not None)
    return sorted(found, key=lambda key: key != "w")


def dial_figure(results: Results) -> Any:
    """All episodes at every setting. With several kinds of dials, a column for each; the height is the same in all."""
    panels = [(short, _on(results, name)) for name, short in shortened(labels(results)).items()]
    if len(panels) > 1:
        panels.append((ALL, [s for arm in arms(results) if (found := dial(results, arm)) for s in series(arm, found)]))
    keys, measure = kinds(results), results["measure"]
    cells = [(title, key, lines) for title, lines in panels for key in keys]
    rows = len(panels) if len(keys) > 1 else None
    drawn, places = _panels.multiples([title for title, _, _ in cells], rows=rows, sharey=True, sharex="col")
    ink = _panels.inks(arms(results))
    for axes, (_, key, lines) in zip(places, cells, strict=True):
        _panel(axes, key, lines, ink)
    for column, key in enumerate(keys):
        _scale(places[column :: len(keys)], key, [line for _, other, lines in cells if other == key for line in lines])
        name = "guidance weight w" if key == "w" else short_key(key).replace("_", " ")
        if len(keys) > 1:
            places[column - len(keys)].set_xlabel(name)
        else:
            drawn.supxlabel(name, fontsize=9)
    _panels.scale_of_measure(places[0], measure, [p for _, _, lines in cells for line in lines for p in line.points])
    drawn.supylabel(f"mean {measure}", fontsize=9)
    _panels.legend(drawn, _handles(panels, ink))
    return drawn


def _on(results: Results, name: str) -> list[Series]:
    return [line for arm in arms(results) for line in series(arm, on(results, arm, name)["points"])]


def _panel(axes: Any, key: str, lines: Sequence[Series], ink: Mapping[str, _panels.Ink]) -> None:
    """Levels below, then the lines of this kind of dial, each a little aside."""
    flat = [line for line in lines if line.key is None]
    _panels.levels(axes, [line.points[0] for line in flat], [ink[line.arm] for line in flat])
    shown = [line for line in lines if line.key == key]
    if key != "w" and all(value > 0 for line in shown for value in line.settings):
        axes.set_xscale("log")
    aside = [0.0] * len(shown)
    if key == "w":
        aside = _panels.shifts(len(shown), [value for line in shown for value in line.settings])
    for line, step in zip(shown, aside, strict=True):
        _panels.line(axes, [value + step for value in line.settings], line.points, _ink(line, shown, ink))


def _ink(line: Series, among: Sequence[Series], ink: Mapping[str, _panels.Ink]) -> _panels.Ink:
    """An arm's own; dashes tell the lines of one arm apart that has other values set beside its weight."""
    mine = [other.fixed for other in among if other.arm == line.arm]
    return ink[line.arm]._replace(dash=_panels.DASHES[mine.index(line.fixed) % len(_panels.DASHES)])


def _scale(places: Sequence[Any], key: str, lines: Sequence[Series]) -> None:
    """The numbers of one kind of dial; panels of a column share them."""
    values = sorted({value for line in lines if line.key == key for value in line.settings})
    for axes in places:
        if key == "w":
            _panels.ticks_of_weights(axes, values)
        else:
            axes.set_xticks(values, [plain(value) for value in values])
            axes.set_xticks([], minor=True)


def _handles(panels: Sequence[tuple[str, Sequence[Series]]], ink: Mapping[str, _panels.Ink]) -> list[Any]:
    found = {}
    for _, lines in panels:
        for line in lines:
            name = f"{line.arm}, {line.fixed}" if line.fixed else line.arm
            found[name] = _panels.handle(name, _ink(line, lines, ink), levelled=line.key is None)
    return list(found.values())
