"""One-step generation: a map from noise to actions, distilled from a flow, that a critic can be climbed through."""

from typing import Annotated, Any

import equinox as eqx
import jax
import jax.numpy as jnp
from annotated_types import Ge, Le
from jaxtyping import Array, Float, PRNGKeyArray

from cfgrl import Condition, GenerativePolicy, Network, scalar
from cfgrl.nn import MLP, Input, call
from cfgrl_plugins.policies.flow_matching import FlowMatching, FlowNet


class MapNet(eqx.Module):
    """The parameters of the map: learned nulls of the condition, and the network."""

    encoder: Input
    network: Any
    target_size: int = eqx.field(static=True)


class OneStepNet(eqx.Module):
    """A flow that imitates, and the map that follows it."""

    flow: FlowNet
    map: MapNet


class OneStep(GenerativePolicy):
    """A sample is μ(s, z), z ~ N(0, I): one call of a network. There is no field to guide and no density.

    The loss is that of flow matching, plus `alpha` · mean over components of (μ(s, z) - Euler(s, z))², Euler being the
    flow carried from the same z in `steps` steps, through which no gradient goes. With a critic's gradient on the
    samples besides (`q-gradient`) this is FQL: `alpha` then is how closely μ is held to the data.

    **Arguments:**

    - `network`: of the flow's velocity and, with separate parameters, of the map.
    - `steps`: Euler steps of the flow.
    - `alpha`: weight of the distillation (0.03 to 10 where the loss of Q is normalised, by task).

    Source: Park et al., FQL (arXiv 2502.02538). Its code clips Euler's result to the action box; here only acting
    clips, so that subgoals can be generated too.
    """

    network: Network = eqx.field(default_factory=MLP)
    steps: Annotated[int, Ge(1), Le(64)] = 10
    alpha: Float[Array, ""] = scalar(10.0, ge=0.0)

    provides = frozenset()

    @property
    def _flow(self) -> FlowMatching:
        return FlowMatching(self.network, steps=self.steps)

    def init(self, observation: Any, target: Any, condition: Condition, *, key: PRNGKeyArray) -> OneStepNet:
        flow_key, encoder_key, map_key = jax.random.split(key, 3)
        encoder = Input(self.network, observation, condition, key=encoder_key)
        in_size = encoder.size + target.size
        network = self.network.init(in_size, target.size, key=map_key)
        flow = self._flow.init(observation, target, condition, key=flow_key)
        return OneStepNet(flow, MapNet(encoder, network, target.size))

    def loss(
        self,
        net: OneStepNet,
        observation: Float[Array, "*observation"],
        target: Float[Array, " target"],
        condition: Condition,
        *,
        key: PRNGKeyArray,
    ) -> Float[Array, ""]:
        flow_key, noise_key, network_key = jax.random.split(key, 3)
        flow = self._flow
        noise = jax.random.normal(noise_key, target.shape)
        carried = jax.lax.stop_gradient(flow.carry(flow.field(net.flow, observation, condition), noise))
        mapped = _map(net.map, observation, condition, noise, network_key)
        imitation = flow.loss(net.flow, observation, target, condition, key=flow_key)
        return imitation + self.alpha * jnp.mean((mapped - carried) ** 2)

    def sample(
        self, net: OneStepNet, observation: Float[Array, "*observation"], condition: Condition, *, key: PRNGKeyArray
    ) -> Float[Array, " target"]:
        noise = jax.random.normal(key, (net.map.target_size,))
        return _map(net.map, observation, condition, noise, None)


def _map(
    net: MapNet,
    observation: Float[Array, "*observation"],
    condition: Condition,
    noise: Float[Array, " target"],
    key: PRNGKeyArray | None,
) -> Float[Array, " target"]:
    seen = [net.encoder(observation, condition), noise]
    return call(net.network, jnp.concatenate(seen), key=key)
