"""The smallest honest counterparts that a component under test is composed with: they provide everything."""

import re
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray, PyTree

from cfgrl._guidance import Given, Guidance, imitation_losses
from cfgrl._label import Condition, Label
from cfgrl._labeler import Actor, Labeler
from cfgrl._policy import FieldPolicy, GenerativePolicy
from cfgrl._types import Field, Metrics
from cfgrl.data._data import Data
from cfgrl.data._view import View, ViewedData
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
    """Provides a goal, an advantage and a critic, or those of them that are `given`."""

    given: frozenset[str] = frozenset({"goal", "advantage", "critic"})

    @property
    def provides(self) -> frozenset[str]:  # pyright: ignore[reportIncompatibleVariableOverride]
        """What is given."""
        return self.given

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
        goal = data.take(data.last[index])["goals"] if "goal" in self.given else None
        advantage = jax.random.normal(key) if "advantage" in self.given else None
        return Label(data.take(index)["actions"], goal, advantage)

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


class LinearGaussian(GenerativePolicy):
    """A Gaussian of fixed width around a linear mean: a mode and a density, no field."""

    provides = frozenset({"mode", "log-prob"})

    def init(self, observation: Any, target: Any, condition: Condition, *, key: PRNGKeyArray) -> Any:
        encoder_key, linear_key = jax.random.split(key)
        encoder = ConditionEncoder(condition, key=encoder_key)
        return encoder, Linear(observation.size + encoder.size, target.size, key=linear_key)

    def mode(self, net: Any, observation: Array, condition: Condition) -> Array:
        encoder, linear = net
        return linear(jnp.concatenate([observation, encoder(condition)]))

    def loss(self, net: Any, observation: Array, target: Array, condition: Condition, *, key: PRNGKeyArray) -> Array:
        del key
        return jnp.mean((self.mode(net, observation, condition) - target) ** 2)

    def sample(self, net: Any, observation: Array, condition: Condition, *, key: PRNGKeyArray) -> Array:
        mean = self.mode(net, observation, condition)
        return mean + jax.random.normal(key, mean.shape)

    def log_prob(self, net: Any, observation: Array, condition: Condition, target: Array) -> Array:
        return jnp.sum(jax.scipy.stats.norm.logpdf(target - self.mode(net, observation, condition)))


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

    def mode(self, net: Any, observation: Array, condition: Condition) -> Array:
        return self.field(net, observation, condition)(jnp.zeros_like(net[1].bias), jnp.float32(0.0))

    def field(self, net: Any, observation: Array, condition: Condition) -> Field:
        encoder, linear = net
        seen = jnp.concatenate([observation, encoder(condition)])
        return lambda x, t: linear(jnp.concatenate([seen, x, t[None]]))

    def integrate(self, net: Any, field: Field, *, key: PRNGKeyArray) -> Array:
        x = jax.random.normal(key, net[1].bias.shape)
        for t in (0.0, 0.25, 0.5, 0.75):  # Over the whole path: guidance may act on a part of it only.
            x = x + 0.25 * field(x, jnp.float32(t))
        return x

    def denoise(self, prediction: Array, x: Array, t: Array) -> Array:
        return x + (1.0 - t) * prediction

    def tilt(self, prediction: Array, x: Array, t: Array, score: Array) -> Array:
        del x
        return prediction + (1.0 - t) * score


class Imitate(Guidance):
    """Imitation without a dial."""

    needs = frozenset()

    def loss(self, given: Given, label: Label, *, key: PRNGKeyArray) -> tuple[Array, Metrics]:
        condition = jax.vmap(self.condition)(label)
        return jnp.mean(imitation_losses(given, label.target, condition, key=key)), {}

    def sample(self, given: Given, weight: Any, *, key: PRNGKeyArray) -> Array:
        del weight
        return given.policy.sample(given.net, given.observation, self.plain(given.context), key=key)

    def field(self, given: Given, weight: Any) -> Field:
        del weight
        return given.field(self.plain(given.context))


def all_finite(tree: Any) -> bool:
    """Whether every inexact array of a pytree is finite."""
    leaves = jax.tree.leaves(eqx.filter(tree, eqx.is_inexact_array))
    return all(bool(jnp.all(jnp.isfinite(leaf))) for leaf in leaves)


def same(a: Any, b: Any) -> bool:
    """Whether two pytrees hold the same bits."""
    return eqx.tree_equal(a, b) is True or bool(eqx.tree_equal(a, b))


def close(a: Any, b: Any) -> bool:
    """Whether two pytrees hold the same numbers, up to the rounding of another compilation."""
    left, right = (jax.tree.leaves(eqx.filter(tree, eqx.is_array)) for tree in (a, b))
    if [x.shape for x in left] != [y.shape for y in right]:
        return False
    return all(bool(jnp.allclose(x, y, rtol=1e-4, atol=1e-5)) for x, y in zip(left, right, strict=True))


def floats_are_float32(tree: Any) -> list[str]:
    """The dtypes of the arrays that are not float32; an empty list where all are."""
    return sorted({str(leaf.dtype) for leaf in jax.tree.leaves(tree) if leaf.dtype != jnp.float32})


def traces_alike(function: Any, *arguments: Any) -> bool:
    """Whether tracing twice gives one program: what Python draws or counts is a constant in it."""
    # Two functions of one text: of a single one the first trace would be remembered.
    first, second = (
        eqx.filter_make_jaxpr(lambda *a, number=number: function(*a))(*arguments)[0] for number in range(2)
    )
    texts = [re.sub("0x[0-9a-f]+", "", str(program)) for program in (first, second)]  # addresses say nothing
    return texts[0] == texts[1] and same(first.consts, second.consts)


def stirred(tree: Any) -> Any:
    """The tree with a little noise in each inexact array."""
    leaves, structure = jax.tree.flatten(tree)
    keys = jax.random.split(jax.random.key(5), len(leaves))
    moved = [
        leaf + 0.1 * jax.random.normal(key, leaf.shape, leaf.dtype) if eqx.is_inexact_array(leaf) else leaf
        for leaf, key in zip(leaves, keys, strict=True)
    ]
    return jax.tree.unflatten(structure, moved)
