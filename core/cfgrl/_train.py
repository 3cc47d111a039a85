"""Training: `train_chunk` compiles many updates into one call (JIT boundary 1); `train` is the library's shortest way.

Everything random in update number n is keyed by (state.key, n), so that neither the length of a chunk nor an
interruption changes a bit of the result.
"""

import functools
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key, PRNGKeyArray

from cfgrl._errors import NumericError
from cfgrl._over_seeds import over_seeds
from cfgrl._stage import Agent, AgentState, init
from cfgrl._types import Metrics, copied
from cfgrl._update import labelled_batch, update
from cfgrl.data._data import Data
from cfgrl.data._residency import place


class Chunk(NamedTuple):
    """What a compiled chunk of updates answers, each with a leading axis over agent seeds where there is one.

    `metrics` hold one number an update, named `stage/part/metric`; what lies beyond the updates that were made is 0.
    `first_bad` is the number of the first update whose loss or gradient was not finite, -1 where all were.
    """

    metrics: dict[str, Float[Array, "*seeds capacity"]]
    first_bad: Int[Array, "*seeds"]


def _repeat(agent: Agent, data: Data, state: AgentState, n: Int[Array, ""], capacity: int) -> tuple[AgentState, Chunk]:
    """`n` updates in a loop that does not know `n` when it is compiled, so that every `n` shares one program."""
    arrays, static = eqx.partition(state, eqx.is_array)

    @functools.partial(jax.jit, inline=True)  # traced once, though it is asked for its names before it is called
    def one(arrays: Any) -> tuple[Any, Metrics]:
        after, metrics = update(agent, data, eqx.combine(arrays, static))
        return eqx.filter(after, eqx.is_array), {name: jnp.mean(value) for name, value in metrics.items()}

    def body(i: Array, carry: Any) -> Any:
        arrays, metrics, first_bad = carry
        after, found = one(arrays)
        finite = jnp.all(jnp.isfinite(jnp.stack(list(found.values()))))
        first_bad = jnp.where((first_bad < 0) & ~finite, arrays.step, first_bad)
        return after, {name: metrics[name].at[i].set(value) for name, value in found.items()}, first_bad

    empty = {name: jnp.zeros((capacity,), jnp.float32) for name in jax.eval_shape(one, arrays)[1]}
    arrays, metrics, first_bad = jax.lax.fori_loop(0, n, body, (arrays, empty, jnp.full((), -1, jnp.int32)))
    return eqx.combine(arrays, static), Chunk(metrics, first_bad)


@eqx.filter_jit(donate="all-except-first")
def _chunk(shared: tuple[Agent, Data, Array, int], state: AgentState) -> tuple[AgentState, Chunk]:
    agent, data, n, capacity = shared
    return over_seeds(_repeat, state)(agent, data, state, n, capacity)


def train_chunk(
    agent: Agent, data: Data, state: AgentState, n: int, *, capacity: int | None = None
) -> tuple[AgentState, Chunk]:
    """`n` updates in one compiled call. The given state is consumed (its buffers are donated): use the returned one.

    A state with an axis over agent seeds trains all of them, sharing the data. Another hyperparameter value compiles
    nothing, nor does another `n` of at most the same `capacity`.

    **Arguments:**

    - `capacity`: the length of the metrics' arrays, at least `n`; `n` if not given.
    """
    capacity = n if capacity is None else capacity
    if not 0 < n <= capacity:
        raise ValueError(f"A chunk of {n} updates does not fit a capacity of {capacity}: it takes 1 to {capacity}.")
    return _chunk((agent, data, jnp.asarray(n, jnp.int32), capacity), state)


@eqx.filter_jit
def validation_loss(
    agent: Agent, data: Data, state: AgentState, key: PRNGKeyArray, batches: int = 4
) -> dict[str, Float[Array, "*seeds"]]:
    """Each stage's loss on `batches` batches of `data`, nothing updated; named `stage/validation/loss`."""
    return over_seeds(_validate, state)(agent, data, state, key, batches)


def _validate(agent: Agent, data: Data, state: AgentState, key: PRNGKeyArray, batches: int) -> Metrics:
    viewed = agent.view.bind(state.view, data)

    def one(key: PRNGKeyArray) -> Metrics:
        index_key, *keys = jax.random.split(key, 2 * len(agent.stages) + 1)
        index = viewed.draw(agent.batch_size, key=index_key)
        losses = {}
        for i, (stage, stage_state) in enumerate(zip(agent.stages, state.stages, strict=True)):
            observation, label = labelled_batch(stage, stage_state, viewed, index, keys[2 * i])
            given = stage.given(stage_state.net, observation, label.context, stage_state.labeler)
            loss, _ = stage.guidance.loss(given, label, key=keys[2 * i + 1])
            losses[f"{stage.name}/validation/loss"] = loss
        return losses

    return jax.tree.map(jnp.mean, jax.lax.map(one, jax.random.split(key, batches)))


def train(
    agent: Agent,
    data: Data,
    *,
    steps: int,
    key: Key[Array, "*seeds"],
    state: AgentState | None = None,
    chunk: int = 1000,
) -> AgentState:
    """Train for `steps` updates and return the state; the library's shortest way, without a run directory.

    **Arguments:**

    - `data`: as `Data.from_arrays` gives it; on the device where it fits, otherwise streamed from the host (`place`).
    - `key`: one key, or a vector of keys to train that many agents at once.
    - `state`: continue from here instead of starting afresh (`key` is then not used).

    **Raises:** `NumericError` naming the first update whose loss was not finite.
    """
    # `train_chunk` consumes its state; the caller's stays usable.
    current = init(agent, data, key=key) if state is None else copied(state)
    data = place(data).data
    done = 0
    while done < steps:
        n = min(chunk, steps - done)
        current, result = train_chunk(agent, data, current, n, capacity=chunk)
        check_finite(result)
        done += n
    return current


def check_finite(chunk: Chunk) -> None:
    """Raise `NumericError` where a chunk met a loss or gradient that was not finite."""
    bad = jnp.atleast_1d(chunk.first_bad)
    for seed, step in enumerate(bad.tolist()):
        if step >= 0:
            raise NumericError(
                f"The loss became NaN or infinite in update {step} (agent seed number {seed}). Lower "
                "optimizer.learning_rate, set optimizer.clip_norm, or look at the data with `cfgrl data check`."
            )
