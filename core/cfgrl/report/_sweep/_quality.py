"""Success (or return) against how the data were made, where the data sets of a sweep differ in that."""

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

from cfgrl.report._sweep import _panels
from cfgrl.report._sweep._read import Results, arms, labels, on


class Panel(NamedTuple):
    """One key of the recipes: the data sets (labels) that differ in it alone, by its value; `title` says of which."""

    key: str
    title: str
    labels: dict[float, str]


def panels(results: Results) -> list[Panel]:
    """A panel for each key that two data sets differ in, all else at its most common setting.

    Only data sets whose recipe states the key: what another would be by default is not known here.
    """
    made = {label: source for label in labels(results) if (source := results["data"].get(label, {})).get("generate")}
    keys = dict.fromkeys(key for source in made.values() for key in source["generate"]["recipe"])
    names = list(dict.fromkeys(source["name"] for source in made.values()))
    found = []
    for key in keys:
        for name in names:
            stated = {n: s for n, s in made.items() if s["name"] == name and key in s["generate"]["recipe"]}
            others = Counter(_others(source, key) for source in stated.values())
            usual = others.most_common(1)[0][0] if others else ""
            same = {s["generate"]["recipe"][key]: n for n, s in stated.items() if _others(s, key) == usual}
            if len(same) > 1:
                found.append(Panel(key, name, dict(sorted(same.items()))))
    return found


def _others(source: Mapping[str, Any], key: str) -> str:
    """All that makes the data but one key of the recipe."""
    generate = source["generate"]
    recipe = {name: value for name, value in generate["recipe"].items() if name != key}
    return json.dumps([source.get("use"), {**generate, "recipe": recipe}], sort_keys=True)


def quality_figure(results: Results) -> Any:
    """Each arm as chosen on each data set."""
    found, ink = panels(results), _panels.inks(arms(results))
    drawn, places = _panels.multiples([panel.title for panel in found], sharey=True)
    for axes, panel in zip(places, found, strict=True):
        values = list(panel.labels)
        aside = _panels.shifts(len(arms(results)), values)
        for arm, step in zip(arms(results), aside, strict=True):
            entries = [on(results, arm, label)["chosen"] for label in panel.labels.values()]
            _panels.line(axes, [value + step for value in values], entries, ink[arm])
        _panels.ticks_of_weights(axes, values)
        axes.set_xlabel(panel.key.replace("_", " "))
    _panels.scale_of_measure(places[0], results["measure"], [entry["chosen"] for entry in results["arms"]])
    drawn.supylabel(f"mean {results['measure']}, as chosen", fontsize=9)
    _panels.legend(drawn, [_panels.handle(arm, ink[arm]) for arm in arms(results)])
    return drawn
