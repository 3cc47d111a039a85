"""How every figure looks: one size of type, few inks, colours that colour-blind readers can tell apart.

Figures are drawn with matplotlib's object-oriented interface and the Agg and SVG canvases alone: no pyplot, no window,
no state that outlives a figure. In a page the inks become CSS variables, so that a figure follows light and dark.
"""

import html
import io
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


def render(draw: Callable[[], Any], form: str) -> bytes:
    """Draw a figure in the house style and return it as a file, "png" or "svg".

    **Arguments:**

    - `draw`: builds and returns the figure; it runs with the style in force.
    - `form`: "png" (200 dots an inch, white paper) or "svg" (transparent, text as text).
    """
    require_matplotlib()
    import matplotlib

    with matplotlib.rc_context(_SETTINGS):
        buffer, drawn = io.BytesIO(), draw()
        metadata = {"Software": MARK} if form == "png" else {"Date": None, "Creator": MARK}
        drawn.savefig(buffer, format=form, dpi=200, transparent=form == "svg", metadata=metadata)
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
    """The names of several runs in their colours above a figure that has no room beside its lines."""
    if len(runs) == 1:
        return
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], color=colour(run.number), marker="o", ms=4, label=elided(run.label)) for run in runs]
    drawn.legend(handles=handles, loc="outside upper left", ncols=3, frameon=False, labelcolor="linecolor", fontsize=8)


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
