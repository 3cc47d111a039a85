"""Unguided: imitate the labels and sample the policy as it is."""

from typing import Any, Literal

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from cfgrl import ConfigError, Critic, Field, Guidance, Label, Metrics, imitation_losses


class Unguided(Guidance):
    """No improvement: (goal-conditioned) behaviour cloning, depending on the labeler. There is no dial.

    **Arguments:**

    - `act`: `sample`, or `mode` for policies that have one, as the Gaussian baselines of OGBench are judged.
    """

    act: Literal["sample", "mode"] = "sample"

    @property
    def needs(self) -> frozenset[str]:  # pyright: ignore[reportIncompatibleVariableOverride]
        """A mode where that acts."""
        return frozenset({"mode"} if self.act == "mode" else ())

    @property
    def steers(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        """A mode is not the end of a field."""
        return self.act == "sample"

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
        condition = self.plain(context)
        if self.act == "mode":
            return policy.mode(net, observation, condition)
        return policy.sample(net, observation, condition, key=key)

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
        if not self.steers:
            raise ConfigError('Unguided that acts by the mode has no field: set act to "sample".')
        return policy.field(net, observation, self.plain(context))
