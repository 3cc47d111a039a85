"""What critics share: heads of Q, the slowly moving target, and the clip to the box that actions live in."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from cfgrl import Network, nn


class Head(eqx.Module):
    """One or several networks, and what reads the observation for them."""

    reader: nn.Reader
    net: Any

    @staticmethod
    def valuing(network: Network, row: Any, context: Any, *, key: PRNGKeyArray, heads: int | None = None) -> "Head":
        """V of observation and context; with `heads` that many of Q, which see an action too.

        `row` holds shapes of `observations` and `actions`.
        """
        reader = nn.Reader(network, row["observations"], key=jax.random.fold_in(key, 1))
        seen = reader.size + size(context)
        if heads is None:
            return Head(reader, network.init(seen, 1, key=key))
        return Head(reader, nn.Ensemble(network, heads, seen + row["actions"].size, 1, key=key))

    def __call__(self, observation: Array, *more: PyTree[Array] | None) -> Array:
        return self.net(see(self.reader(observation), *more))


def score(
    heads: Head, observation: Array, action: Float[Array, " action"], context: PyTree[Array] | None
) -> Float[Array, " heads"]:
    """Q(s, a) or Q(s, a, g) by each head; an action outside the box is scored where it will be clipped to."""
    return heads(observation, context, jnp.clip(action, -1.0, 1.0))[:, 0]


def see(observation: Array, *more: PyTree[Array] | None) -> Float[Array, " size"]:
    """A network's input: all arrays, flat, one after another."""
    return jnp.concatenate([jnp.ravel(leaf) for leaf in jax.tree.leaves((observation, more))])


def size(*parts: Any) -> int:
    """Length of what `see` makes of arrays or shapes."""
    return sum(leaf.size for leaf in jax.tree.leaves(parts))


def follow(target: Any, online: Any, rate: Array) -> Any:
    """Polyak averaging: target ← (1 − τ)·target + τ·online."""

    def mix(old: Any, new: Any) -> Any:
        return (1.0 - rate) * old + rate * new if eqx.is_inexact_array(old) else new

    return jax.tree.map(mix, target, online)
