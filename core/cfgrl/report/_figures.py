"""The pictures of one or several runs: which there are, their captions, and writing them as PNG files."""

import functools
import os
import pathlib
import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from cfgrl._errors import ConfigError
from cfgrl.records._run import RunRecord
from cfgrl.report import _maze
from cfgrl.report._by_task import by_task
from cfgrl.report._curves import curves, panels
from cfgrl.report._differences import differences
from cfgrl.report._files import refuse_foreign, write_derived
from cfgrl.report._progress_curve import has_progress, progress
from cfgrl.report._style import MARK, render, require_matplotlib
from cfgrl.report._success import success


class Picture(NamedTuple):
    """One figure: `name` of its file, `section` of the page, what it shows, and how it is drawn."""

    name: str
    section: str
    caption: str
    draw: Callable[[], Any]


def pictures(runs: Sequence[RunRecord]) -> list[Picture]:
    """All figures that these runs have something to show for; rollouts apart (see `rollout_pictures`)."""
    found: list[Picture] = []
    for measure in ("success", "return"):
        judged = [run for run in runs if run.evaluation is not None and run.measure == measure]
        if judged:
            found += _evaluation_pictures(judged, measure)
    trained = [run for run in runs if run.metrics]
    if panels(trained):
        caption = "Loss over training. Thin lines are agent seeds, thick lines their mean."
        caption += " Dashed: validation data." if len(trained) > 1 else ""
        found.append(Picture("learning-curves", "curves", caption, functools.partial(curves, trained)))
    for run, ending in zip(runs, _endings(runs), strict=True):
        if has_progress(run):
            name = f"progress{ending}"
            caption = f"Evaluations of {run.label} during and after training; the stronger the line, the larger w."
            found.append(Picture(name, "curves", caption, functools.partial(progress, run)))
    return found


def rollout_pictures(runs: Sequence[RunRecord]) -> list[Picture]:
    """The rollouts of each run that has any, a row a task and a column a weight."""
    found = []
    for run, ending in zip(runs, _endings(runs), strict=True):
        if run.rollouts is not None and _maze.grouped(run.rollouts):
            name = f"rollouts{ending}"
            caption = f"One episode a task of {run.label}, played at each w with the same environment seed and noise."
            found.append(Picture(name, "rollouts", caption, functools.partial(_maze.rollouts, run.rollouts)))
    return found


def write_figures(runs: Sequence[RunRecord], out: str | os.PathLike[str]) -> list[pathlib.Path]:
    """Write every figure as `out/NAME.png` and return the paths.

    **Raises:** `ConfigError` where matplotlib is missing, there is nothing to draw, or a file there is not our own.
    """
    require_matplotlib()
    found = [*pictures(runs), *rollout_pictures(runs)]
    if not found:
        names = ", ".join(str(run.path) for run in runs)
        raise ConfigError(
            f"There is nothing to draw in {names} yet: no metrics, no evaluation. Train or `cfgrl eval` first."
        )
    places = [pathlib.Path(out) / f"{picture.name}.png" for picture in found]
    for place in places:
        refuse_foreign(place, MARK)
    return [
        write_derived(place, render(picture.draw, "png"), MARK) for place, picture in zip(places, found, strict=True)
    ]


def _evaluation_pictures(runs: Sequence[RunRecord], measure: str) -> list[Picture]:
    dots = "" if any(_agents(run) == 1 for run in runs) else " Small circles are single agents."
    caption = f"Mean {measure} against the guidance weight w; bars are 95 % intervals.{dots}"
    found = [Picture(f"{measure}-against-w", "success", caption, functools.partial(success, runs, measure))]
    compared = [run for run in runs if run.evaluation and run.evaluation.get("comparisons")]
    if compared:
        caption = (
            "Paired differences with 95 % intervals: both weights played the same episodes. Filled where the interval "
            "excludes zero."
        )
        draw = functools.partial(differences, compared, measure)
        found.append(Picture(f"{measure}-differences", "success", caption, draw))
    caption = f"Mean {measure} on each task; bars are 95 % intervals."
    found.append(Picture(f"{measure}-by-task", "tasks", caption, functools.partial(by_task, runs, measure)))
    return found


def _agents(run: RunRecord) -> int:
    return 0 if run.evaluation is None else len(run.evaluation["results"][0]["by_seed"])


def _endings(runs: Sequence[RunRecord]) -> list[str]:
    """What is added to the file name of a figure that shows one of several runs; unique, and safe in a file name."""
    if len(runs) == 1:
        return [""]
    names = [re.sub(r"[^A-Za-z0-9._-]+", "-", run.label).strip("-.") for run in runs]
    return [f"-{name}" if name and names.count(name) == 1 else f"-{i}" for i, name in enumerate(names, 1)]
