"""From one number a row to means over agent seeds with intervals: the results of `cfgrl density`."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from cfgrl.acting._dial_cost import Cost
from cfgrl.evaluation._bootstrap import interval, resample

#: One quantity at one weight: a number a row for each agent seed.
_Columns = Mapping[tuple[float | None, str], list[np.ndarray]]


def summarise_costs(measured: Mapping[int, Mapping[float | None, Cost]], *, key: int = 0) -> list[dict[str, Any]]:
    """One entry a weight: each quantity, its 95 % interval, and what each agent seed has of it.

    Each agent seed has the same say. A row without a density at a weight is left out of the quantities that need it, in
    means and in resamples alike, and counted in `left_out`; an agent seed without any row is left out whole. What fewer
    than half of all rows have is `None`: the few would be the easy ones. Agent seeds are resampled, then rows.

    **Arguments:**

    - `measured`: what `dial_cost` answers, by agent seed; the weights are the same for all.
    - `key`: seed of the resampling.

    Returns entries that are strict JSON.
    """
    costs = list(measured.values())
    columns = {(w, name): [cost[w].values[name] for cost in costs] for w in costs[0] for name in costs[0][w].values}
    intervals = _intervals(columns, key)
    results = []
    for weight in costs[0]:
        names = list(costs[0][weight].values)
        means = {name: [_mean(rows) for rows in columns[weight, name]] for name in names}
        left = {name: sum(int(np.isnan(rows).sum()) for rows in columns[weight, name]) for name in names}
        entry: dict[str, Any] = {"weight": weight}
        for name in names:
            known = [mean for mean in means[name] if mean is not None]
            enough = 2 * left[name] <= sum(len(rows) for rows in columns[weight, name])
            entry |= {name: float(np.mean(known)) if enough else None}
            entry |= {f"{name}_ci": intervals[weight, name] if enough else None}
        entry["by_seed"] = {
            str(seed): {name: means[name][position] for name in names} for position, seed in enumerate(measured)
        }
        entry["n_folded"] = sum(cost[weight].n_folded for cost in costs)
        entry["left_out"] = {name: count for name, count in left.items() if count}
        results.append(entry)
    return results


def _mean(rows: np.ndarray) -> float | None:
    """Over the rows that have a number."""
    known = rows[np.isfinite(rows)]
    return float(known.mean()) if known.size else None


def _intervals(columns: _Columns, key: int) -> dict[tuple[float | None, str], list[float] | None]:
    """The 95 % interval of each column. Columns that lack the same rows are resampled together, which is faster."""
    alike: dict[bytes, list[tuple[float | None, str]]] = {}
    for name, seeds in columns.items():
        alike.setdefault(np.isfinite(np.stack(seeds)).tobytes(), []).append(name)
    found: dict[tuple[float | None, str], list[float] | None] = {}
    for names in alike.values():
        cells = []
        for position in range(len(columns[names[0]])):
            rows = np.column_stack([columns[name][position] for name in names])
            known = rows[np.isfinite(rows[:, 0])]
            cells += [[known]] if len(known) else []
        if not cells:
            found |= dict.fromkeys(names)
            continue
        means = resample(cells, rng=np.random.default_rng(key)).mean((1, 2))
        found |= {name: list(interval(means[:, place])) for place, name in enumerate(names)}
    return found
