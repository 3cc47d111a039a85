"""Classifier-free guidance: one network learns the conditioned and the unconditional policy; w combines them."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from cfgrl import Condition, Critic, Field, Guidance, Label, Metrics, imitation_losses, scalar


class CFG(Guidance):
    """Classifier-free guidance as policy improvement, the goal being what is nulled.

    Training replaces the goal by a learned null with probability `dropout`. Acting integrates u + w·(c − u), with c
    the prediction given the goal and u the one given the null: for exact scores this samples
    π_w(a|s,g) ∝ π̂(a|s)·p(g|s,a)^w up to the discretisation of the sampler. w = 0 ignores the goal, w = 1 imitates the
    goal-conditioned data, w > 1 goes beyond it.

    **Arguments:**

    - `weight`: the default of the dial w; acting may use any other without training or compiling again.
    - `dropout`: probability of nulling the goal in training (0.1 in the paper).

    Source: CFGRL (arXiv 2505.23458); Ho & Salimans (arXiv 2207.12598).
    """

    # A field in the place of the base's property, which stands for "no dial".
    weight: Float[Array, ""] = scalar(3.0, ge=0.0)  # pyright: ignore[reportIncompatibleMethodOverride]
    dropout: Float[Array, ""] = scalar(0.1, gt=0.0, lt=1.0)

    needs = frozenset({"goal", "field"})

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
        drop_key, loss_key = jax.random.split(key)
        known = ~jax.random.bernoulli(drop_key, self.dropout, (label.target.shape[0],))
        condition = jax.vmap(lambda context, k: Condition.of(context, known=k))(label.context, known)
        losses = imitation_losses(policy, net, observation, label.target, condition, key=loss_key)
        conditioned = jnp.sum(jnp.where(known, losses, 0.0)) / jnp.maximum(jnp.sum(known, dtype=jnp.float32), 1.0)
        return jnp.mean(losses), {"conditioned_loss": conditioned}

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
        field = self.field(policy, net, observation, context, critic, weight)
        return policy.integrate(net, field, key=key)

    def field(
        self,
        policy: Any,
        net: Any,
        observation: Float[Array, " observation"],
        context: PyTree[Array] | None,
        critic: Critic,
        weight: Any,
    ) -> Field:
        del critic

        def guided(x: Float[Array, " target"], t: Float[Array, ""]) -> Float[Array, " target"]:
            def prediction(known: Array) -> Array:
                return policy.field(net, observation, Condition.of(context, known=known))(x, t)

            # Both predictions in one call on a doubled batch: cheaper than two calls.
            conditioned, unconditional = jax.vmap(prediction)(jnp.array([True, False]))
            return unconditional + weight * (conditioned - unconditional)

        return guided
