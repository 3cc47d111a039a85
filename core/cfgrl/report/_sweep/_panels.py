"""What the figures of a sweep share: inks, whiskers, small multiples, and the legend above them."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from cfgrl.report import _style
from cfgrl.report._format import elided, weight
from cfgrl.report._style import COLOURS, MUTED, PAPER, colour, figure

#: Inches; a page of the documentation shows about 700 pixels of them.
WIDTH = 7.2
COLUMNS = 3
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
DASHES: tuple[Any, ...] = ("-", (0, (5, 1.6)), (0, (1.4, 1.2)), (0, (6, 1.5, 1.4, 1.5)))
#: Up to so many intervals are drawn as bands over one another.
BANDS = 2
#: Levels of arms without a dial: dashed, and otherwise dashed after as many arms as there are colours.
LEVELS: tuple[Any, ...] = ((0, (5, 2)), (0, (2, 1.5)), (0, (8, 2, 2, 2)))


class Ink(NamedTuple):
    """How one series looks everywhere: a colour and, once all colours are used, another marker that is hollow."""

    colour: str
    marker: str
    hollow: bool
    dash: Any
    level: Any


def inks(names: Sequence[str]) -> dict[str, Ink]:
    """An ink for each name, the same in every figure of the same names."""
    rounds = [divmod(index, len(COLOURS)) for index in range(len(names))]
    return {
        name: Ink(colour(place), MARKERS[r % len(MARKERS)], r % 2 == 1, "-", LEVELS[r % len(LEVELS)])
        for name, (r, place) in zip(names, rounds, strict=True)
    }


def line(axes: Any, places: Sequence[float], entries: Sequence[Mapping[str, Any]], ink: Ink) -> None:
    """Means with intervals over places; each entry has `mean` and, where known, `ci`."""
    for place, entry in zip(places, entries, strict=True):
        if entry.get("ci") is not None:
            axes.vlines([place], *([bound] for bound in entry["ci"]), color=ink.colour, lw=1.1)
    means, face = [entry["mean"] for entry in entries], PAPER if ink.hollow else ink.colour
    axes.plot(places, means, ls=ink.dash, color=ink.colour, lw=1.3, marker=ink.marker, ms=3.6, mfc=face, zorder=3)


def levels(axes: Any, entries: Sequence[Mapping[str, Any]], shown: Sequence[Ink]) -> None:
    """Arms without a dial, the same everywhere: intervals as bands, or beside the panel where bands would be a fog."""
    for number, (entry, ink) in enumerate(zip(entries, shown, strict=True)):
        axes.axhline(entry["mean"], color=ink.colour, lw=1.3, ls=ink.level, zorder=1.5)
        if len(entries) <= BANDS:
            axes.axhspan(*entry["ci"], color=ink.colour, alpha=0.1, lw=0)
        else:
            place, across = 1.02 + 0.018 * number, axes.get_yaxis_transform()
            look: dict[str, Any] = {"color": ink.colour, "transform": across, "clip_on": False}
            axes.plot([place, place], entry["ci"], lw=1.3, **look)
            axes.plot([place], [entry["mean"]], "_", ms=5, **look)


def shifts(amount: int, places: Iterable[float]) -> list[float]:
    """Small steps aside, so that the whiskers of several lines over the same places do not hide each other."""
    ordered = sorted(set(places))
    if len(ordered) < 2:
        return [0.0] * amount
    closest = min(b - a for a, b in zip(ordered, ordered[1:], strict=False))
    step = min(0.014 * (ordered[-1] - ordered[0]), 0.6 * closest / amount)
    return [(index - (amount - 1) / 2) * step for index in range(amount)]


def multiples(titles: Sequence[str], *, rows: int | None = None, **shared: Any) -> tuple[Any, list[Any]]:
    """A figure of small panels, in reading order; places that are left over are hidden.

    **Arguments:**

    - `titles`: one a panel.
    - `rows`: number of rows; by default as many as it takes at three columns.
    - `shared`: as `Figure.subplots` takes it.
    """
    rows = rows or math.ceil(len(titles) / COLUMNS)
    columns = math.ceil(len(titles) / rows)
    drawn = figure(WIDTH, 0.85 + (2.6 if len(titles) == 1 else 2.1 if rows == 1 else 1.75) * rows)
    return drawn, _style.multiples(drawn, [elided(title, 34) for title in titles], columns, pad=4, **shared)


def scale_of_measure(axes: Any, measure: str, entries: Iterable[Mapping[str, Any]]) -> None:
    """From zero for a success rate, up to where there is something; free for a return."""
    if measure == "success":
        top = max((entry["ci"][1] for entry in entries), default=1.0)
        top = 1.03 if top > 0.75 else max(1.1 * top, 0.1)
        axes.set_ylim(-0.03 * top, top)


def ticks_of_weights(axes: Any, values: Iterable[float], *, gap: float = 0.14) -> None:
    """A number at every weight that has space for it, whole numbers first, and minor ticks at the others."""
    places = sorted(set(values))
    span = places[-1] - places[0] if places else 0.0
    if not span:
        axes.set_xticks(places, [weight(value) for value in places])
        return
    kept: list[float] = []
    for value in sorted(places, key=lambda value: (value != int(value), value)):
        if all(abs(value - other) >= gap * span for other in kept):
            kept.append(value)
    axes.set_xticks(kept, [weight(value) for value in kept])
    axes.set_xticks([value for value in places if value not in kept], minor=True)
    axes.set_xlim(places[0] - 0.07 * span, places[-1] + 0.07 * span)


def legend(drawn: Any, handles: Sequence[Any]) -> None:
    """Names above a figure, in as many columns as fit."""
    longest = max(len(handle.get_label()) for handle in handles)
    columns = max(1, min(len(handles), int(WIDTH / (0.5 + 0.068 * longest))))
    drawn.legend(
        handles=list(handles), loc="outside upper left", ncols=columns, frameon=False, fontsize=8, handlelength=2.4
    )


def handle(name: str, ink: Ink, *, levelled: bool = False) -> Any:
    """The entry of a legend for a line, or for a level."""
    from matplotlib.lines import Line2D

    look: dict[str, Any] = {"ls": ink.dash, "marker": ink.marker, "ms": 4, "mfc": PAPER if ink.hollow else ink.colour}
    if levelled:
        look = {"ls": ink.level}
    return Line2D([], [], color=ink.colour, lw=1.4, label=elided(name, 40), **look)


def sign(name: str, marker: str, *, hollow: bool = True, ink: str = MUTED, **look: Any) -> Any:
    """The entry of a legend for a marker or a dash of any colour."""
    from matplotlib.lines import Line2D

    look = {"ls": "", "mfc": PAPER if hollow else ink, "mec": ink, "ms": 4.5, **look}
    return Line2D([], [], color=ink, marker=marker, label=elided(name, 40), **look)
