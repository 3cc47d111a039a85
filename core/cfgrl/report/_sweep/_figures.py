"""The figures of a sweep: which there are, and what they show."""

import functools

from cfgrl.report._figures import Picture
from cfgrl.report._sweep._density import FEW, cost_figure, lines, promise_figure
from cfgrl.report._sweep._dial import dial_figure, kinds
from cfgrl.report._sweep._forest import arms_figure, differences_figure
from cfgrl.report._sweep._quality import panels, quality_figure
from cfgrl.report._sweep._read import Results, labels

PROMISED = "π₀·(π₁/π₀)^w"


def pictures(results: Results) -> list[Picture]:
    """All figures that there are data for."""
    measure, several = results["measure"], len(labels(results)) > 1
    small = " Small markers: the single data sets." if several else ""
    over = " over all data sets" if several else ""
    said = f"Mean {measure} of each arm as chosen{over}, 95 % intervals.{small}"
    found = [Picture("arms", "arms", said, functools.partial(arms_figure, results))]
    if results["comparisons"]:
        said = f"Paired differences from {results['reference']}{over}, 95 % intervals; filled where one excludes zero."
        found.append(
            Picture("differences", "differences", said + small, functools.partial(differences_figure, results))
        )
    if kinds(results):
        said = f"Mean {measure} at every setting, all episodes, 95 % intervals. Dashed: arms without a dial, their"
        said += " intervals as bands or beside the panel."
        found.append(Picture("dial", "dial", said, functools.partial(dial_figure, results)))
    if panels(results):
        said = f"Mean {measure} of each arm as chosen against how the data were made, 95 % intervals."
        found.append(Picture("quality", "quality", said, functools.partial(quality_figure, results)))
    return found + _density_pictures(results)


def _density_pictures(results: Results) -> list[Picture]:
    found, shown = [], lines(results)
    if shown:
        said = f"What w costs in densities, clipping and spread of actions, and what it gains in {results['measure']}."
        found.append(Picture("cost-of-w", "density", said, functools.partial(cost_figure, results)))
    if any(entry.get("tilt") is not None for line in shown for entry in line.entries):
        said = (
            f"Mean log π₁/π₀ of actions, 95 % intervals: as sampled, and as exact sampling of {PROMISED} would give it."
        )
        said += f" Hollow: the promise rests on less than {FEW:g} of the draws."
        found.append(Picture("promise", "density", said, functools.partial(promise_figure, results)))
    return found
