"""Flow matching: learn the velocity that carries Gaussian noise to actions, sample in a few steps along it."""

from typing import Annotated, Any, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
from annotated_types import Ge, Le
from jaxtyping import Array, Float, PRNGKeyArray

from cfgrl import Condition, ConfigError, Field, FieldPolicy, Network
from cfgrl.nn import MLP, Input, TimeEmbedding
from cfgrl_plugins.policies._invert import log_density
from cfgrl_plugins.policies._prediction import prediction

_LARGEST_DENSITY = 16


class FlowNet(eqx.Module):
    """The parameters: what reads observation and condition, the velocity network, and the time embedding."""

    encoder: Input
    velocity: Any
    target_size: int = eqx.field(static=True)
    time: TimeEmbedding = eqx.field(default_factory=TimeEmbedding)


class FlowMatching(FieldPolicy):
    """Linear-path (rectified) flow matching.

    With noise x₀ ~ N(0, I), target x₁, t ~ U(0, 1) and x_t = (1 − t)·x₀ + t·x₁, the loss is
    mean over components of (v(x_t, t | s, c) − (x₁ − x₀))². Sampling integrates dx/dt = v from t = 0 to 1. The network
    reads the observation, the condition, x_t and t. The density is that of the map from x₀ to the sample as the solver
    computes it: its steps are inverted one by one.

    **Arguments:**

    - `network`: the velocity network.
    - `steps`: steps of the solver (16 in the paper).
    - `solver`: `euler`, one call of the network a step; `heun`, two calls and an error of second order.
    - `time`: how t enters the network: `raw`, or `sinusoidal` with or without a small MLP (ExORL: without).
    - `time_grid`: n, where training draws t from {0, 1, …, n}/n instead of U(0, 1) (32 in the paper's ExORL runs).

    Source: CFGRL (arXiv 2505.23458), with OGBench hyperparameters; Lipman et al. (arXiv 2210.02747).
    """

    network: Network = eqx.field(default_factory=MLP)
    steps: Annotated[int, Ge(1), Le(64)] = 16
    solver: Literal["euler", "heun"] = "euler"
    time: Literal["raw", "sinusoidal", "sinusoidal-mlp"] = "raw"
    time_grid: Annotated[int, Ge(1)] | None = None

    provides = frozenset({"field", "log-prob"})

    def init(self, observation: Any, target: Any, condition: Condition, *, key: PRNGKeyArray) -> FlowNet:
        encoder_key, network_key = jax.random.split(key)
        encoder = Input(self.network, observation, condition, key=encoder_key)
        # A third key beside the two of the split, which stay what they are without an embedding.
        time = TimeEmbedding(self.time, key=jax.random.fold_in(key, 2))
        in_size = encoder.size + target.size + time.size
        return FlowNet(encoder, self.network.init(in_size, target.size, key=network_key), target.size, time)

    def loss(
        self,
        net: FlowNet,
        observation: Float[Array, "*observation"],
        target: Float[Array, " target"],
        condition: Condition,
        *,
        key: PRNGKeyArray,
    ) -> Float[Array, ""]:
        noise_key, time_key = jax.random.split(key)
        noise = jax.random.normal(noise_key, target.shape)
        if self.time_grid is None:
            t = jax.random.uniform(time_key)
        else:
            t = jax.random.randint(time_key, (), 0, self.time_grid + 1).astype(noise.dtype) / self.time_grid
        field = self._field(net, observation, condition, jax.random.fold_in(key, 2))
        predicted = field((1.0 - t) * noise + t * target, t)
        return jnp.mean((predicted - (target - noise)) ** 2)

    def field(self, net: FlowNet, observation: Float[Array, "*observation"], condition: Condition) -> Field:
        return self._field(net, observation, condition, None)

    def integrate(self, net: FlowNet, field: Field, *, key: PRNGKeyArray) -> Float[Array, " target"]:
        return self.carry(field, jax.random.normal(key, (net.target_size,)))

    def carry(self, field: Field, noise: Float[Array, " target"]) -> Float[Array, " target"]:
        """The sample that `noise` is carried to along `field`."""

        def step(x: Float[Array, " target"], t: Float[Array, ""]) -> tuple[Float[Array, " target"], None]:
            return self._step(field, x, t), None

        sample, _ = jax.lax.scan(step, noise, self._times(noise))
        return sample

    def field_log_prob(self, net: FlowNet, field: Field, target: Float[Array, " target"]) -> Float[Array, ""]:
        del net
        if target.size > _LARGEST_DENSITY:
            raise ConfigError(
                f"flow-matching: the density of a target of {target.size} components needs as many passes of the "
                f"network for each Jacobian; it is offered up to {_LARGEST_DENSITY}."
            )
        return log_density(lambda x, t: self._step(field, x, t), self._times(target), target)

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

    def _times(self, like: Float[Array, " target"]) -> Float[Array, " steps"]:
        return jnp.arange(self.steps, dtype=like.dtype) / self.steps

    def _step(self, field: Field, x: Float[Array, " target"], t: Float[Array, ""]) -> Float[Array, " target"]:
        slope = field(x, t)
        if self.solver == "euler":
            return x + slope / self.steps
        ahead = field(x + slope / self.steps, t + 1.0 / self.steps)
        return x + (slope + ahead) / (2 * self.steps)

    def _field(
        self,
        net: FlowNet,
        observation: Float[Array, "*observation"],
        condition: Condition,
        key: PRNGKeyArray | None,
    ) -> Field:
        return prediction(net.velocity, net.time, net.encoder(observation, condition), key)
