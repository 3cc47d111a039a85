"""Advantage-weighted regression: imitate good actions more; the strength is fixed in training."""

from typing import Any, Literal

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from cfgrl import ConfigError, Critic, Field, Guidance, Label, Metrics, imitation_losses, scalar


class AWR(Guidance):
    """Imitation whose loss is weighted by min(exp(A/β), cap). There is no dial: another β is another training run.

    The weights are not normalised, so that they also scale the gradient, as in CFGRL's and IQL's code.

    **Arguments:**

    - `inverse_temperature`: 1/β (CFGRL's baseline: one of 1, 3, 10, 30).
    - `cap`: the largest weight.
    - `act`: `mode`, for policies that have one, or `sample`.

    Source: Peng et al. (arXiv 1910.00177); IQL (arXiv 2110.06169).
    """

    inverse_temperature: Float[Array, ""] = scalar(3.0, ge=0.0)
    cap: Float[Array, ""] = scalar(100.0, gt=0.0)
    act: Literal["mode", "sample"] = "sample"

    @property
    def needs(self) -> frozenset[str]:  # pyright: ignore[reportIncompatibleVariableOverride]
        """An advantage, and a mode where that acts."""
        return frozenset({"advantage", "mode"} if self.act == "mode" else {"advantage"})

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
        # The cap is put on the exponent: exp of a large advantage would be infinite before it is capped.
        advantage: Any = label.advantage
        weights = jnp.exp(jnp.minimum(self.inverse_temperature * advantage, jnp.log(self.cap)))
        metrics = {"imitation_loss": jnp.mean(losses), "advantage_weight": jnp.mean(weights)}
        return jnp.mean(weights * losses), metrics

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
            raise ConfigError('AWR that acts by the mode has no field: set act to "sample".')
        return policy.field(net, observation, self.plain(context))
