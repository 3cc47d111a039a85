"""A Gaussian with diagonal covariance: the policy of classical behaviour cloning and AWR."""

from typing import Any, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from cfgrl import Condition, GenerativePolicy, Network, scalar
from cfgrl.nn import MLP, Input, call

_LOG_STD = (-5.0, 2.0)


class GaussianNet(eqx.Module):
    """The parameters: what reads observation and condition, the network, and log σ where it is one learned vector."""

    encoder: Input
    network: Any
    log_std: Float[Array, " target"] | None


class Gaussian(GenerativePolicy):
    """a ~ N(μ(s, c), diag σ²); the loss is -log p(target | s, c), summed over components. It has no field to guide.

    **Arguments:**

    - `network`: gives μ, and log σ too where `deviation` is `state`.
    - `deviation`: `constant` (σ = `std`), `learned` (one vector for all states, at first 1), or `state` (the network's
      output). What is learned lies between e⁻⁵ and e².
    - `std`: σ where it is constant.

    Source: GCBC and AWR in CFGRL (arXiv 2505.23458), whose code starts the last layer a hundred times smaller.
    """

    network: Network = eqx.field(default_factory=MLP)
    deviation: Literal["constant", "learned", "state"] = "constant"
    std: Float[Array, ""] = scalar(1.0, gt=0.0)

    provides = frozenset({"mode", "log-prob"})

    def init(self, observation: Any, target: Any, condition: Condition, *, key: PRNGKeyArray) -> GaussianNet:
        encoder_key, network_key = jax.random.split(key)
        encoder = Input(self.network, observation, condition, key=encoder_key)
        outputs = 2 if self.deviation == "state" else 1
        network = self.network.init(encoder.size, outputs * target.size, key=network_key)
        return GaussianNet(encoder, network, jnp.zeros((target.size,)) if self.deviation == "learned" else None)

    def loss(
        self,
        net: GaussianNet,
        observation: Float[Array, "*observation"],
        target: Float[Array, " target"],
        condition: Condition,
        *,
        key: PRNGKeyArray,
    ) -> Float[Array, ""]:
        return -_log_density(target, *self._law(net, observation, condition, key))

    def sample(
        self, net: GaussianNet, observation: Float[Array, "*observation"], condition: Condition, *, key: PRNGKeyArray
    ) -> Float[Array, " target"]:
        mean, log_std = self._law(net, observation, condition, None)
        return mean + jnp.exp(log_std) * jax.random.normal(key, mean.shape)

    def mode(
        self, net: GaussianNet, observation: Float[Array, "*observation"], condition: Condition
    ) -> Float[Array, " target"]:
        return self._law(net, observation, condition, None)[0]

    def log_prob(
        self,
        net: GaussianNet,
        observation: Float[Array, "*observation"],
        condition: Condition,
        target: Float[Array, " target"],
    ) -> Float[Array, ""]:
        return _log_density(target, *self._law(net, observation, condition, None))

    def _law(
        self,
        net: GaussianNet,
        observation: Float[Array, "*observation"],
        condition: Condition,
        key: PRNGKeyArray | None,
    ) -> tuple[Float[Array, " target"], Float[Array, " target"]]:
        """Mean and log σ of each component."""
        seen = net.encoder(observation, condition)
        mean = call(net.network, seen, key=key)
        if self.deviation == "constant":
            return mean, jnp.full_like(mean, jnp.log(self.std))
        if net.log_std is None:
            mean, log_std = jnp.split(mean, 2)
        else:
            log_std = net.log_std
        return mean, jnp.clip(log_std, *_LOG_STD)


def _log_density(
    x: Float[Array, " target"], mean: Float[Array, " target"], log_std: Float[Array, " target"]
) -> Float[Array, ""]:
    z = (x - mean) * jnp.exp(-log_std)
    return -jnp.sum(0.5 * z**2 + log_std + 0.5 * jnp.log(2 * jnp.pi))
