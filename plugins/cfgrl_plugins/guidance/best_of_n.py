"""Best-of-N: draw several targets from another guidance and take the one that the critic prefers."""

from typing import Annotated, Any, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
from annotated_types import Ge
from jaxtyping import Array, Float, PRNGKeyArray

from cfgrl import ConfigError, Field, Given, Guidance, scalar

from ._wrapper import Wrapper
from .unguided import Unguided


class BestOfN(Wrapper):
    """N samples of `inner`, of which one acts: that of the largest Q, or one drawn with softmax(Q/temperature).

    Q is the minimum over the critic's slow heads. Training is that of `inner`, and so is the dial.

    **Arguments:**

    - `inner`: the guidance that trains and samples, whose dial this one has.
    - `samples`: N, how many are drawn for one action (IDQL: 64, Diffusion-QL: 50).
    - `pick`: the one of the largest Q, `argmax` (IDQL), or a drawn one, `softmax` (Diffusion-QL).
    - `temperature`: of the softmax, in units of Q.

    Source: Hansen-Estruch et al., IDQL (arXiv 2304.10573); Diffusion-QL (arXiv 2208.06193).
    """

    inner: Guidance = eqx.field(default_factory=Unguided)
    samples: Annotated[int, Ge(1)] = 64
    pick: Literal["argmax", "softmax"] = "argmax"
    temperature: Float[Array, ""] = scalar(1.0, gt=0.0)

    steers = False

    @property
    def needs(self) -> frozenset[str]:  # pyright: ignore[reportIncompatibleVariableOverride]
        """A critic, and what `inner` needs."""
        return self.inner.needs | {"critic"}

    @property
    def weight(self) -> Any:
        """The dial of `inner`."""
        return self.inner.weight

    @property
    def ends(self) -> tuple[str, str]:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Those of `inner`."""
        return self.inner.ends

    def sample(self, given: Given, weight: Any, *, key: PRNGKeyArray) -> Float[Array, " target"]:
        pick_key, sample_key = jax.random.split(key)
        critic: Any = given.critic

        def score(target: Float[Array, " target"]) -> Float[Array, ""]:
            return jnp.min(critic(given.observation, target, given.context, which="target"))

        keys = jax.random.split(sample_key, self.samples)
        targets = jax.vmap(lambda key: self.inner.sample(given, weight, key=key))(keys)
        q = jax.vmap(score)(targets)
        if self.pick == "argmax":
            return targets[jnp.argmax(q)]
        return targets[jax.random.categorical(pick_key, q / self.temperature)]

    def field(self, given: Given, weight: Any) -> Field:
        raise ConfigError(
            "best-of-n picks among finished samples and has no field to steer: wrap it around the other guidance."
        )
