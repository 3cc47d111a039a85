"""How every figure looks: one size of type, few inks, colours that colour-blind readers can tell apart.

Figures are drawn with matplotlib's object-oriented interface and the Agg and SVG canvases alone: no pyplot, no window,
no state that outlives a figure. In a page the inks become CSS variables, so that a figure follows light and dark.
"""

import html
import io
import math
import re
from collections.abc import Callable, Sequence
from typing import Any

from cfgrl._errors import ConfigError
from cfgrl.report._format import elided

INK, MUTED, RULE, WALL, PAPER = "#1b1f24", "#5f6670", "#d9dde2", "#c3c9d1", "#ffffff"
#: Blue, vermilion, green, purple, ochre, grey: Okabe and Ito's order, darkened until thin lines are readable on white.
COLOURS = ("#0b6ba8", "#c24e00", "#0a7f5f", "#8d4a96", "#8a6a00", "#555b63")
VARIABLES = {INK: "--ink", MUTED: "--muted", RULE: "--rule", WALL: "--wall", PAPER: "--paper"} | {
    colour: f"--c{index}" for index, colour in enumerate(COLOURS)
}
#: Written into every PNG, so that a later `cfgrl plot` knows the file for its own.
MARK = "cfgrl plot"

_SETTINGS: Any = {
    "font.family": "sans-serif",
    "font.size": 9,
    "text.color": INK,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 9,
    "axes.titleweight": "normal",
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "grid.color": RULE,
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "lines.linewidth": 1.6,
    "lines.solid_capstyle": "round",
    "figure.facecolor": PAPER,
    "axes.facecolor": "none",
    "figure.constrained_layout.use": True,
    "svg.fonttype": "none",
    "svg.hashsalt": "cfgrl",
}


def require_matplotlib() -> None:
    """Raises `ConfigError` with the sentence that mends it where matplotlib is not installed."""
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise ConfigError("Figures need matplotlib, which is not installed: pip install 'cfgrl[plot]'.") from error


def has_matplotlib() -> bool:
    """Whether figures can be drawn."""
    try:
        require_matplotlib()
    except ConfigError:
        return False
    return True


