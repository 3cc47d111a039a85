"""Resampling of agent seeds and episodes: how far a mean over both can be trusted.

An evaluation is a table of cells: one cell for each agent seed and task, holding its episodes. Seeds are crossed with
tasks (one trained agent plays them all), so a resample draws whole agents first and then, in each drawn agent's cells,
the episodes. Tasks are strata: all of them are in every resample. Columns are carried along, so that quantities
measured on the same episodes (several guidance weights) stay paired.
"""

from collections.abc import Sequence

import numpy as np

DRAWS = 5000


def resample(cells: Sequence[Sequence[np.ndarray]], *, rng: np.random.Generator, draws: int = DRAWS) -> np.ndarray:
    r"""Hierarchical bootstrap of cell means, stratified by task.

    For each draw $b$: seeds $s^b_1, \dots, s^b_S$ with replacement, the same for all tasks, and for each slot $i$ and
    task $t$ the mean of $n_{st}$ episodes of cell $(s^b_i, t)$ drawn with replacement. With one seed this is the
    ordinary bootstrap over episodes.

    **Arguments:**

    - `cells`: `cells[seed][task]` has shape `(episodes, columns)`; cells may differ in `episodes`.
    - `rng`: the source of all randomness.
    - `draws`: number of resamples.

    Returns cell means of shape `(draws, seeds, tasks, columns)`. Reduce the middle axes with any statistic.

    Reference: Davison and Hinkley, *Bootstrap Methods and their Application* (1997), section 3.8; stratified by task
    as in Agarwal et al., arXiv 2108.13264.
    """
    seeds, tasks = len(cells), len(cells[0])
    slots = rng.integers(seeds, size=(draws, seeds))
    means = np.empty((draws, seeds, tasks, cells[0][0].shape[1]))
    for seed in range(seeds):
        drawn = np.nonzero(slots == seed)
        for task in range(tasks):
            values = cells[seed][task]
            episodes = len(values)
            counts = rng.multinomial(episodes, np.full(episodes, 1 / episodes), size=len(drawn[0]))
            means[drawn[0], drawn[1], task] = counts @ values / episodes
    return means


def interval(replicates: np.ndarray, *, level: float = 0.95) -> tuple[float, float]:
    """Percentile interval of a one-dimensional sample of replicates."""
    tail = (1 - level) / 2
    low, high = np.quantile(replicates, [tail, 1 - tail])
    return float(low), float(high)


def interquartile_mean(scores: np.ndarray) -> np.ndarray:
    """Mean of the middle half along the last axis; robust to single runs that succeed or fail by luck.

    **Arguments:**

    - `scores`: one score a run and task, shape `(..., runs * tasks)`.

    Reference: Agarwal et al., *Deep RL at the Edge of the Statistical Precipice*, arXiv 2108.13264.
    """
    from scipy import stats  # half a second, which training need not wait for

    return np.asarray(stats.trim_mean(scores, 0.25, axis=-1))


def binomial_limit(episodes: int, *, level: float = 0.95) -> float:
    """Exact upper limit of a success rate after `episodes` failures in a row (Clopper and Pearson, 1934).

    A bootstrap of episodes that all ended alike has no width; this is what they still allow.
    """
    return float(1 - ((1 - level) / 2) ** (1 / episodes))
