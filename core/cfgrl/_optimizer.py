"""How a stage's network is trained: `Optimizer` (Adam, clipping) and `EMA` (an averaged copy)."""

from typing import Annotated, Any

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from annotated_types import Ge
from jaxtyping import Array, Bool, Float, Int

from cfgrl._types import Checked, copied, scalar


class Optimizer(Checked):
    """Adam with an optional bound on the gradient norm and an optional decay of its step size.

    **Arguments:**

    - `learning_rate`: Adam's step size.
    - `clip_norm`: largest global norm of a gradient; `None` for no bound.
    - `decay_steps`: updates over which the step size falls to zero along a half cosine; `None` for a constant one.
    """

    learning_rate: Float[Array, ""] = scalar(3e-4, gt=0.0)
    clip_norm: Float[Array, ""] | None = scalar(None, gt=0.0, optional=True)
    decay_steps: Annotated[int, Ge(1)] | None = None

    def transform(self) -> optax.GradientTransformation:
        """The optax transformation; built inside the compiled update, so that its numbers stay traced."""
        rate: Any = self.learning_rate
        if self.decay_steps is not None:
            rate = optax.cosine_decay_schedule(rate, self.decay_steps)
        adam = optax.adam(rate)
        if self.clip_norm is None:
            return adam
        return optax.chain(optax.clip_by_global_norm(self.clip_norm), adam)

    def init(self, net: Any) -> optax.OptState:
        """The optimiser's state for the arrays of `net`."""
        return self.transform().init(eqx.filter(net, eqx.is_inexact_array))

    def apply(self, net: Any, gradient: Any, state: optax.OptState) -> tuple[Any, optax.OptState]:
        """One step; returns the new network and state."""
        updates, state = self.transform().update(gradient, state, eqx.filter(net, eqx.is_inexact_array))
        return eqx.apply_updates(net, updates), state


class EMA(Checked):
    """An exponential moving average of a stage's network.

    **Arguments:**

    - `decay`: share of the average that stays at each step, in [0, 1); `None` keeps no average.
    - `every`: updates between two steps of the average.
    - `start`: until this update the average is a copy of the network.
    - `acts`: whether the average acts, or serves only as a target while the network acts.
    """

    decay: Float[Array, ""] | None = scalar(None, ge=0.0, lt=1.0, optional=True)
    every: Annotated[int, Ge(1)] = 1
    start: Annotated[int, Ge(0)] = 0
    acts: bool = True

    def init(self, net: Any) -> Any:
        """A copy: parameters and average that shared buffers would crash an update that donates them."""
        if self.decay is None:
            return None
        return copied(net)

    def apply(self, average: Any, net: Any, step: Int[Array, ""]) -> Any:
        """The average after update number `step` (counted from 0)."""
        if self.decay is None:
            return None
        due: Bool[Array, ""] = (step + 1) % self.every == 0
        copying = step < self.start
        decay = jnp.where(copying, 0.0, jnp.where(due, self.decay, 1.0))

        def mix(old: Any, new: Any) -> Any:
            return decay * old + (1.0 - decay) * new if eqx.is_inexact_array(old) else new

        return jax.tree.map(mix, average, net)
