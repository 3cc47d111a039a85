"""What the runs of a sweep say together: means with intervals, an honest choice within each arm, paired differences.

Within an arm the dial (a guidance weight, or values that were varied and trained one by one) is chosen on half of the
environment seeds, and only the other half reports it. Arms without a dial are reported on that half as well, so that
all arms are compared on the same episodes. Nothing else is selected. Intervals are 95 % and resample agents, then
episodes (`cfgrl.evaluation._bootstrap`); they take the choice as given.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from cfgrl.evaluation._bootstrap import interval, resample
from cfgrl.sweeps._cells import Cells

RULE = (
    "the highest mean {measure} on half of the environment seeds (ties: the first), reported on the other half, which "
    "had no part in the choice"
)


class Drawn:
    """The bootstrap replicates of one data set: `every` and `judging`, shape `(draws, columns)`, and the means."""

    def __init__(self, found: Cells, number: int):
        self.cells = found
        self.seeds = _means(found.values)  # (seeds, tasks, columns)
        self.means = self.seeds.mean((0, 1))
        self.every = resample(found.values, rng=np.random.default_rng([0, number])).mean((1, 2))
        halves = [found.half(True), found.half(False)]
        # With a single environment seed there is no other half, and nothing can be chosen.
        self.split = all(len(cell) for half in halves for row in half for cell in row)
        choosing, judging = halves if self.split else (found.values, found.values)
        self.choosing = _means(choosing).mean((0, 1))
        self.judged = _means(judging).mean((0, 1))
        self.judging = resample(judging, rng=np.random.default_rng([1, number])).mean((1, 2))

    def chosen(self, arm: str) -> int:
        """The column that half of the environment seeds would choose for an arm."""
        columns = self.cells.of(arm)
        return columns[int(np.argmax(np.round(self.choosing[columns], 9)))]  # a tie is a tie


def _means(values: list[list[np.ndarray]]) -> np.ndarray:
    return np.array([[cell.mean(0) for cell in row] for row in values])


def arm_on_data(drawn: Drawn, arm: str, data: str) -> dict[str, Any]:
    """One arm on one data set: every setting of its dial, the chosen one, and the mean over the dial."""
    found, columns = drawn.cells, drawn.cells.of(arm)
    points = [_point(drawn, column) for column in columns]
    chosen = drawn.chosen(arm)
    dial = len(columns) > 1
    rule = RULE.format(measure=found.measure) if dial and drawn.split else "there is nothing to choose"
    if dial and not drawn.split:
        rule = "chosen and judged on the same episodes: choosing needs at least two environment seeds for each task"
    column = found.columns[chosen]
    return {
        "arm": arm,
        "data": data,
        "points": points,
        "chosen": {
            "weight": column.weight,
            "varied": dict(column.varied),
            "mean": float(drawn.judged[chosen]),
            "ci": list(interval(drawn.judging[:, chosen])),
            "rule": rule,
        },
        "over_dial": {
            "mean": float(drawn.means[columns].mean()),
            "ci": list(interval(drawn.every[:, columns].mean(1))),
        },
    }


def _point(drawn: Drawn, column: int) -> dict[str, Any]:
    """One setting, and its paired difference from w = 1 of the same arm."""
    found = drawn.cells
    setting = found.columns[column]
    plain = next((c for c in found.of(setting.arm) if found.columns[c] == setting._replace(weight=1.0)), None)
    return {
        "weight": setting.weight,
        "varied": dict(setting.varied),
        "run": setting.run,
        "mean": float(drawn.means[column]),
        "ci": list(interval(drawn.every[:, column])),
        "by_seed": {str(seed): float(v) for seed, v in zip(found.seeds, drawn.seeds[..., column].mean(1), strict=True)},
        "episodes": sum(len(cell) for row in found.values for cell in row),
        "n_failed": found.failed[column],
        **({} if plain is None or plain == column else {"from_plain": _from_plain(drawn, column, plain)}),
    }


def _from_plain(drawn: Drawn, column: int, plain: int) -> dict[str, Any]:
    replicates = drawn.every[:, column] - drawn.every[:, plain]
    return {"difference": float(drawn.means[column] - drawn.means[plain]), "ci": list(interval(replicates))}


def difference(drawn: Sequence[Drawn], arm: str, against: str) -> dict[str, Any]:
    """The paired difference of two arms, each as chosen, on the judging halves; the mean over the data sets."""
    means, replicates, by_data = [], [], []
    for one in drawn:
        a, b = one.chosen(arm), one.chosen(against)
        means.append(float(one.judged[a] - one.judged[b]))
        replicates.append(one.judging[:, a] - one.judging[:, b])
        by_data.append(list(interval(replicates[-1])))
    return {
        "arm": arm,
        "against": against,
        "difference": float(np.mean(means)),
        "ci": list(interval(np.mean(replicates, axis=0))),
        "by_data": [{"difference": m, "ci": ci} for m, ci in zip(means, by_data, strict=True)],
    }


def overall(drawn: Sequence[Drawn], arm: str) -> dict[str, Any]:
    """An arm over all data sets, each with the setting chosen there."""
    chosen = [one.chosen(arm) for one in drawn]
    judged = [float(one.judged[column]) for one, column in zip(drawn, chosen, strict=True)]
    replicates = np.mean([one.judging[:, column] for one, column in zip(drawn, chosen, strict=True)], axis=0)
    over = [(one, one.cells.of(arm)) for one in drawn]
    dial = np.mean([one.every[:, columns].mean(1) for one, columns in over], axis=0)
    return {
        "arm": arm,
        "mean": float(np.mean(judged)),
        "ci": list(interval(replicates)),
        "over_dial": {
            "mean": float(np.mean([one.means[columns].mean() for one, columns in over])),
            "ci": list(interval(dial)),
        },
    }


def steps_of_dial(drawn: Sequence[Drawn], arm: str) -> list[dict[str, Any]]:
    """Each setting of an arm's dial over all data sets, and its paired difference from w = 1 where it has weights."""
    settings = [_key(drawn[0].cells, column) for column in drawn[0].cells.of(arm)]
    if any([_key(one.cells, c) for c in one.cells.of(arm)] != settings for one in drawn):
        return []
    found = []
    for number, (weight, varied) in enumerate(settings):
        plain = settings.index((1.0, varied)) if (1.0, varied) in settings else None
        columns = [(one, one.cells.of(arm)) for one in drawn]
        replicates = np.mean([one.every[:, c[number]] for one, c in columns], axis=0)
        entry = {"arm": arm, "weight": weight, "varied": dict(varied)}
        mean = float(np.mean([one.means[c[number]] for one, c in columns]))
        entry |= {"mean": mean, "ci": list(interval(replicates))}
        if plain is not None and number != plain:
            base = np.mean([one.every[:, c[plain]] for one, c in columns], axis=0)
            gain = float(np.mean([one.means[c[number]] - one.means[c[plain]] for one, c in columns]))
            entry |= {"from_plain": {"difference": gain, "ci": list(interval(replicates - base))}}
        found.append(entry)
    return found


def _key(found: Cells, column: int) -> tuple[float | None, tuple[tuple[str, Any], ...]]:
    setting = found.columns[column]
    return setting.weight, tuple(sorted(setting.varied.items()))
