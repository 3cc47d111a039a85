"""From a raw advantage to optimality o, the event that guidance raises the probability of.

CFG trains in one of two forms, and each way of reading the advantage serves one or both:

- *marks*: every example is marked with its own o, which is nulled at random; `best` is what acting asks for;
- *factor*: every example passes the branch "o is best" with a loss scaled by f(A), and the branch "o unknown".
"""

import abc

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

Advantages = Float[Array, " batch"]


class Optimality(eqx.Module):
    """Base of the readings; those that have marks give `best`, those that have a factor give `factor`."""

    @property
    def best(self) -> Float[Array, " c"] | None:
        """What acting asks for; `None` where examples cannot be marked."""
        return None

    def marks(self, advantage: Advantages, *, key: PRNGKeyArray) -> Float[Array, "batch c"]:
        """The o of each example of a batch."""
        raise TypeError(f"{type(self).__name__} marks no examples.")

    def factor(self, advantage: Advantages, *, key: PRNGKeyArray) -> Float[Array, " batch"] | None:
        """f(A) of each example of a batch; `None` where there is no factor."""
        del advantage, key


class _Event(Optimality):
    """o is an event that happened or did not: two marks, a factor of 0 or 1."""

    @abc.abstractmethod
    def happened(self, advantage: Advantages, *, strict: bool, key: PRNGKeyArray) -> Array:
        """Whether each example is optimal; `strict` where equality does not count."""

    @property
    def best(self) -> Float[Array, " c"]:
        return jnp.array([0.0, 1.0])

    def marks(self, advantage: Advantages, *, key: PRNGKeyArray) -> Float[Array, "batch c"]:
        return jax.nn.one_hot(self.happened(advantage, strict=False, key=key).astype(jnp.int32), 2)

    def factor(self, advantage: Advantages, *, key: PRNGKeyArray) -> Float[Array, " batch"]:
        return self.happened(advantage, strict=True, key=key).astype(jnp.float32)


class Binary(_Event):
    """o = 1[A ≥ threshold] in marks (CFGRL on OGBench), 1[A > threshold] as a factor (CFGRL on ExORL)."""

    threshold: Float[Array, ""]

    def happened(self, advantage: Advantages, *, strict: bool, key: PRNGKeyArray) -> Array:
        del key
        threshold = jnp.broadcast_to(self.threshold, advantage.shape)
        return advantage > threshold if strict else advantage >= threshold


class Quantile(_Event):
    """As `Binary`, the threshold being a quantile of the batch: a fixed share of the data is optimal."""

    quantile: Float[Array, ""]

    def happened(self, advantage: Advantages, *, strict: bool, key: PRNGKeyArray) -> Array:
        return Binary(jnp.quantile(advantage, self.quantile)).happened(advantage, strict=strict, key=key)


class Bernoulli(_Event):
    """o is drawn with probability σ(A/τ): soft labels, with which f^w means what the theory says."""

    temperature: Float[Array, ""]

    def happened(self, advantage: Advantages, *, strict: bool, key: PRNGKeyArray) -> Array:
        del strict
        return jax.random.bernoulli(key, jax.nn.sigmoid(advantage / self.temperature))


class Exponential(Optimality):
    """f(A) = min(exp(A/τ), cap), AWR's weight; a factor only."""

    temperature: Float[Array, ""]
    cap: Float[Array, ""]

    def factor(self, advantage: Advantages, *, key: PRNGKeyArray) -> Float[Array, " batch"]:
        del key
        return jnp.exp(jnp.minimum(advantage / self.temperature, jnp.log(self.cap)))


class Levels(Optimality):
    """o is which of L equal shares of the batch the advantage falls into; marks only, the best is the highest."""

    levels: int = eqx.field(static=True)

    @property
    def best(self) -> Float[Array, " c"]:
        return jax.nn.one_hot(self.levels - 1, self.levels)

    def marks(self, advantage: Advantages, *, key: PRNGKeyArray) -> Float[Array, "batch c"]:
        del key
        rank = jnp.argsort(jnp.argsort(advantage))
        return jax.nn.one_hot(rank * self.levels // advantage.shape[0], self.levels)


class Scaled(Optimality):
    """o is A/τ itself, a number; marks only. Acting asks for `target`, in the same unit."""

    temperature: Float[Array, ""]
    target: Float[Array, ""]

    @property
    def best(self) -> Float[Array, " c"]:
        return self.target[None]

    def marks(self, advantage: Advantages, *, key: PRNGKeyArray) -> Float[Array, "batch c"]:
        del key
        return (advantage / self.temperature)[:, None]
