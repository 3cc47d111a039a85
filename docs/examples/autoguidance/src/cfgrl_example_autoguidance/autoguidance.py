"""Autoguidance: what a strong model predicts beyond a weaker one, done more of."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from cfgrl import Field, Given, Guidance, Label, Metrics, imitation_losses, scalar


class Autoguidance(Guidance):
    """Guides a policy with a weaker version of itself: prediction = weak + w·(strong − weak).

    Both predictions are given the same condition, a goal where there is one. Where a weak model errs, a strong one is
    likely to err the same way by less, so that going on in the direction from weak to strong corrects both; and where
    the two agree, nothing is changed. Unlike classifier-free guidance it does not lean towards what makes the condition
    likely, and nothing is nulled in training. w = 0 is the weak policy, w = 1 the strong one exactly, w > 1 goes beyond
    it.

    **Arguments:**

    - `weight`: the default of the dial w; acting may use any other without training or compiling again.

    Source: Karras et al., Guiding a Diffusion Model with a Bad Version of Itself (arXiv 2406.02507).
    """

    # A field in the place of the base's property, which stands for "no dial".
    weight: Float[Array, ""] = scalar(2.0, ge=0.0)  # pyright: ignore[reportIncompatibleMethodOverride]

    # Names of capabilities are free. Nothing in cfgrl knows `weak-field`: a policy without it is refused all the same.
    needs = frozenset({"field", "weak-field"})
    ends = ("the weak policy", "the strong policy")

    def loss(self, given: Given, label: Label, *, key: PRNGKeyArray) -> tuple[Float[Array, ""], Metrics]:
        """Imitation, by whatever loss the policy has."""
        condition = jax.vmap(self.condition)(label)
        return jnp.mean(imitation_losses(given, label.target, condition, key=key)), {}

    def field(self, given: Given, weight: Any) -> Field:
        """The two fields combined."""
        condition = self.plain(given.context)
        strong, weak = given.field(condition), given.policy.weak_field(given.net, given.observation, condition)

        def guided(x: Float[Array, " target"], t: Float[Array, ""]) -> Float[Array, " target"]:
            prediction = strong(x, t)
            # weak + w·(strong − weak), written so that w = 1 is the strong prediction to the last bit.
            return prediction + (weight - 1.0) * (prediction - weak(x, t))

        return guided
