"""Unguided: imitate the labels and sample the policy as it is."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from cfgrl import Critic, Field, Guidance, Label, Metrics, imitation_losses


class Unguided(Guidance):
    """No improvement: (goal-conditioned) behaviour cloning, depending on the labeler. There is no dial."""

    needs = frozenset()

    def loss(
        self,
        policy: Any,
        net: Any,
        observation: Float[Array, "batch observation"],
        label: Label,
        critic: Critic,
        *,
        key: PRNGKeyArray,
    ) -> tuple[Float[Array, ""], Metrics]:
        del critic
        condition = jax.vmap(self.condition)(label)
        losses = imitation_losses(policy, net, observation, label.target, condition, key=key)
        return jnp.mean(losses), {}

    def sample(
        self,
        policy: Any,
        net: Any,
        observation: Float[Array, " observation"],
        context: PyTree[Array] | None,
        critic: Critic,
        weight: Any,
        *,
        key: PRNGKeyArray,
    ) -> Float[Array, " target"]:
        del critic, weight
        return policy.sample(net, observation, self.plain(context), key=key)

    def field(
        self,
        policy: Any,
        net: Any,
        observation: Float[Array, " observation"],
        context: PyTree[Array] | None,
        critic: Critic,
        weight: Any,
    ) -> Field:
        del critic, weight
        return policy.field(net, observation, self.plain(context))
