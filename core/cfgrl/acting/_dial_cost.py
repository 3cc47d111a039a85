"""What the guidance weight costs in probability: how far π_w, as it is sampled, moves from π_0 and from the data.

    found = dial_cost(agent, state, data, index, [0.0, 1.0, 3.0], key=jax.random.key(0), samples=16)
    found[3.0].values["kl"]                    # one number a row, NaN where the row has no density

Guidance is derived as π_w ∝ π_0·(π_1/π_0)^w. Classifier-free guidance samples that at w = 0 and w = 1 only, so `tilt`
is measured beside what exact sampling would give, `tilt_promised`, an importance estimate from draws of π_0.

Source: CFGRL (arXiv 2505.23458); the estimate and its effective size: Owen, *Monte Carlo theory, methods and examples*
(2013), sections 9.2 and 9.3.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key, PRNGKeyArray, PyTree

from cfgrl._act import Law, for_acting, law
from cfgrl._stage import Agent, AgentState
from cfgrl.data._data import Data

#: Actions computed side by side: few enough for what a processor holds close to it, and for answering an interrupt.
_SIDE_BY_SIDE = 256


class Cost(NamedTuple):
    """One agent at one weight.

    `values` holds one number a row for each quantity, NaN where a density that it needs does not exist for all of the
    row's actions. `n_folded` counts the actions of all rows, draws and the data's own, that lack such a density.
    """

    values: dict[str, np.ndarray]
    n_folded: int


class _Rows(eqx.Module):
    """What is known of each row: as the networks see it, the action that the data took, and the key of its draws."""

    seen: Float[Array, "*rows_and_observation"]
    context: PyTree[Array] | None
    taken: Float[Array, "*rows action"]
    key: Key[Array, "*rows"]


def dial_cost(
    agent: Agent,
    state: AgentState,
    data: Data,
    index: Int[np.ndarray, " rows"],
    weights: Sequence[float | None],
    *,
    key: PRNGKeyArray,
    samples: int,
    progress: Callable[[int], None] = lambda done: None,
) -> dict[float | None, Cost]:
    r"""Entropies, divergences and tilts of a single agent at every weight, for the rows `index` of `data`.

    With K draws a_i of the sampler at w, in nats and before the clip unless said otherwise:

    - `entropy`: mean of -log π_w(a_i|s); `nll_data`: -log π_w(a|s) of the data's own action, of which one on the
      border of [-1, 1] may have been clipped there, and is given the density before the clip;
    - `clipped`: share of draws outside [-1, 1]; `spread`: root mean square distance of the clipped draws from their
      mean, in units of the action;
    - `cross_entropy`: mean of -log π_0(a_i|s); `kl`: their difference, mean of log π_w(a_i|s) - log π_0(a_i|s);
    - `tilt`: mean of log r(a_i), with r = π_1/π_0; `tilt_promised`: with draws b_i of π_0, the self-normalised
      Σ r(b_i)^w log r(b_i) / Σ r(b_i)^w; `effective`: (Σ r^w)² / (K Σ r^2w), the share of the draws that it rests on.

    **Arguments:**

    - `agent`: one that passes `check_has_density`; `state`: of a single agent seed.
    - `weights`: guidance weights; `[None]` without a dial, which leaves out what compares with π_0.
    - `key`: decides goals and draws, which have the same noise at every weight.
    - `samples`: K.
    - `progress`: told of every few `densities` that are done.
    """
    keys = jax.vmap(lambda row: jax.random.split(jax.random.fold_in(key, row)))(jnp.arange(len(index)))
    rows = _look(agent, data, state, jnp.asarray(index, jnp.int32), keys)
    judged = _Judged(agent, for_acting(agent, state), rows, weights, samples, progress)
    return {weight: judged.cost(weight) for weight in weights}


def densities(weights: Sequence[float | None], samples: int) -> int:
    """How many densities `dial_cost` computes for each row: what its time is spent on."""
    if None in weights:
        return samples + 1
    drawn, others = {0.0, *weights}, {*weights} - {0.0, 1.0}
    return 2 * (len(drawn) * samples + 1) + len(others) * (samples + 1)


class _Judged:
    """One agent's draws at the rows for every weight, and their densities.

    Those under π_0 and π_1 are computed for the draws of all weights at once: whether a map folds is found out once a
    law and row, which takes about as long as the densities of ten actions.
    """

    def __init__(
        self, agent: Agent, state: AgentState, rows: _Rows, weights: Sequence[float | None], samples: int, progress: Any
    ):
        self._agent, self._state, self._rows, self._progress = agent, state, rows, progress
        dial = None not in weights
        drawn: set[float | None] = {*weights} | ({0.0} if dial else set())
        self._draws = {weight: self._draw(weight, samples) for weight in drawn}
        self._under: dict[float | None, dict[float | None, np.ndarray]] = {}
        for end in (0.0, 1.0) if dial else ():
            self._under[end] = self._scores(end, list(self._draws))

    def cost(self, weight: float | None) -> Cost:
        """What `dial_cost` answers of one weight."""
        own = (self._under.get(weight) or self._scores(weight, [weight]))[weight]
        values = {"entropy": -own[:, :-1].mean(1), "nll_data": -own[:, -1], **_shape(self._draws[weight])}
        if weight is None:
            return Cost(values, int(np.isnan(own).sum()))
        zero, one = (self._under[law][weight][:, :-1] for law in (0.0, 1.0))
        base = [self._under[law][0.0][:, :-1] for law in (0.0, 1.0)]
        values |= {"cross_entropy": -zero.mean(1), "kl": (own[:, :-1] - zero).mean(1), "tilt": (one - zero).mean(1)}
        values |= _promised(base[1] - base[0], weight)
        n_folded = np.isnan(own[:, -1]).sum() + np.isnan(own[:, :-1] + zero + one).sum()
        if weight:
            n_folded += np.isnan(base[0] + base[1]).sum()
        return Cost(values, int(n_folded))

    def _draw(self, weight: float | None, samples: int) -> np.ndarray:
        """Shape `(rows, samples, action)`."""
        blocks = _blocks(self._rows, samples)
        return np.concatenate([_draw(self._agent, self._state, b, _traced(weight), samples)[:n] for b, n in blocks])

    def _scores(self, law: float | None, of: Sequence[float | None]) -> dict[float | None, np.ndarray]:
        """Log densities under π at `law` of the draws at each weight in `of`, and last of the data's action.

        Each of shape `(rows, samples + 1)`, NaN where there is no density.
        """
        actions = jnp.concatenate([*(self._draws[weight] for weight in of), self._rows.taken[:, None]], axis=1)
        found = []
        for (rows, of_rows), n in _blocks((self._rows, actions), actions.shape[1]):
            found.append(np.asarray(_log_prob(self._agent, self._state, rows, _traced(law), of_rows), np.float64)[:n])
            self._progress(n * actions.shape[1])
        scores = np.concatenate(found)
        scores[~np.isfinite(scores)] = np.nan
        parts = np.split(scores[:, :-1], len(of), axis=1)
        return {weight: np.column_stack([part, scores[:, -1]]) for weight, part in zip(of, parts, strict=True)}


def _blocks(rows: Any, actions: int) -> Iterator[tuple[Any, int]]:
    """Blocks of equal length, so that one program fits all, each with how many of its rows are not repeats."""
    total = jax.tree.leaves(rows)[0].shape[0]
    size = min(total, max(1, _SIDE_BY_SIDE // actions))
    for start in range(0, total, size):
        index = np.minimum(np.arange(start, start + size), total - 1)
        yield jax.tree.map(lambda leaf, index=index: leaf[index], rows), min(size, total - start)


def _traced(weight: float | None) -> Float[Array, ""] | None:
    """An array, so that another weight is no other program."""
    return None if weight is None else jnp.asarray(weight, jnp.float32)


def _shape(draws: np.ndarray) -> dict[str, np.ndarray]:
    """What needs no density, of draws of shape `(rows, samples, action)`."""
    boxed = np.clip(draws.astype(np.float64), -1.0, 1.0)
    away = np.square(boxed - boxed.mean(1, keepdims=True)).sum(-1)
    return {"clipped": (np.abs(draws) > 1.0).any(-1).mean(1), "spread": np.sqrt(away.mean(1))}


def _promised(log_ratio: np.ndarray, weight: float) -> dict[str, np.ndarray]:
    """The importance estimate from log(π_1/π_0) of draws of π_0, shape `(rows, samples)`."""
    exponent = weight * log_ratio
    mass = np.exp(exponent - exponent.max(1, keepdims=True))
    mass /= mass.sum(1, keepdims=True)
    effective = 1.0 / (mass.shape[1] * np.square(mass).sum(1))
    return {"tilt_promised": (mass * log_ratio).sum(1), "effective": effective}


@eqx.filter_jit
def _look(agent: Agent, data: Data, state: AgentState, index: Int[Array, " rows"], keys: Key[Array, "rows 2"]) -> _Rows:
    """The rows as the agent's own labeler reads them in training, goals included."""
    labeler, held, viewed = agent.stages[0].labeler, state.stages[0].labeler, agent.view.bind(state.view, data)
    label = jax.vmap(lambda row, key: labeler.label(held, viewed, row, key=key))(index, keys[:, 0])
    return _Rows(viewed.take(index)["observations"], label.context, label.target, keys[:, 1])


@eqx.filter_jit
def _draw(
    agent: Agent, state: AgentState, rows: _Rows, weight: Float[Array, ""] | None, samples: int
) -> Float[Array, "rows samples action"]:
    def one(row: _Rows) -> Float[Array, "samples action"]:
        return jax.vmap(_law(agent, state, row, weight).draw)(jax.random.split(row.key, samples))

    return jax.vmap(one)(rows)


@eqx.filter_jit
def _log_prob(
    agent: Agent,
    state: AgentState,
    rows: _Rows,
    weight: Float[Array, ""] | None,
    actions: Float[Array, "rows actions action"],
) -> Float[Array, "rows actions"]:
    return jax.vmap(lambda row, of_row: jax.vmap(_law(agent, state, row, weight).log_prob)(of_row))(rows, actions)


def _law(agent: Agent, state: AgentState, row: _Rows, weight: Float[Array, ""] | None) -> Law:
    return law(agent.stages[0], state.stages[0], row.seen, row.context, weight)
