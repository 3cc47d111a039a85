"""What a sweep supports, in plain sentences: every claim is an interval that lies on one side of zero."""

from collections.abc import Mapping
from typing import Any

from cfgrl.evaluation._bootstrap import binomial_limit
from cfgrl.report._findings import MANY
from cfgrl.report._format import be, difference, listed, verdict
from cfgrl.report._sweep._read import Results, arms, dial, labels, setting, shortened


def findings(results: Results) -> list[str]:
    """Sentences on the differences from the reference, on w above and below 1, and on what is not known."""
    return [*_compared(results), *_pushed(results), *scope(results)]


def missing(results: Results) -> list[str]:
    """Missing runs, and the arms that are left out because of them."""
    if not results["missing"]:
        return []
    lost = [cost for run in results["missing"] for cost in results["costs"] if cost["run"] == run]
    said = [f"{cost['run']} ({cost['label']} on {cost['data']})" for cost in lost]
    out = [arm for arm in dict.fromkeys(cost["arm"] for cost in lost) if arm not in arms(results)]
    consequence = f" Left out of all that is shown: {listed(out)}." if out else ""
    sentences = [f"Not finished {be(said)} {listed(said)}.{consequence} The command of the sweep goes on with it."]
    if results["reference"] != results["reference_of_sweep"]:
        sentences.append(
            f"{results['reference']} stands in for {results['reference_of_sweep']}, which is not among them."
        )
    return sentences


def scope(results: Results) -> list[str]:
    """To which agents the findings apply, and their limits."""
    return [*_agents(results), *_alike(results), *_many(results)]


def _agents(results: Results) -> list[str]:
    seeds = len(results["seeds"])
    if seeds == 1:
        return ["One trained agent for each arm and data set: another seed may differ by more than the intervals."]
    if seeds < MANY:
        return [
            f"Only {seeds} trained agents for each arm and data set: all this is said of them; for agents in general "
            "the intervals are too narrow."
        ]
    return []


def _alike(results: Results) -> list[str]:
    """Where all episodes ended alike the bootstrap sees no spread, which is not certainty."""
    points = [entry["chosen"] for entry in results["arms"]]
    if not any(low == high for low, high in (point["ci"] for point in points)):
        return []
    episodes = min(point["episodes"] for entry in results["arms"] for point in entry["points"]) // 2
    limit = binomial_limit(max(1, episodes))
    return [
        f"An interval without width is one where all episodes of all agents ended alike; over {max(1, episodes)} "
        f"episodes alone that still allows {limit:.3f} to either side of a success rate of 0 or 1."
    ]


def _many(results: Results) -> list[str]:
    """Many intervals, each at 95 % by itself."""
    count = len(results["comparisons"]) * (1 + len(labels(results)))
    count += sum("from_plain" in entry for entry in results["dial"])
    if count < 2:
        return []
    return [f"Each of the {count} differences is at 95 % by itself, without a correction for several."]


def _compared(results: Results) -> list[str]:
    """One sentence an arm, on all data sets together and then on each."""
    sentences = []
    for entry in results["comparisons"]:
        said, decided = difference(entry, results["measure"]), verdict(entry)
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
            parts = [f"{setting(e)} ({difference(e['from_plain'], results['measure'], '; ')})" for e in decided]
            if parts:
                sentences.append(f"{arm}: {listed(parts)} {be(parts)} {name} than w = 1.")
        undecided = [setting(entry) for entry in rows if verdict(entry["from_plain"]) == "undecided"]
        if undecided:
            sentences.append(f"{arm}: undecided against w = 1 {be(undecided)} {listed(undecided)}.")
    return sentences


def rule(results: Results) -> str:
    """How settings were chosen, and what that leaves."""
    rules = list(dict.fromkeys(entry["chosen"]["rule"] for entry in results["arms"]))
    chosen = [text for text in rules if text != "there is nothing to choose"]
    said = f"Settings of a dial are chosen for each data set: {listed(chosen)}. " if chosen else ""
    return f"{said}Differences are paired: all arms played the same episodes. The intervals take the choice as given."
