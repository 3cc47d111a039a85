"""The tables of a sweep as plain rows, for the page, the terminal and Markdown alike."""

from collections.abc import Mapping, Sequence
from typing import Any

from cfgrl.report._facts import as_text
from cfgrl.report._format import between, count, listed, number, signed, signed_between, weight
from cfgrl.report._sweep._read import (
    Results,
    arms,
    dial,
    labels,
    on,
    over_data,
    quantity,
    same_setting,
    setting,
    shortened,
)
from cfgrl.report._tables import Table

ALL = "all data sets"
#: What `cfgrl density` measures, and its column's name.
QUANTITIES = {
    "entropy": "entropy",
    "cross_entropy": "cross-entropy",
    "kl": "KL from w = 0",
    "nll_data": "−log density of the data",
    "clipped": "clipped",
    "spread": "spread",
    "tilt": "tilt",
    "tilt_promised": "tilt promised",
    "effective": "effective",
}


def with_interval(entry: Mapping[str, Any], measure: str) -> str:
    """A mean and its interval."""
    return f"{number(entry['mean'], measure)} {between(entry['ci'], measure)}"


def difference_with_interval(entry: Mapping[str, Any], measure: str) -> str:
    """A difference and its interval."""
    return f"{signed(entry['difference'], measure)} ({signed_between(entry['ci'], measure)})"


def chosen_table(results: Results, *, settings: bool) -> Table:
    """One row an arm, as chosen: over all data sets where there are several, and on each.

    **Arguments:**

    - `settings`: whether to add the chosen setting in brackets.
    """
    names, measure = labels(results), results["measure"]
    header = ["arm", *([ALL] if len(names) > 1 else []), *shortened(names).values()]
    rows = []
    for arm in arms(results):
        row = [arm, *([with_interval(over_data(results, arm), measure)] if len(names) > 1 else [])]
        for name in names:
            chosen = on(results, arm, name)["chosen"]
            said = f" ({setting(chosen)})" if settings and setting(chosen) else ""
            row.append(with_interval(chosen, measure) + said)
        rows.append(row)
    return Table(header, rows)


def differences_table(results: Results) -> Table:
    """One row an arm: its paired difference from the reference, both as chosen."""
    names, measure = labels(results), results["measure"]
    several = len(names) > 1
    header = [f"against {results['reference']}", *([ALL] if several else []), *shortened(names).values()]
    rows = []
    for entry in results["comparisons"]:
        found = [entry, *entry["by_data"]] if several else [entry]
        rows.append([entry["arm"], *(difference_with_interval(one, measure) for one in found)])
    return Table(header, rows)


def dial_tables(results: Results) -> list[tuple[str, Table]]:
    """For each arm with a dial, a row a setting: all data sets, the difference from w = 1, and each data set."""
    return [(arm, _dial_table(results, arm)) for arm in arms(results) if len(_settings(results, arm)) > 1]


def dials_table(results: Results) -> Table:
    """One row an arm with a dial: what turning it is worth, and how many trainings it takes."""
    header = ["dial", "as chosen", "mean over its settings", "settings", "trained networks", "training (core-s)"]
    rows = []
    for arm in (arm for arm in arms(results) if len(_settings(results, arm)) > 1):
        found = over_data(results, arm)
        means = [with_interval(entry, results["measure"]) for entry in (found, found["over_dial"])]
        costs = [cost for cost in results["costs"] if cost["arm"] == arm]
        rows.append([arm, *means, str(len(_settings(results, arm))), str(len(costs)), _seconds(costs, "train")])
    return Table(header, rows)


def _settings(results: Results, arm: str) -> list[Mapping[str, Any]]:
    """The settings of an arm on any data set."""
    found: list[Mapping[str, Any]] = []
    for name in labels(results):
        for point in on(results, arm, name)["points"]:
            if not any(same_setting(point, other) for other in found):
                found.append(point)
    return found


