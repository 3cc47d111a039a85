"""A policy whose field is known exactly: its samples are Gaussian, and no network is learned."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from cfgrl import FieldPolicy


class Law(eqx.Module):
    """N(mean, deviation²), in the place of a network's parameters."""

    mean: Float[Array, ""]
    deviation: Float[Array, ""]


class GaussianFlow(FieldPolicy):
    """The velocity that carries N(0, 1) to N(m, s²) along x_t = (1 − t)·x₀ + t·x₁.

    x_t has mean t·m and deviation σ_t = √((1 − t)² + t²·s²), so that v(x, t) = m + (log σ_t)′·(x − t·m).
    """

    provides = frozenset({"field", "log-prob"})

    def init(self, observation: Any, target: Any, condition: Any, *, key: Any) -> Law:
        """A standard Gaussian."""
        del observation, target, condition, key
        return Law(jnp.zeros(()), jnp.ones(()))

    def loss(self, net: Law, observation: Any, target: Any, condition: Any, *, key: Any) -> Any:
        """Minus the log-density, up to a constant; the key makes it depend on what a loss may depend on."""
        del observation, condition
        noisy = target + 0.1 * jax.random.normal(key, target.shape)
        return jnp.mean(0.5 * ((noisy - net.mean) / net.deviation) ** 2) + jnp.log(net.deviation)

    def field(self, net: Law, observation: Any, condition: Any) -> Any:
        """The velocity above."""
        del observation, condition

        def velocity(x: Any, t: Any) -> Any:
            slope = (t * net.deviation**2 - (1.0 - t)) / ((1.0 - t) ** 2 + (t * net.deviation) ** 2)
            return net.mean + slope * (x - t * net.mean)

        return velocity

    def sample(self, net: Law, observation: Any, condition: Any, *, key: Any) -> Any:
        """Along its own field."""
        return self.integrate(net, self.field(net, observation, condition), key=key)

    def integrate(self, net: Law, field: Any, *, key: Any) -> Any:
        """Noise carried along a field."""
        del net
        return carried(field, jax.random.normal(key, (1,)))

    def field_log_prob(self, net: Law, field: Any, target: Any) -> Any:
        """Of a field that is linear in x: it carries x₀ to a + b·x₀, which is N(a, b²)."""
        del net
        a = carried(field, jnp.zeros(1))
        b = carried(field, jnp.ones(1)) - a
        return jnp.sum(jax.scipy.stats.norm.logpdf(target, a, jnp.abs(b)))

    def denoise(self, prediction: Any, x: Any, t: Any) -> Any:
        """As for every velocity of this path."""
        return x + (1.0 - t) * prediction

    def tilt(self, prediction: Any, x: Any, t: Any, score: Any) -> Any:
        """As for every velocity of this path."""
        del x
        return prediction + (1.0 - t) / t * score


def carried(field: Any, x: Any) -> Any:
    """Where `field` carries x from time 0 to 1, by the midpoint rule in 500 steps."""
    h = 1.0 / 500

    def step(x: Any, t: Any) -> Any:
        return x + h * field(x + 0.5 * h * field(x, t), t + 0.5 * h), None

    return jax.lax.scan(step, x, jnp.arange(500) * h)[0]
