"""Rollouts drawn on the floor plan: the same episode played at several weights, side by side."""

from collections.abc import Sequence
from typing import Any

from cfgrl.evaluation._outcomes import natural
from cfgrl.report._format import count, weight
from cfgrl.report._style import INK, MUTED, PAPER, WALL, colour, figure

REACHED, MISSED = colour(0), colour(1)


def grouped(record: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """The rollouts of each task in order of weight, tasks in natural order."""
    order = sorted(record["rollouts"], key=lambda rollout: (natural(str(rollout["task"])), rollout["weight"] or 0.0))
    tasks: dict[str, list[dict[str, Any]]] = {}
    for rollout in order:
        if rollout["positions"]:
            tasks.setdefault(str(rollout["task"]), []).append(rollout)
    return tasks


def rollouts(record: dict[str, Any]) -> Any:
    """All rollouts in one figure: a row a task, a column a weight."""
    tasks = grouped(record)
    columns = max(map(len, tasks.values()))
    panel = 1.25
    drawn = figure(panel * columns + 0.4, (panel * _aspect(record) + 0.3) * len(tasks))
    grid = drawn.subplots(len(tasks), columns, squeeze=False)
    for row, (task, played) in zip(grid, tasks.items(), strict=True):
        for axes in row[len(played) :]:
            axes.set_visible(False)
        for axes, rollout in zip(row, played, strict=False):
            _draw(axes, record, rollout)
            axes.set_title(heading(rollout), fontsize=8, pad=2)
        row[0].set_ylabel(task, fontsize=9)
    return drawn


def panel(record: dict[str, Any], rollout: dict[str, Any]) -> Any:
    """One rollout without text, for a page that adds its own."""
    drawn = figure(1.9, 1.9 * _aspect(record))
    drawn.set_layout_engine("none")
    _draw(drawn.add_axes((0.01, 0.01, 0.98, 0.98)), record, rollout)
    return drawn


def heading(rollout: dict[str, Any]) -> str:
    """The weight of a rollout; empty where there is no dial."""
    return "" if rollout["weight"] is None else f"w = {weight(rollout['weight'])}"


def ending(rollout: dict[str, Any]) -> str:
    """How a rollout ended."""
    steps = count(max(len(rollout["positions"]) - 1, 0), "step")
    if rollout["success"] is None:
        return steps
    return f"reached in {steps}" if rollout["success"] else f"not reached, {steps}"


def _draw(axes: Any, record: dict[str, Any], rollout: dict[str, Any]) -> None:
    from matplotlib.patches import Rectangle

    for x, y, width, height in record.get("walls", []):
        # An edge of the same colour closes the hairlines between neighbouring blocks.
        axes.add_patch(Rectangle((x, y), width, height, facecolor=WALL, edgecolor=WALL, linewidth=0.4))
    # Where tasks know returns only, nothing was missed.
    fine = rollout["success"] is None or rollout["success"]
    ink = REACHED if fine else MISSED
    xs, ys = zip(*(position[:2] for position in rollout["positions"]), strict=True)
    if rollout.get("goal") is not None:
        axes.plot(*rollout["goal"][:2], marker="*", ms=9, mfc=PAPER, mec=INK, mew=0.8, zorder=3)
    axes.plot(xs, ys, color=ink, lw=1.3, zorder=4)
    axes.plot(xs[0], ys[0], "o", ms=4, mfc=PAPER, mec=INK, mew=0.8, zorder=5)
    axes.plot(xs[-1], ys[-1], "o" if fine else "X", ms=4.5, color=ink, mec=PAPER, mew=0.5, zorder=6)
    left, right, bottom, top = _bounds(record)
    axes.set_xlim(left, right)
    axes.set_ylim(bottom, top)
    axes.set_aspect("equal")
    axes.grid(visible=False)
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(not record.get("walls"))
        spine.set_color(MUTED)


def _bounds(record: dict[str, Any]) -> tuple[float, float, float, float]:
    """Left, right, bottom and top of the floor plan, or of all positions where there are no walls."""
    corners: Sequence[Sequence[float]] = [
        corner for x, y, width, height in record.get("walls", []) for corner in ((x, y), (x + width, y + height))
    ]
    margin = 0.0
    if not corners:
        corners = [position for rollout in record["rollouts"] for position in rollout["positions"]]
        corners = [*corners, *(rollout["goal"] for rollout in record["rollouts"] if rollout.get("goal") is not None)]
    xs, ys = [corner[0] for corner in corners], [corner[1] for corner in corners]
    span = max(max(xs) - min(xs), max(ys) - min(ys), 1e-6 * max(1.0, *map(abs, xs), *map(abs, ys)))
    if not record.get("walls"):
        margin = 0.06 * span
    return *_widened(min(xs) - margin, max(xs) + margin, span), *_widened(min(ys) - margin, max(ys) + margin, span)


def _widened(low: float, high: float, span: float) -> tuple[float, float]:
    """Two distinct ends, even if the plan is a single line."""
    return (low, high) if high - low > 1e-3 * span else (low - 0.5 * span, high + 0.5 * span)


def _aspect(record: dict[str, Any]) -> float:
    """Height of a floor plan over its width, as far as a panel follows it."""
    left, right, bottom, top = _bounds(record)
    return min(max((top - bottom) / (right - left), 0.4), 2.5)