def figure(width: float, height: float) -> Any:
    """An empty figure in inches; to be called inside `render`."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height))


def render(draw: Callable[[], Any], kind: str) -> bytes:
    """Draw a figure in the house style and return it as a file, "png" or "svg".

    **Arguments:**

    - `draw`: builds and returns the figure; it runs with the style in force.
    - `kind`: "png" (200 dots an inch, white paper) or "svg" (transparent, text as text).
    """
    require_matplotlib()
    import matplotlib

    with matplotlib.rc_context(_SETTINGS):
        buffer, drawn = io.BytesIO(), draw()
        metadata = {"Software": MARK} if kind == "png" else {"Date": None, "Creator": MARK}
        drawn.savefig(buffer, format=kind, dpi=200, transparent=kind == "svg", metadata=metadata)
    return buffer.getvalue()


def inline_svg(draw: Callable[[], Any], label: str, name: str) -> str:
    """A figure as an `<svg>` element for a page: inks as CSS variables, width from the page.

    **Arguments:**

    - `draw`: builds and returns the figure.
    - `label`: what it shows, for readers who do not see it.
    - `name`: unique in the page; identifiers inside the drawing are made unique with it.
    """
    text = render(draw, "svg").decode("utf-8")
    head, _, body = text[text.index("<svg") :].partition(">")
    box = re.search(r'viewBox="[\d.]+ [\d.]+ ([\d.]+) [\d.]+"', head)
    assert box is not None
    # The document's own metadata and style would apply to the whole page, and nobody refers to a group by its name.
    for pattern in (r"<metadata>.*?</metadata>", r"<style.*?</style>", r"<!--.*?-->", r'(?<=<g) id="[^"]*"'):
        body = re.sub(pattern, "", body, flags=re.DOTALL)
    body = re.sub(r'(id="|href="#|url\(#)', rf"\g<1>{name}-", body)
    for ink, variable in VARIABLES.items():
        body = body.replace(ink, f"var({variable})")
    points_to_pixels = 4 / 3
    return (
        f'<svg role="img" aria-label="{html.escape(label)}" {box[0]} stroke-linejoin="round" '
        f'style="max-width:{float(box[1]) * points_to_pixels:.0f}px">{body.rstrip()}'
    )


def colour(index: int) -> str:
    """The colour of the run (or series) of that number."""
    return COLOURS[index % len(COLOURS)]


def name_runs(drawn: Any, runs: Sequence[Any]) -> None:
    """Name several runs in their colours above a figure."""
    if len(runs) == 1:
        return
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], color=colour(run.number), marker="o", ms=4, label=elided(run.label)) for run in runs]
    drawn.legend(handles=handles, loc="outside upper left", ncols=3, frameon=False, labelcolor="linecolor", fontsize=8)


def multiples(drawn: Any, titles: Sequence[str], columns: int, *, pad: float, **shared: Any) -> list[Any]:
    """Fill a figure with small panels in reading order; the places left over are hidden.

    **Arguments:**

    - `drawn`: the figure.
    - `titles`: one for each panel, `pad` points above it.
    - `columns`: panels in a row.
    - `shared`: as `Figure.subplots` takes it.
    """
    grid = drawn.subplots(math.ceil(len(titles) / columns), columns, squeeze=False, **shared)
    for position, axes in enumerate(grid.flat):
        if position < len(titles):
            axes.set_title(titles[position], loc="left", pad=pad)
        else:
            axes.set_visible(False)
            # The panel above an empty place is the lowest of its column and needs the numbers of its axis.
            grid[position // columns - 1, position % columns].tick_params(labelbottom=True)
    return list(grid.flat)[: len(titles)]


def rows_only(axes: Any, names: Sequence[str]) -> None:
    """One named row for each comparison: a vertical grid, and no axis on the left."""
    axes.set_yticks(range(len(names)), names)
    axes.grid(visible=True, axis="x")
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)


def name_sides(axes: Any, worse: str, better: str) -> None:
    """Name the two sides of zero above the axes; both sides are always in view."""
    low, high = axes.get_xlim()
    reach = max(high - low, 1e-6)
    axes.set_xlim(min(low, -0.3 * reach), max(high, 0.3 * reach))
    place: dict[str, Any] = {"xycoords": ("data", "axes fraction"), "textcoords": "offset points", "va": "bottom"}
    for text, offset, side in ((worse, -6, "right"), (better, 6, "left")):
        axes.annotate(text, (0, 1), xytext=(offset, 3), ha=side, color=MUTED, fontsize=8, **place)


def name_ends(axes: Any, ends: Sequence[tuple[str, str, float]], gap: float) -> None:
    """Label lines (name, colour, height of the end) at the right edge, at least `gap` of the axis apart."""
    low, high = axes.get_ylim()
    places = spread([min(height, high) for _, _, height in ends], gap * (high - low))
    look: dict[str, Any] = {"xytext": (4, 0), "textcoords": "offset points", "va": "center"}
    for (name, ink, _), place in zip(ends, places, strict=True):
        axes.annotate(name, (1.0, place), xycoords=("axes fraction", "data"), color=ink, **look)


def whiskers(axes: Any, places: Sequence[float], bounds: Sequence[Sequence[float]], ink: str, lw: float) -> None:
    """Intervals as vertical lines."""
    axes.vlines(places, [low for low, _ in bounds], [high for _, high in bounds], color=ink, lw=lw)


def spread(places: Sequence[float], gap: float) -> list[float]:
    """Move label positions apart until neighbours are at least `gap` apart; order and mean are kept."""
    order = sorted(range(len(places)), key=lambda index: places[index])
    groups: list[list[int]] = []
    for index in order:
        groups.append([index])
        # A group that touches the one below it is merged and centred on the mean of what its members wanted.
        while len(groups) > 1 and _bottom(groups[-1], places, gap) - _top(groups[-2], places, gap) < gap:
            groups[-2:] = [groups[-2] + groups[-1]]
    moved = list(places)
    for group in groups:
        for rank, index in enumerate(group):
            moved[index] = _bottom(group, places, gap) + rank * gap
    return moved


def _bottom(group: Sequence[int], places: Sequence[float], gap: float) -> float:
    return sum(places[index] for index in group) / len(group) - (len(group) - 1) * gap / 2


def _top(group: Sequence[int], places: Sequence[float], gap: float) -> float:
    return _bottom(group, places, gap) + (len(group) - 1) * gap
