"""What a sweep allows to be said, in plain sentences: every claim is an interval that lies on one side of zero."""

from collections.abc import Mapping
from typing import Any

from cfgrl.report._findings import MANY
from cfgrl.report._format import listed, signed, signed_between
from cfgrl.report._sweep._read import Results, arms, dial, labels, setting, shortened


def findings(results: Results) -> list[str]:
    """Sentences on the differences from the reference, on w above and below 1, and on what is not known."""
    return [*_compared(results), *_pushed(results), *scope(results)]


def missing(results: Results) -> list[str]:
    """What is not there, by run, and what is left out for it."""
    if not results["missing"]:
        return []
    costs = {cost["run"]: cost for cost in results["costs"]}
    said = [f"{run} ({costs[run]['label']} on {costs[run]['data']})" for run in results["missing"] if run in costs]
    left = dict.fromkeys(costs[run]["arm"] for run in results["missing"] if run in costs)
    out = [arm for arm in left if arm not in arms(results)]
    consequence = f" Left out of all that is shown: {listed(out)}." if out else ""
    verb = "is" if len(said) == 1 else "are"
    return [f"Not finished {verb} {listed(said)}.{consequence} The command of the sweep goes on with it."]


def scope(results: Results) -> list[str]:
    """For whom it is said."""
    seeds = len(results["seeds"])
    if seeds == 1:
        return ["One trained agent for each arm and data set: another seed may differ by more than the intervals."]
    if seeds < MANY:
        return [
            f"Only {seeds} trained agents for each arm and data set: all this is said of them; for agents in general "
            "the intervals are too narrow."
        ]
    return []


def verdict(entry: Mapping[str, Any]) -> str:
    """Which side of zero the whole interval of a difference lies on."""
    low, high = entry["ci"]
    return "better" if low > 0 else "worse" if high < 0 else "undecided"


def _said(entry: Mapping[str, Any], measure: str) -> str:
    return f"{signed(entry['difference'], measure)}, 95 % interval {signed_between(entry['ci'], measure)}"


def _compared(results: Results) -> list[str]:
    """One sentence an arm, on all data sets together and then on each."""
    sentences = []
    for entry in results["comparisons"]:
        said, decided = _said(entry, results["measure"]), verdict(entry)
        if decided == "undecided":
            text = f"Whether {entry['arm']} is better than {entry['against']} is undecided ({said})"
        else:
            text = f"{entry['arm']} is {decided} than {entry['against']} ({said})"
        sentences.append(f"{text}{_by_data(results, entry)}.")
    return sentences


def _by_data(results: Results, entry: Mapping[str, Any]) -> str:
    short = list(shortened(labels(results)).values())
    if len(short) == 1:
        return ""
    groups = {
        name: [label for label, one in zip(short, entry["by_data"], strict=True) if verdict(one) == name]
        for name in ("better", "worse", "undecided")
    }
    parts = [f"{name} on {'each' if len(on) == len(short) else listed(on)}" for name, on in groups.items() if on]
    return f"; by data set: {', '.join(parts)}"


def _pushed(results: Results) -> list[str]:
    """Each arm with weights: which of them are better or worse than w = 1, over all data sets."""
    sentences = []
    for arm in arms(results):
        rows = [entry for entry in dial(results, arm) if "from_plain" in entry]
        for name in ("better", "worse"):
            decided = [entry for entry in rows if verdict(entry["from_plain"]) == name]
            parts = [f"{setting(entry)} ({_short(entry['from_plain'], results['measure'])})" for entry in decided]
            if parts:
                verb = "is" if len(parts) == 1 else "are"
                sentences.append(f"{arm}: {listed(parts)} {verb} {name} than w = 1.")
        undecided = [setting(entry) for entry in rows if verdict(entry["from_plain"]) == "undecided"]
        if undecided:
            sentences.append(
                f"{arm}: undecided against w = 1 {'is' if len(undecided) == 1 else 'are'} {listed(undecided)}."
            )
    return sentences


def _short(entry: Mapping[str, Any], measure: str) -> str:
    return f"{signed(entry['difference'], measure)}; {signed_between(entry['ci'], measure)}"


def rule(results: Results) -> str:
    """How settings were chosen, and what that leaves."""
    rules = list(dict.fromkeys(entry["chosen"]["rule"] for entry in results["arms"]))
    chosen = [text for text in rules if text != "there is nothing to choose"]
    said = f"Settings of a dial are chosen for each data set: {listed(chosen)}. " if chosen else ""
    return f"{said}Differences are paired: all arms played the same episodes. The intervals take the choice as given."
