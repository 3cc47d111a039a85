"""What `cfgrl.sweeps._gather.results` gave, as the tables, sentences and figures of a report ask for it."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

Results = Mapping[str, Any]


class Series(NamedTuple):
    """One line of a figure: an arm over `key`, "w" or a varied key; `key` is `None` for an arm without a dial.

    `fixed` says what else is set, for arms with both a weight and varied values; `settings` are the places on the dial.
    """

    arm: str
    key: str | None
    fixed: str
    settings: list[float]
    points: list[Mapping[str, Any]]


def arms(results: Results) -> list[str]:
    """The arms that are shown, in the sweep's order."""
    return [entry["arm"] for entry in results["overall"]]


def labels(results: Results) -> list[str]:
    """The data sets by label, in the sweep's order."""
    return list(dict.fromkeys(entry["data"] for entry in results["arms"]))


def on(results: Results, arm: str, data: str) -> Mapping[str, Any]:
    """The entry of one arm on one data set."""
    return next(entry for entry in results["arms"] if (entry["arm"], entry["data"]) == (arm, data))


def over_data(results: Results, arm: str) -> Mapping[str, Any]:
    """An arm over all data sets, as chosen on each."""
    return next(entry for entry in results["overall"] if entry["arm"] == arm)


def dial(results: Results, arm: str) -> list[Mapping[str, Any]]:
    """An arm over all data sets at each setting; empty where the data sets have different settings."""
    return [entry for entry in results["dial"] if entry["arm"] == arm]


def setting(entry: Mapping[str, Any]) -> str:
    """A setting of a dial in words: "w = 3"; "" where there is none."""
    parts = [] if entry["weight"] is None else [f"w = {entry['weight']:g}"]
    parts += [f"{short_key(key)} = {plain(value)}" for key, value in entry["varied"].items()]
    return ", ".join(parts)


def same_setting(a: Mapping[str, Any], b: Mapping[str, Any]) -> bool:
    """Whether two entries are of one setting."""
    return (a["weight"], a["varied"]) == (b["weight"], b["varied"])


def short_key(key: str) -> str:
    """A dotted key's last word."""
    return key.rpartition(".")[2]


def plain(value: Any) -> str:
    """A value as it is typed."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def shortened(names: Sequence[str]) -> dict[str, str]:
    """Names without the words at their beginning and end that all of them share; whole where there is one alone."""
    words = [name.split("-") for name in names]
    if len(names) < 2:
        return {name: name for name in names}
    shortest = min(map(len, words))
    first = next((n for n in range(shortest) if len({w[n] for w in words}) > 1), shortest)
    last = next((n for n in range(shortest - first) if len({w[-1 - n] for w in words}) > 1), shortest - first)
    short = ["-".join(w[first : len(w) - last]) for w in words]
    usable = all(short) and len(set(short)) == len(set(names))
    return dict(zip(names, short if usable else names, strict=True))


def series(arm: str, points: Sequence[Mapping[str, Any]]) -> list[Series]:
    """The lines that an arm's points make: over w where it has weights, else over the one number that varies."""
    if len(points) == 1 and points[0]["weight"] is None:
        return [Series(arm, None, "", [], list(points))]
    if points[0]["weight"] is not None:
        found: dict[str, list[Mapping[str, Any]]] = {}
        for point in points:
            found.setdefault(setting({"weight": None, "varied": point["varied"]}), []).append(point)
        return [Series(arm, "w", fixed, [p["weight"] for p in group], group) for fixed, group in found.items()]
    keys = {key for point in points for key in point["varied"]}
    key = next(iter(keys), "")
    values = [point["varied"].get(key) for point in points]
    if len(keys) != 1 or not all(isinstance(value, int | float) for value in values):
        return []  # there is no axis for it: tables show it
    order = sorted(range(len(points)), key=lambda n: values[n])
    return [Series(arm, key, "", [values[n] for n in order], [points[n] for n in order])]


def quantity(line: Mapping[str, Any], key: str) -> tuple[float, list[float] | None] | None:
    """One quantity of such an entry, and its interval; `None` if it is not known."""
    value, bounds = line.get(key), line.get(f"{key}_ci")
    if value is None:
        return None
    return value, None if bounds is None or None in bounds else list(bounds)