def _dial_table(results: Results, arm: str) -> Table:
    names, measure, over = labels(results), results["measure"], dial(results, arm)
    first = [ALL] if len(names) > 1 else []
    paired = ["difference from w = 1"] if any("from_plain" in entry for entry in over) else []
    rows = []
    for place in _settings(results, arm):
        found = [next((p for p in on(results, arm, n)["points"] if same_setting(p, place)), None) for n in names]
        entry = next((entry for entry in over if same_setting(entry, place)), None)
        gain = None if entry is None else entry.get("from_plain")
        said = ["–" if gain is None else difference_with_interval(gain, measure)] if paired else []
        shown = [entry, *found] if first else found
        means = ["–" if one is None else with_interval(one, measure) for one in shown]
        rows.append([setting(place), means[0], *said, *means[1:]])
    header = [*first, *shortened(names).values()]
    return Table(["setting", header[0], *paired, *header[1:]], rows)


def density_tables(results: Results) -> list[tuple[str, Table]]:
    """For each run whose densities were a row a weight."""
    found = []
    for entry in results["density"]:
        lines = entry["results"]
        keys = [key for key in QUANTITIES if any(quantity(line, key) for line in lines)]
        folded = any(line.get("n_folded") for line in lines)
        header = ["w", *(QUANTITIES[key] for key in keys), *(["actions without density"] if folded else [])]
        rows = [
            [
                weight(line["weight"]),
                *(_quantity(line, key) for key in keys),
                *([f"{line.get('n_folded', 0):,}"] if folded else []),
            ]
            for line in lines
        ]
        if keys:
            found.append((f"{entry['label']} on {entry['data']}", Table(header, rows)))
    return found


def _quantity(line: Mapping[str, Any], key: str) -> str:
    known = quantity(line, key)
    if known is None:
        return "–"
    value, bounds = known
    return number(_rounded(value)) + ("" if bounds is None else f" {between([_rounded(b) for b in bounds])}")


def _rounded(value: float) -> float:
    """Two decimals, and no minus before a zero."""
    return round(value, 2) + 0.0


def costs_table(results: Results) -> Table:
    """One row an arm: its runs and what they took where that was measured; a run of two arms is in both."""
    what = [key for key in ("train", "eval", "density") if any(cost[key] is not None for cost in results["costs"])]
    names = {"train": "training (core-s)", "eval": "evaluation (core-s)", "density": "density (core-s)"}
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for cost in results["costs"]:
        groups.setdefault(cost["arm"], []).append(cost)
    groups["all runs"] = list({cost["run"]: cost for cost in results["costs"]}.values())
    rows = [[name, str(len(costs)), *(_seconds(costs, key) for key in what)] for name, costs in groups.items()]
    return Table(["arm", "runs", *(names[key] for key in what)], rows)


def _seconds(costs: Sequence[Mapping[str, Any]], key: str) -> str:
    known = [cost[key] for cost in costs if cost[key] is not None]
    of = "" if len(known) == len(costs) else f" ({count(len(known), 'run')})"
    return f"{sum(known):,.0f}{of}" if known else "–"


def core_minutes(results: Results) -> float:
    """What all runs took together, each once."""
    runs = {cost["run"]: cost for cost in results["costs"]}.values()
    return sum(cost[key] or 0.0 for cost in runs for key in ("train", "eval", "density")) / 60


def provenance(results: Results) -> list[tuple[str, str]]:
    """Where the numbers come from: versions, machine, seeds, episodes, command."""
    made = results["made"]
    episodes = sorted({point["episodes"] for entry in results["arms"] for point in entry["points"]})
    counts = listed([f"{count:,}" for count in episodes])
    rows = [
        ("data sets", ", ".join(labels(results))),
        ("versions", as_text(made.get("versions"))),
        ("machine", as_text(made.get("platform"))),
        ("git commit", str(made.get("git") or "")),
        ("agent seeds", ", ".join(map(str, results["seeds"]))),
        ("episodes", f"{counts} for each setting and data set"),
        ("computed", f"{core_minutes(results):,.1f} core-minutes, {results['cores']} cores for each run"),
        ("gathered", str(results["time"])),
    ]
    return [(name, value) for name, value in rows if value]
