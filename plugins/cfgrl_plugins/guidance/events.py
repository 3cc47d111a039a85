"""Events that classifier-free guidance conditions on: the goal, or optimality o made of an advantage A.

A plugin adds a reading of the advantage by deriving from `cfgrl.Event`.
"""

import abc
from typing import Annotated, Any

import jax
import jax.numpy as jnp
from annotated_types import Ge
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from cfgrl import Condition, Event, Label, Metrics, scalar


class Goal(Event):
    """The goal is reached: the label's context, which is nulled. It needs no advantage; f = 1."""

    needs = frozenset({"goal"})
    provides = frozenset({"marks", "factor"})

    @property
    def wanted(self) -> None:
        return None

    def marks(self, label: Label, *, key: PRNGKeyArray) -> None:
        del label, key

    def factor(self, label: Label, *, key: PRNGKeyArray) -> Float[Array, " batch"]:
        del key
        return jnp.ones(label.target.shape[:1])

    def condition(self, context: PyTree[Array] | None, mark: Float[Array, " c"] | None, known: Any) -> Condition:
        del mark
        return Condition.of(context, known=known)

    def unguided(self, context: PyTree[Array] | None, mark: Float[Array, " c"] | None) -> Condition:
        return self.condition(context, mark, True)

    def metrics(self, label: Label) -> Metrics:
        del label
        return {}


class TwoValued(Event):
    """Base of events that happen or do not: two marks, a factor of 0 or 1."""

    provides = frozenset({"marks", "factor"})

    @abc.abstractmethod
    def happens(self, advantage: Float[Array, " batch"], *, strict: bool, key: PRNGKeyArray) -> Array:
        """Whether each example is optimal; with `strict` equality does not count."""

    @property
    def wanted(self) -> Float[Array, " c"]:
        return jnp.array([0.0, 1.0])

    def marks(self, label: Any, *, key: PRNGKeyArray) -> Float[Array, "batch c"]:
        return jax.nn.one_hot(self.happens(label.advantage, strict=False, key=key).astype(jnp.int32), 2)

    def factor(self, label: Any, *, key: PRNGKeyArray) -> Float[Array, " batch"]:
        return self.happens(label.advantage, strict=True, key=key).astype(jnp.float32)


class Binary(TwoValued):
    """o = 1[A ≥ threshold] as a mark (CFGRL on OGBench), 1[A > threshold] as a factor (CFGRL on ExORL).

    **Arguments:**

    - `threshold`: the advantage from which on an action counts as optimal.
    """

    threshold: Float[Array, ""] = scalar(0.0)

    def happens(self, advantage: Float[Array, " batch"], *, strict: bool, key: PRNGKeyArray) -> Array:
        del key
        threshold = jnp.broadcast_to(self.threshold, advantage.shape)
        return advantage > threshold if strict else advantage >= threshold


class Quantile(TwoValued):
    """As `Binary` with a quantile of the batch as the threshold: a fixed share of the data is optimal.

    **Arguments:**

    - `quantile`: the share of the batch that counts as not optimal.
    """

    quantile: Float[Array, ""] = scalar(0.5, ge=0.0, le=1.0)

    def happens(self, advantage: Float[Array, " batch"], *, strict: bool, key: PRNGKeyArray) -> Array:
        del key
        threshold = jnp.broadcast_to(jnp.quantile(advantage, self.quantile), advantage.shape)
        return advantage > threshold if strict else advantage >= threshold


class Bernoulli(TwoValued):
    """o is drawn with probability σ(A/τ): soft labels, with which f^w means what the theory says.

    **Arguments:**

    - `temperature`: τ, in units of A.
    """

    temperature: Float[Array, ""] = scalar(1.0, gt=0.0)

    def happens(self, advantage: Float[Array, " batch"], *, strict: bool, key: PRNGKeyArray) -> Array:
        del strict
        return jax.random.bernoulli(key, jax.nn.sigmoid(advantage / self.temperature))


class Exponential(Event):
    """f(A) = min(exp(A/τ), cap), AWR's weight; a factor only.

    **Arguments:**

    - `temperature`: τ, in units of A.
    - `cap`: the largest factor.
    """

    temperature: Float[Array, ""] = scalar(1.0, gt=0.0)
    cap: Float[Array, ""] = scalar(100.0, gt=0.0)

    provides = frozenset({"factor"})

    def factor(self, label: Any, *, key: PRNGKeyArray) -> Float[Array, " batch"]:
        del key
        # The cap is put on the exponent: exp of a large advantage would be infinite before it is capped.
        return jnp.exp(jnp.minimum(label.advantage / self.temperature, jnp.log(self.cap)))


class Levels(Event):
    """o is which of L equal shares of the batch the advantage falls into; a mark only, the highest is wanted.

    **Arguments:**

    - `levels`: L.
    """

    levels: Annotated[int, Ge(2)] = 5

    provides = frozenset({"marks"})

    @property
    def wanted(self) -> Float[Array, " c"]:
        return jax.nn.one_hot(self.levels - 1, self.levels)

    def marks(self, label: Any, *, key: PRNGKeyArray) -> Float[Array, "batch c"]:
        del key
        rank = jnp.argsort(jnp.argsort(label.advantage))
        return jax.nn.one_hot(rank * self.levels // rank.shape[0], self.levels)


class Advantage(Event):
    """o is A/τ itself, a number; a mark only.

    **Arguments:**

    - `temperature`: τ, in units of A.
    - `target`: the A/τ that acting asks for.
    """

    temperature: Float[Array, ""] = scalar(1.0, gt=0.0)
    target: Float[Array, ""] = scalar(1.0)

    provides = frozenset({"marks"})

    @property
    def wanted(self) -> Float[Array, " c"]:
        return self.target[None]

    def marks(self, label: Any, *, key: PRNGKeyArray) -> Float[Array, "batch c"]:
        del key
        return (label.advantage / self.temperature)[:, None]
