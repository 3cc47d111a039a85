"""Unguided: imitate the labels and sample the policy as it is."""

from typing import Literal

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from cfgrl import Given, Label, Metrics, imitation_losses

from ._plain import Plain


class Unguided(Plain):
    """No improvement: (goal-conditioned) behaviour cloning, depending on the labeler. There is no dial.

    **Arguments:**

    - `act`: how it acts: by a `sample`, or by the `mode` for policies that have one, as the Gaussian baselines of
      OGBench are judged.
    """

    act: Literal["sample", "mode"] = "sample"

    @property
    def needs(self) -> frozenset[str]:  # pyright: ignore[reportIncompatibleVariableOverride]
        """A mode where that acts."""
        return frozenset({"mode"} if self.act == "mode" else ())

    @property
    def by_mode(self) -> bool:
        """Whether the mode acts."""
        return self.act == "mode"

    def loss(self, given: Given, label: Label, *, key: PRNGKeyArray) -> tuple[Float[Array, ""], Metrics]:
        condition = jax.vmap(self.condition)(label)
        losses = imitation_losses(given, label.target, condition, key=key)
        return jnp.mean(losses), {}
