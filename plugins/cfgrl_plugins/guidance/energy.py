"""Energy guidance: every step of the sampler leans towards where the critic says more."""

from typing import Any

import equinox as eqx
import jax
from jaxtyping import Array, Float

from cfgrl import ConfigError, Field, Given, Guidance, scalar

from ._heads import smallest
from ._wrapper import Wrapper
from .unguided import Unguided


class Energy(Wrapper):
    """Adds w·∇_x Q(s, â(x, t)) to the score of `inner`'s field, â being the clean estimate that the field implies.

    It aims at π_w(a|s) ∝ π̂(a|s)·exp(w·Q(s, a)): ∇_x log E[exp(w·Q) | x] is approximated by the gradient of w·Q at the
    mean. Q is the minimum over the critic's slow heads. Training is that of `inner`, whose own dial, where it has one,
    stays at its default; w = 0 is `inner`.

    **Arguments:**

    - `weight`: the default of the dial w, in units of 1/Q.
    - `inner`: the guidance that trains, and whose field is tilted; one that acts by a field.

    Source: Lu et al., exact energy guidance (arXiv 2304.12824), of which this is the mean-field form; the gradient
    through the clean estimate as in Chung et al. (arXiv 2209.14687).
    """

    # A field in the place of the base's property, which stands for "no dial".
    weight: Float[Array, ""] = scalar(1.0, ge=0.0)  # pyright: ignore[reportIncompatibleMethodOverride]
    inner: Guidance = eqx.field(default_factory=Unguided)

    ends = ("the critic left out", "tilted by its gradient once")

    def __check_init__(self) -> None:
        if not self.inner.steers:
            raise ConfigError(
                f"Energy guidance tilts a field, and {type(self.inner).__name__} acts by something else, which would "
                "be lost: wrap that guidance around energy, or choose another inner one."
            )

    @property
    def needs(self) -> frozenset[str]:  # pyright: ignore[reportIncompatibleVariableOverride]
        """A critic and a field, and what `inner` needs."""
        return self.inner.needs | {"critic", "field"}

    def field(self, given: Given, weight: Any) -> Field:
        inner, critic = self.inner.field(given, self.inner.weight), given.critic
        assert critic is not None

        def tilted(x: Float[Array, " target"], t: Float[Array, ""]) -> Float[Array, " target"]:
            def energy(x: Float[Array, " target"]) -> tuple[Float[Array, ""], Float[Array, " target"]]:
                prediction = inner(x, t)
                clean = given.policy.denoise(prediction, x, t)
                return smallest(critic(given.observation, clean, given.context, which="target")), prediction

            slope, prediction = jax.grad(energy, has_aux=True)(x)
            return given.policy.tilt(prediction, x, t, weight * slope)

        return tilted
