"""The smallest honest counterparts that a component under test is composed with: they provide everything."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray, PyTree

from cfgrl._data import Data
from cfgrl._guidance import Guidance, imitation_losses
from cfgrl._label import Condition, Label
from cfgrl._labeler import Actor, Labeler
from cfgrl._policy import FieldPolicy
from cfgrl._types import Field, Metrics
from cfgrl._view import View, ViewedData
from cfgrl.nn import ConditionEncoder, Linear

OBSERVATION, ACTION, GOAL = 3, 2, 4


def example_data(episodes: int = 6, length: int = 7) -> Data:
    """Random episodes with goals and rewards."""
    rng = np.random.default_rng(0)
    rows = episodes * length
    terminals = np.zeros((episodes, length))
    terminals[:, -1] = 1
    return Data.from_arrays(
        rng.normal(size=(rows, OBSERVATION)),
        rng.uniform(-0.9, 0.9, (rows, ACTION)),
        terminals.ravel(),
        goals=rng.normal(size=(rows, GOAL)),
        rewards=rng.normal(size=rows),
    )


def viewed(data: Data) -> ViewedData:
    """The data through the default view."""
    view = View()
    return view.bind(view.fit(data), data)


class EveryFact(Labeler):
    """Provides a goal, an advantage and a critic."""

    provides = frozenset({"goal", "advantage", "critic"})

    def init(self, data: ViewedData, *, key: PRNGKeyArray) -> Any:
        del data, key
        return None

    def update(
        self, state: Any, data: ViewedData, index: Int[Array, " batch"], actor: Actor, *, key: PRNGKeyArray
    ) -> tuple[Any, Metrics]:
        del data, index, actor, key
        return state, {}

    def label(self, state: Any, data: ViewedData, index: Int[Array, ""], *, key: PRNGKeyArray) -> Label:
        del state
        row = data.take(index)
        return Label(row["actions"], data.take(data.last[index])["goals"], jax.random.normal(key))

    def critic(
        self,
        state: Any,
        observation: Float[Array, " observation"],
        target: Float[Array, " target"],
        context: PyTree[Array] | None,
        *,
        which: str = "online",
    ) -> Float[Array, " heads"]:
        del state, context, which
        distance = jnp.sum((target - 0.1 * jnp.sum(observation)) ** 2)
        return -distance * jnp.array([1.0, 1.1])


class LinearFlow(FieldPolicy):
    """A velocity that is linear in what it sees."""

    provides = frozenset({"field", "mode"})

    def init(self, observation: Any, target: Any, condition: Condition, *, key: PRNGKeyArray) -> Any:
        encoder_key, linear_key = jax.random.split(key)
        encoder = ConditionEncoder(condition, key=encoder_key)
        return encoder, Linear(observation.size + encoder.size + target.size + 1, target.size, key=linear_key)

    def loss(self, net: Any, observation: Array, target: Array, condition: Condition, *, key: PRNGKeyArray) -> Array:
        noise = jax.random.normal(key, target.shape)
        t = jnp.float32(0.5)
        predicted = self.field(net, observation, condition)(0.5 * noise + 0.5 * target, t)
        return jnp.mean((predicted - (target - noise)) ** 2)

    def sample(self, net: Any, observation: Array, condition: Condition, *, key: PRNGKeyArray) -> Array:
        return self.integrate(net, self.field(net, observation, condition), key=key)

    def mode(self, net: Any, observation: Array, condition: Condition) -> Array:
        return self.field(net, observation, condition)(jnp.zeros_like(net[1].bias), jnp.float32(0.0))

    def field(self, net: Any, observation: Array, condition: Condition) -> Field:
        encoder, linear = net
        seen = jnp.concatenate([observation, encoder(condition)])
        return lambda x, t: linear(jnp.concatenate([seen, x, t[None]]))

    def integrate(self, net: Any, field: Field, *, key: PRNGKeyArray) -> Array:
        x = jax.random.normal(key, net[1].bias.shape)
        return x + field(x, jnp.float32(0.0))

    def denoise(self, prediction: Array, x: Array, t: Array) -> Array:
        return x + (1.0 - t) * prediction

    def tilt(self, prediction: Array, x: Array, t: Array, score: Array) -> Array:
        del x
        return prediction + (1.0 - t) * score


class Imitate(Guidance):
    """Imitation without a dial."""

    needs = frozenset()

    def loss(
        self, policy: Any, net: Any, observation: Array, label: Label, critic: Any, *, key: PRNGKeyArray
    ) -> tuple[Array, Metrics]:
        del critic
        condition = jax.vmap(self.condition)(label)
        return jnp.mean(imitation_losses(policy, net, observation, label.target, condition, key=key)), {}

    def sample(
        self, policy: Any, net: Any, observation: Array, context: Any, critic: Any, weight: Any, *, key: PRNGKeyArray
    ) -> Array:
        del critic, weight
        return policy.sample(net, observation, self.plain(context), key=key)

    def field(self, policy: Any, net: Any, observation: Array, context: Any, critic: Any, weight: Any) -> Field:
        del critic, weight
        return policy.field(net, observation, self.plain(context))


def all_finite(tree: Any) -> bool:
    """Whether every inexact array of a pytree is finite."""
    leaves = jax.tree.leaves(eqx.filter(tree, eqx.is_inexact_array))
    return all(bool(jnp.all(jnp.isfinite(leaf))) for leaf in leaves)


def same(a: Any, b: Any) -> bool:
    """Whether two pytrees hold the same bits."""
    return eqx.tree_equal(a, b) is True or bool(eqx.tree_equal(a, b))
