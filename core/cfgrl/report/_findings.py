"""What an evaluation supports, in plain sentences.

Each claim is a paired difference whose 95 % interval lies on one side of zero. Everything else is reported as
undecided, together with the number of trained agents behind each claim.
"""

from collections.abc import Sequence
from typing import Any

from cfgrl.report._format import agents, be, count, difference, listed, mean_ci, number, signed_between, verdict, weight

#: From this many agent seeds on, an interval is taken to speak about agents in general.
MANY = 8


def findings(record: dict[str, Any]) -> list[str]:
    """Sentences on w = 0, 1 and above, on the chosen weight, and on what is not known.

    **Arguments:**

    - `record`: an evaluation as in `eval.jsonl`.
    """
    if all(result["weight"] is None for result in record["results"]):
        return [_without_dial(record)]
    sentences = [_level(record), *_conditioning(record), *_above(record), *_choice(record), *_scope(record)]
    return [sentence for sentence in sentences if sentence]


def _at(record: dict[str, Any], value: float) -> dict[str, Any] | None:
    return next((result for result in record["results"] if result["weight"] == value), None)


def _without_dial(record: dict[str, Any]) -> str:
    measure, result = record.get("measure", "success"), record["results"][0]
    return (
        f"This agent has no dial. Its mean {measure} is {mean_ci(result, measure, measure)} over "
        f"{count(agents(record), 'agent')}."
    )


def _level(record: dict[str, Any]) -> str:
    measure = record.get("measure", "success")
    shown = [result for result in (_at(record, 0.0), _at(record, 1.0)) if result is not None]
    parts = [
        f"{mean_ci(result, measure, measure)} at w = {weight(result['weight'])}{_end(record, result['weight'])}"
        for result in shown
    ]
    return f"Mean {measure} is {listed(parts)}." if parts else ""


def _end(record: dict[str, Any], value: float) -> str:
    """What acting means at w = 0 or 1, in brackets, if the guidance describes it."""
    ends = record.get("dial") or ("", "")
    return f" ({ends[int(value)]})" if ends[int(value)] else ""


def _conditioning(record: dict[str, Any]) -> list[str]:
    """W = 1 against w = 0: whether guidance does anything."""
    measure = record.get("measure", "success")
    rows = [row for row in record.get("comparisons", []) if (row["weight"], row["against"]) == (1.0, 0.0)]
    if not rows:
        return ["w = 0 and w = 1 were not both evaluated, so whether guidance matters is not answered here."]
    row, said = rows[0], difference(rows[0], measure)
    if verdict(row) == "better":
        return [f"Guidance matters: w = 1 is better than w = 0 ({said}){_unanimous(row)}."]
    if verdict(row) == "worse":
        return [f"Guidance hurts: w = 1 is worse than w = 0 ({said}){_unanimous(row)}. Look for a fault in training."]
    return [f"Whether w = 1 is better than w = 0 is undecided: the interval of the difference includes zero ({said})."]


def _above(record: dict[str, Any]) -> list[str]:
    """W > 1 against w = 1: whether pushing further than the data helps."""
    measure = record.get("measure", "success")
    rows = [row for row in record.get("comparisons", []) if row["against"] == 1.0]
    if not rows:
        return ["No w > 1 was compared with w = 1, so whether pushing further helps is not answered here."]
    sentences = []
    for side, opening in (("better", "Pushing further helps"), ("worse", "Pushing further hurts")):
        decided = [row for row in rows if verdict(row) == side]
        parts = [f"w = {weight(row['weight'])} ({difference(row, measure, '; ')})" for row in decided]
        if parts:
            sentences.append(f"{opening}: {listed(parts)} {be(parts)} {side} than w = 1.")
    undecided = [row for row in rows if verdict(row) == "undecided"]
    if undecided:
        names = listed([f"w = {weight(r['weight'])} ({signed_between(r['ci'], measure)})" for r in undecided])
        opening = "Nothing can be said for or against w > 1" if len(undecided) == len(rows) else "Undecided"
        sentences.append(f"{opening}: for {names} the interval of the difference from w = 1 includes zero.")
    return sentences


def _choice(record: dict[str, Any]) -> list[str]:
    """The chosen weight, and why the highest mean is not to be quoted."""
    measure, chosen = record.get("measure", "success"), record.get("chosen") or {}
    highest = max(record["results"], key=lambda result: result[measure])
    warning = (
        f"The highest mean of this sweep is {number(highest[measure], measure)} at w = {weight(highest['weight'])}; "
        f"quoting it as the method's result would be an oracle, because the same episodes would choose w and judge it."
    )
    if chosen.get("weight") is None:
        return [f"No w was chosen ({chosen.get('rule', 'the record names no rule')}). {warning}"]
    value = mean_ci(chosen, measure, measure)
    return [f"Chosen w = {weight(chosen['weight'])}, {measure} {value}. Rule: {chosen['rule']}.", warning]


def _scope(record: dict[str, Any]) -> list[str]:
    """To which agents the findings apply."""
    seeds = agents(record)
    if seeds == 1:
        return [
            "One trained agent: all this is said of that agent, and another seed may differ by more than the intervals."
        ]
    if seeds < MANY:
        return [
            f"Only {seeds} trained agents: all this is said of them; for agents in general the intervals are too "
            "narrow."
        ]
    return []


def _unanimous(comparison: dict[str, Any]) -> str:
    """Whether every agent shows the difference by itself."""
    values: Sequence[float] = list(comparison.get("by_seed", {}).values())
    if len(values) < 2:
        return ""
    same = sum(value * comparison["difference"] > 0 for value in values)
    return f", in {'every one' if same == len(values) else same} of the {len(values)} agents"
