"""Flow matching: learn the velocity that carries Gaussian noise to actions, sample by Euler steps."""

from typing import Annotated, Any

import equinox as eqx
import jax
import jax.numpy as jnp
from annotated_types import Ge
from jaxtyping import Array, Float, PRNGKeyArray

from cfgrl import Condition, Field, FieldPolicy, Network
from cfgrl.nn import MLP, ConditionEncoder


class FlowNet(eqx.Module):
    """The parameters: learned nulls of the condition, and the velocity network."""

    encoder: ConditionEncoder
    velocity: Any
    target_size: int = eqx.field(static=True)


class FlowMatching(FieldPolicy):
    """Linear-path (rectified) flow matching.

    With noise x₀ ~ N(0, I), target x₁, t ~ U(0, 1) and x_t = (1 − t)·x₀ + t·x₁, the loss is
    mean over components of (v(x_t, t | s, c) − (x₁ − x₀))². Sampling integrates dx/dt = v from t = 0 to 1 in `steps`
    Euler steps. The network reads the observation, the condition, x_t and the raw t.

    **Arguments:**

    - `network`: the velocity network.
    - `steps`: Euler steps of the sampler (16 in the paper).

    Source: CFGRL (arXiv 2505.23458), with OGBench hyperparameters; Lipman et al. (arXiv 2210.02747).
    """

    network: Network = eqx.field(default_factory=MLP)
    steps: Annotated[int, Ge(1)] = 16

    provides = frozenset({"field"})

    def init(self, observation: Any, target: Any, condition: Condition, *, key: PRNGKeyArray) -> FlowNet:
        encoder_key, network_key = jax.random.split(key)
        encoder = ConditionEncoder(condition, key=encoder_key)
        in_size = observation.size + encoder.size + target.size + 1
        return FlowNet(encoder, self.network.init(in_size, target.size, key=network_key), target.size)

    def loss(
        self,
        net: FlowNet,
        observation: Float[Array, " observation"],
        target: Float[Array, " target"],
        condition: Condition,
        *,
        key: PRNGKeyArray,
    ) -> Float[Array, ""]:
        noise_key, time_key = jax.random.split(key)
        noise = jax.random.normal(noise_key, target.shape)
        t = jax.random.uniform(time_key)
        predicted = self.field(net, observation, condition)((1.0 - t) * noise + t * target, t)
        return jnp.mean((predicted - (target - noise)) ** 2)

    def sample(
        self, net: FlowNet, observation: Float[Array, " observation"], condition: Condition, *, key: PRNGKeyArray
    ) -> Float[Array, " target"]:
        return self.integrate(net, self.field(net, observation, condition), key=key)

    def field(self, net: FlowNet, observation: Float[Array, " observation"], condition: Condition) -> Field:
        seen = jnp.concatenate([jnp.ravel(observation), net.encoder(condition)])

        def velocity(x: Float[Array, " target"], t: Float[Array, ""]) -> Float[Array, " target"]:
            return net.velocity(jnp.concatenate([seen, x, t[None]]))

        return velocity

    def integrate(self, net: FlowNet, field: Field, *, key: PRNGKeyArray) -> Float[Array, " target"]:
        noise = jax.random.normal(key, (net.target_size,))

        def step(x: Float[Array, " target"], t: Float[Array, ""]) -> tuple[Float[Array, " target"], None]:
            return x + field(x, t) / self.steps, None

        times = jnp.arange(self.steps, dtype=noise.dtype) / self.steps
        sample, _ = jax.lax.scan(step, noise, times)
        return sample

    def denoise(
        self, prediction: Float[Array, " target"], x: Float[Array, " target"], t: Float[Array, ""]
    ) -> Float[Array, " target"]:
        return x + (1.0 - t) * prediction

    def tilt(
        self,
        prediction: Float[Array, " target"],
        x: Float[Array, " target"],
        t: Float[Array, ""],
        score: Float[Array, " target"],
    ) -> Float[Array, " target"]:
        del x
        # v = x/t + ((1 − t)/t)·score is singular at t = 0, where x is pure noise and knows nothing of the target:
        # the first Euler step takes the factor of its own middle instead.
        t = jnp.maximum(t, 0.5 / self.steps)
        return prediction + (1.0 - t) / t * score
