"""What a reader has to know before believing an evaluation's intervals, in sentences."""

from collections.abc import Sequence
from typing import Any

from cfgrl.evaluation._bootstrap import binomial_limit
from cfgrl.evaluation._outcomes import Table

#: How often (in %) a 95 % percentile bootstrap over so few agent seeds covers the true mean where agents differ and
#: episodes do not: 2,000 simulated evaluations with normally distributed agents. With episode noise it covers more.
COVERAGE = {2: 49, 3: 73, 4: 79, 5: 85, 6: 86, 7: 88}


def caveats(table: Table, comparisons: Sequence[dict[str, Any]]) -> list[str]:
    """The notes of one evaluation: few agents, failed episodes, intervals without width, several comparisons."""
    notes = [*_few_agents(len(table.seeds)), *_failures(table), *_alike(table)]
    if len(comparisons) > 1:
        notes.append(
            f"Each of the {len(comparisons)} comparisons is at 95 % by itself, without a correction for several."
        )
    if table.weights != [None] and 1.0 not in table.weights:
        notes.append("w = 1 was not evaluated, so nothing is compared with plain conditioning.")
    return notes


def _few_agents(seeds: int) -> list[str]:
    if seeds == 1:
        return ["One agent seed: the intervals cover episodes only, not the differences between trained agents."]
    if seeds not in COVERAGE:
        return []
    return [
        f"{seeds} agent seeds: a 95 % interval over so few covers the true mean only about {COVERAGE[seeds]} % of the "
        "time where trained agents differ far more than episodes do, and about 95 % where they are alike. More seeds "
        "mend this; more episodes do not."
    ]


def _failures(table: Table) -> list[str]:
    if not any(table.failed):
        return []
    consequence = "they count as no success" if table.measure == "success" else "their returns end where they failed"
    return [
        f"{sum(table.failed)} of {table.episodes * len(table.weights)} episodes failed (the environment raised, died, "
        f"hung or answered something that is not a number): {consequence}, and none was dropped."
    ]


def _alike(table: Table) -> list[str]:
    """A bootstrap of episodes that all ended alike has no width: state the exact binomial limit beside it."""
    if table.measure != "success":
        return []
    limit = binomial_limit(table.episodes)
    notes = []
    for value, ending, bound in (
        (0, "had no success", f"at most {limit:.3f}"),
        (1, "succeeded", f"at least {1 - limit:.3f}"),
    ):
        names = [
            "the policy" if weight is None else f"w = {weight:g}"
            for column, weight in enumerate(table.weights)
            if all((cell[:, column] == value).all() for row in table.values for cell in row)
        ]
        if names:
            notes.append(
                f"All {table.episodes} episodes of {', '.join(names)} {ending}, so the bootstrap interval has no "
                f"width; the exact 95 % limit over episodes alone is {bound}."
            )
    return notes
