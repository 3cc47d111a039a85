"""One update: what a step of *any* algorithm is.

For each stage in turn: label a batch, take the guidance's loss and its gradient, step the network and its average, and
let the labeler learn. Pure; `train_chunk` compiles many of them into one call.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, PRNGKeyArray

from cfgrl._label import Label
from cfgrl._labeler import Actor
from cfgrl._stage import Agent, AgentState, Stage, StageState
from cfgrl._types import Metrics
from cfgrl.data._data import Data
from cfgrl.data._view import ViewedData
from cfgrl.nn._product import precision


def update(agent: Agent, data: Data, state: AgentState) -> tuple[AgentState, Metrics]:
    """One update of every stage on one batch of transitions. Pure; compile it, or call `train_chunk`."""
    key = jax.random.fold_in(state.key, state.step)
    index_key, *stage_keys = jax.random.split(key, len(agent.stages) + 1)
    # Beside the keys of the split, so that these are what they are whether or not anything is augmented.
    viewed = agent.view.bind(state.view, data, key=jax.random.fold_in(key, len(agent.stages) + 1))
    index = viewed.draw(agent.batch_size, key=index_key)
    metrics: Metrics = {}
    stages = []
    for stage, stage_state, key in zip(agent.stages, state.stages, stage_keys, strict=True):
        with precision(agent.precision):
            new, found = _update_stage(stage, stage_state, viewed, index, state.step, key)
        stages.append(new)
        metrics |= {f"{stage.name}/{name}": value for name, value in found.items()}
    return AgentState(tuple(stages), state.view, state.step + 1, state.key), metrics


def _update_stage(
    stage: Stage, state: StageState, data: ViewedData, index: Array, step: Array, key: PRNGKeyArray
) -> tuple[StageState, Metrics]:
    label_key, loss_key, labeler_key = jax.random.split(key, 3)
    observation, label = labelled_batch(stage, state, data, index, label_key)

    def objective(net: Any) -> tuple[Array, Metrics]:
        given = stage.given(net, observation, label.context, state.labeler)
        return stage.guidance.loss(given, label, key=loss_key)

    (loss, found), gradient = eqx.filter_value_and_grad(objective, has_aux=True)(state.net)
    net, optimizer = stage.optimizer.apply(state.net, gradient, state.optimizer)
    actor = _actor(stage, state)
    # Labels and the policy's loss above used the critic as it was before this update, as CFGRL's official code does.
    labeler, learned = stage.labeler.update(state.labeler, data, index, actor, key=labeler_key)
    metrics = {
        "guidance/loss": loss,
        "optimizer/gradient_norm": _norm(gradient),
        **{f"guidance/{name}": value for name, value in found.items()},
        **{f"labeler/{name}": value for name, value in learned.items()},
    }
    return StageState(labeler, net, optimizer, stage.ema.apply(state.ema, net, step)), metrics


def _norm(tree: Any) -> Array:
    """The global norm. `optax.tree.norm` writes out every square before it sums them: 3 % of a small update."""
    return jnp.sqrt(sum((jnp.vdot(leaf, leaf) for leaf in jax.tree.leaves(tree)), jnp.zeros(())))


def labelled_batch(
    stage: Stage, state: StageState, data: ViewedData, index: Array, key: PRNGKeyArray
) -> tuple[Array, Label]:
    """Observations and labels of the transitions that start at rows `index`."""
    keys = jax.random.split(key, index.shape[0])
    label = jax.vmap(lambda i, k: stage.labeler.label(state.labeler, data, i, key=k))(index, keys)
    return data.take(index)["observations"], label


def _actor(stage: Stage, state: StageState) -> Actor:
    net = state.net if state.ema is None else state.ema

    def actor(observation: Array, context: Any, key: PRNGKeyArray) -> Array:
        sample = stage.policy.sample(net, observation, stage.guidance.plain(context), key=key)
        return jax.lax.stop_gradient(sample)

    return actor
