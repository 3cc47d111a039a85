"""Q-gradient: imitate, and climb the critic with the policy's own samples."""

from typing import Any, Literal

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from cfgrl import Given, Label, Metrics, imitation_losses, scalar

from ._heads import smallest
from ._plain import Plain


class QGradient(Plain):
    """The loss is imitation − η·mean(Q(s, a)) with a sampled by the policy and the gradient taken through its sampler.

    There is no dial: η acts in training. Which Q, and what it is divided by where `normalize` is set, is said by
    `heads`:

    - `crossed`: Q_i, divided by the batch's mean |Q_j|, (i, j) two heads drawn anew for each update (Diffusion-QL);
    - `mean`: the mean of the heads, divided by the batch's mean of its absolute value (FQL);
    - `min`: likewise with their minimum.

    **Arguments:**

    - `eta`: η, the weight of Q against imitation (Diffusion-QL's differs by task, 0.005 to 4.5).
    - `heads`: which Q is climbed, as just said.
    - `normalize`: whether Q is divided by its mean magnitude (no gradient goes through that).

    Source: Wang et al., Diffusion-QL (arXiv 2208.06193); Park et al., FQL (arXiv 2502.02538).
    """

    eta: Float[Array, ""] = scalar(1.0, ge=0.0)
    heads: Literal["crossed", "mean", "min"] = "crossed"
    normalize: bool = True

    needs = frozenset({"critic"})

    def loss(self, given: Given, label: Label, *, key: PRNGKeyArray) -> tuple[Float[Array, ""], Metrics]:
        imitation_key, sample_key, head_key = jax.random.split(key, 3)
        condition = jax.vmap(self.condition)(label)
        losses = imitation_losses(given, label.target, condition, key=imitation_key)

        def score(observation: Array, context: Any, key: PRNGKeyArray) -> Float[Array, " heads"]:
            sample = given.policy.sample(given.net, observation, self.plain(context), key=key)
            return critic(observation, sample, context, which="online")

        critic: Any = given.critic
        keys = jax.random.split(sample_key, label.target.shape[0])
        q, magnitude = self.reduce(jax.vmap(score)(given.observation, label.context, keys), key=head_key)
        scale = jnp.maximum(jax.lax.stop_gradient(magnitude), 1e-6) if self.normalize else jnp.ones(())
        q_loss = -jnp.mean(q) / scale
        metrics = {"imitation_loss": jnp.mean(losses), "q_loss": q_loss, "q": jnp.mean(q)}
        return jnp.mean(losses) + self.eta * q_loss, metrics

    def reduce(
        self, q: Float[Array, "batch heads"], *, key: PRNGKeyArray
    ) -> tuple[Float[Array, " batch"], Float[Array, ""]]:
        """One Q for each example, and the magnitude that it is divided by."""
        if self.heads == "crossed":
            i = jax.random.randint(key, (), 0, q.shape[1])
            return q[:, i], jnp.mean(jnp.abs(q[:, (i + 1) % q.shape[1]]))
        reduced = jax.vmap({"mean": jnp.mean, "min": smallest}[self.heads])(q)
        return reduced, jnp.mean(jnp.abs(reduced))
