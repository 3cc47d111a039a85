"""Advantage-weighted regression: imitate good actions more; the strength is fixed in training."""

from typing import Any, Literal

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from cfgrl import Given, Label, Metrics, imitation_losses, scalar

from ._plain import Plain


class AWR(Plain):
    """Imitation whose loss is weighted by min(exp(A/β), cap). There is no dial: another β is another training run.

    The weights are not normalised, so that they also scale the gradient, as in CFGRL's and IQL's code.

    **Arguments:**

    - `inverse_temperature`: 1/β (CFGRL's baseline: one of 1, 3, 10, 30).
    - `cap`: the largest weight.
    - `act`: how it acts: by the `mode`, for policies that have one, or by a `sample`.

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
    def by_mode(self) -> bool:
        """Whether the mode acts."""
        return self.act == "mode"

    def loss(self, given: Given, label: Label, *, key: PRNGKeyArray) -> tuple[Float[Array, ""], Metrics]:
        condition = jax.vmap(self.condition)(label)
        losses = imitation_losses(given, label.target, condition, key=key)
        # The cap is put on the exponent: exp of a large advantage would be infinite before it is capped.
        advantage: Any = label.advantage
        weights = jnp.exp(jnp.minimum(self.inverse_temperature * advantage, jnp.log(self.cap)))
        metrics = {"imitation_loss": jnp.mean(losses), "advantage_weight": jnp.mean(weights)}
        return jnp.mean(weights * losses), metrics
